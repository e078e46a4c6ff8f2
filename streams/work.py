"""One source being worked on: what every step of it needs, and the limits of its programs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import Fault, PermanentError
from streams.ffmpeg_run import Limits, Output, run
from streams.media_facts import MediaFacts
from streams.programs import Programs

SILENT_LUFS = -70.0
"""What ebur128 answers below its absolute gate, and for less than 0.4 s of sound."""


@dataclass(frozen=True)
class Heard:
    """What a measurement says."""

    lufs: float
    true_peak_db: float

    @property
    def silent(self) -> bool:
        return self.lufs <= SILENT_LUFS + 1


@dataclass(frozen=True)
class Work:
    """``source`` and ``folder`` are absolute; the folder is private to this work."""

    source: Path
    facts: MediaFacts
    folder: Path
    programs: Programs
    nice: int
    cancelled: Callable[[], bool]
    accept_damage: bool = False
    """A person said yes to the best that a damaged source gives."""
    gains: dict[tuple[float, float], tuple[float, Heard]] = field(default_factory=dict)
    """Gain and result by target loudness and true peak: measured once for all recipes."""

    @property
    def duration_s(self) -> float:
        return self.facts.duration_s or 0.0

    def run(self, argv: Sequence[str], on_line: Callable[[str], None] | None = None) -> Output:
        """Run in the folder under limits that rest on the length that is really there, never on
        what a header claims; raises as :func:`streams.ffmpeg_run.run` does."""
        limits = Limits(
            wall_s=120 + 60 * self.duration_s,
            cpu_s=60 + 60 * self.duration_s,
            file_bytes=round(64e6 + 16e6 * self.duration_s),
            nice=self.nice,
        )
        return run(
            argv,
            limits,
            cwd=self.folder,
            cancelled=self.cancelled,
            on_line=on_line,
            fence=self.programs.fence([self.source], [self.folder]),
        )


def cannot(code: str, reason: str) -> PermanentError:
    """This source cannot be made into that; ``reason`` is Chinese first."""
    return PermanentError(
        Fault(code, "media", reason, "请检查原片,或换一个文件 / check the original or send another")
    )
