"""Start one program under limits; run as ``python -I -S confined.py LIMITS -- PROGRAM ARG…``.

``LIMITS`` is JSON: ``parent`` (pid), ``nice``, ``memory_bytes``, ``cpu_s``, ``file_bytes``,
``open_files``, ``network`` (true: leave it to the program, which is a sandbox), ``paths`` (null, or
``read`` and ``write``: all of the disk that Landlock leaves). The program replaces this process, so its pid and exit status are the program's
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
import struct
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000
# linux/landlock.h; the numbers are the same on every architecture
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1, 2, 4, 8, 1 << 14
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE


def main(arguments: list[str]) -> int:
    """Set the limits and become the program; returns only when that fails."""
    limits: dict[str, Any] = json.loads(arguments[0])
    program = arguments[2:]
    if sys.platform == "linux":
        _linux(limits["parent"], network=limits["network"], paths=limits["paths"])
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


def _linux(parent: int, *, network: bool, paths: dict[str, list[str]] | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not network and libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if paths is not None:
        _landlock(libc, paths)
    # After the namespaces: a change of credentials may clear it.
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(125)


def _landlock(libc: ctypes.CDLL, paths: dict[str, list[str]]) -> None:
    """Leave of the disk only ``paths``; see landlock(7). A kernel without it changes nothing."""
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    every = (1 << {1: 13, 2: 14}.get(version, 15)) - 1
    ruleset = struct.pack("Q", every)
    fence = libc.syscall(_LANDLOCK_CREATE_RULESET, ruleset, len(ruleset), 0)
    if fence < 0:
        return
    for name, wanted in (("read", _EXECUTE | _READ_FILE | _READ_DIR), ("write", every)):
        for path in paths[name]:
            with contextlib.suppress(OSError):
                _allow(libc, fence, path, wanted)
    libc.syscall(_LANDLOCK_RESTRICT_SELF, fence, 0)
    os.close(fence)


def _allow(libc: ctypes.CDLL, fence: int, path: str, wanted: int) -> None:
    at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = wanted if os.path.isdir(path) else wanted & _OF_FILES  # noqa: PTH112
        rule = struct.pack("=Qi", allowed, at)
        libc.syscall(_LANDLOCK_ADD_RULE, fence, _PATH_BENEATH, rule, 0)
    finally:
        os.close(at)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (ceiling, ceiling))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
