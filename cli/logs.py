"""Logs: JSON lines with time, level, event, process; no story text, key or token in them."""

import faulthandler
import logging
import signal
import sys
import threading
import traceback

import structlog


def configure(process: str) -> None:
    """One line a happening on stdout, which the supervisor keeps and rotates.

    SIGUSR1 has every thread's stack written there too, whatever the process hangs in: the
    supervisor sends it before it kills a silent one.
    """
    faulthandler.register(signal.SIGUSR1, file=sys.stdout, all_threads=True)
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(
        stream=sys.stdout,
        level=logging.WARNING,
        format='{"time":"%(asctime)s","level":"%(levelname)s","logger":"%(name)s","event":%(message)r}',
    )


def stacks() -> dict[str, list[str]]:
    """Thread name → its stack, innermost last: for the log of a process that ends because one of
    its threads is stuck."""
    frames = sys._current_frames()  # noqa: SLF001  # the documented way to see other threads
    return {
        thread.name: [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_stack(frames[thread.ident])[-12:]
        ]
        for thread in threading.enumerate()
        if thread.ident in frames
    }
