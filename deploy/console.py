"""What the supervisor says on the terminal, Chinese first."""

import contextlib
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.process_spec import StackPlan


@dataclass
class Console:
    """Writes to the terminal, or, while a command runs there, only to the supervisor's log."""

    log: Path
    quiet: bool = False
    muted: bool = False

    def say(self, text: str) -> None:
        """A line for the operator, and for the log."""
        self.note(text)
        if not (self.quiet or self.muted):
            self._write(text)

    def alarm(self, text: str) -> None:
        """A line that is shown whatever was asked for."""
        self.note(text)
        self._write(text)

    def note(self, text: str) -> None:
        """A line for the log alone; a full disk keeps nobody from working."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        try:
            with self.log.open("a", encoding="utf-8") as file:
                file.writelines(f"{stamp} {line}\n" for line in text.splitlines())
        except OSError:
            pass

    @staticmethod
    def _write(text: str) -> None:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError:  # the terminal is gone; the stack is not
            pass


def width(text: str) -> int:
    """Columns that a text takes on a terminal: Chinese characters take two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def padded(text: str, columns: int) -> str:
    """The text filled up with blanks to so many columns."""
    return text + " " * max(1, columns - width(text))


def ready_line(name: str, title: str, seconds: float) -> str:
    """One line for one process that is ready."""
    return f"  {padded(name, 11)}{padded(title, 36)}{seconds:5.1f} s"


def ready_block(plan: StackPlan, seconds: float) -> str:
    """All is ready: where everything is."""
    lines = [f"全部就绪 / all ready ({seconds:.1f} s)"]
    lines += [f"  {padded(name, 26)}{place}" for name, place in plan.places]
    if plan.foreground is None:
        lines.append("Ctrl-C 停止 / stops everything")
    return "\n".join(lines)


def how_it_ended(status: int) -> str:
    """Exit status, or minus a signal's number, in words."""
    if status >= 0:
        return f"status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
