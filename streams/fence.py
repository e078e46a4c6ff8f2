"""What a program that reads a stranger's file may touch: that file, its own folder, itself.

Three ways, the first that works: bubblewrap (mounts of its own), Landlock (Linux 5.13, set up by
:mod:`streams.confined`, needs no package and no right), none. Whatever the way, the forced reader
and the white lists of :mod:`streams.ffprobe` hold as well: two independent layers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Sandbox = Literal["bwrap", "landlock", "none"]

_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


@dataclass(frozen=True)
class Fence:
    """``reads`` and ``writes`` are absolute; a folder stands for all that is in it."""

    sandbox: Sandbox
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    bwrap: str = ""


def wrapped(argv: list[str], fence: Fence, cwd: Path) -> list[str]:
    """The command inside bubblewrap: nothing of the disk but the system's programs, the fence's
    own paths, and a few devices; no network, no other process to be seen."""
    made = [fence.bwrap, "--unshare-all", "--die-with-parent", "--dev", "/dev"]
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            made += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            made += ["--ro-bind", str(path), str(path)]
    for path in (_home(argv[0]), *fence.reads):
        if not str(path).startswith("/usr/"):
            made += ["--ro-bind", str(path), str(path)]
    for path in fence.writes:
        made += ["--bind", str(path), str(path)]
    made += ["--dir", str(cwd), "--remount-ro", "/", "--chdir", str(cwd)]
    return [*made, "--", *argv]


def rules(program: str, fence: Fence) -> dict[str, list[str]]:
    """Paths for Landlock: ``read`` may be read and run, ``write`` may be changed as well."""
    return {
        "read": [*_SYSTEM, "/sys/devices/system/cpu", str(_home(program)), *map(str, fence.reads)],
        "write": [*map(str, fence.writes), *_DEVICES],
    }


def _home(program: str) -> Path:
    """The folder of a program, with whatever it brings along."""
    return Path(program).resolve().parent
