"""Start one program under limits; run as ``python -I -S confined.py LIMITS -- PROGRAM ARG…``.

``LIMITS`` is JSON: ``parent`` (pid), ``nice``, ``memory_bytes``, ``cpu_s``, ``file_bytes``,
``open_files``. The program replaces this process, so its pid and exit status are the program's
own. Standard library alone, since ``-S`` leaves site-packages out. Exit status 125: the parent
was already gone; 127: the program could not be started.

A limit that the system refuses to set (already lower) is left as it is. The network is taken
away where the kernel lets us: ffmpeg never needs it, and a crafted file must reach no address.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000


def main(arguments: list[str]) -> int:
    """Set the limits and become the program; returns only when that fails."""
    limits: dict[str, int] = json.loads(arguments[0])
    program = arguments[2:]
    if sys.platform == "linux":
        _linux(limits["parent"])
    os.nice(limits["nice"])
    _limit(resource.RLIMIT_AS, limits["memory_bytes"])
    # The runner watches the clock of the processor itself; this stays should it be gone.
    _limit(resource.RLIMIT_CPU, limits["cpu_s"] + 5)
    _limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    _limit(resource.RLIMIT_NOFILE, limits["open_files"])
    _limit(resource.RLIMIT_CORE, 0)
    # Python ignores SIGPIPE, and an ignored signal survives exec. SIGXFSZ stays ignored: the
    # program then sees "File too large" and says so instead of dying without a word.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execv(program[0], program)  # noqa: S606  # argv as given, no shell is wanted
    except OSError as error:
        sys.stderr.write(f"cannot start {program[0]}: {error.strerror}\n")
    return 127


def _linux(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # After the namespaces: a change of credentials may clear it.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(125)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (ceiling, ceiling))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
