"""Sleep that a signal ends: a child that died, or the wish to stop."""

import contextlib
import os
import select
import signal
from collections.abc import Callable


def catch_signals(ask_to_stop: Callable[[int], None]) -> int:
    """Let signals wake the sleeper; return the descriptor to sleep on.

    SIGINT, SIGTERM and SIGHUP call ``ask_to_stop`` with their number.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # under nohup a closed terminal stops nothing
        signal.signal(number, lambda caught, _frame: ask_to_stop(caught))
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return reader


def sleep(wake: int, seconds: float) -> None:
    """Wait so long, or until a signal came."""
    if select.select([wake], [], [], seconds)[0]:
        with contextlib.suppress(BlockingIOError):
            os.read(wake, 512)
