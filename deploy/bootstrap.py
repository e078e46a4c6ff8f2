"""Make the environment that shoufa runs in; started by ``./run`` when it is missing or out of date.

``python3 bootstrap.py HOME WANTED``: standard library of Python 3.11 alone, since nothing else is
there yet. Builds ``HOME/.venv`` aside from requirements.lock (hashes checked), fetches Kafka's jars
beside it, and swaps it in with the stamp WANTED, so that a run that was cut off is done again and
two runs at once do it once.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ENCODERS = ("libx264", "mpeg2video", "aac", "pcm_s24le")
FFMPEG_LOCK = "requirements-ffmpeg.lock"
FIRST = frozenset(
    [
        "certifi",
        "charset-normalizer",
        "cjdk",
        "idna",
        "jgo",
        "progressbar2",
        "psutil",
        "python-utils",
        "requests",
        "semver",
        "tomli-w",
        "typing-extensions",
        "urllib3",
    ]
)
"""What fetching jars needs: installed before the rest, so that it goes on beside it."""


class SetUpFailed(Exception):
    """Said to the user as it is."""


def say(text: str) -> None:
    """A line on stderr: stdout belongs to the command that follows."""
    print(text, file=sys.stderr, flush=True)


def stamp_text(wanted: str, python: Path, ffmpeg: str) -> str:
    """What ``./run`` compares: the locks' checksums, the Python it was made with, whose ffmpeg."""
    done = subprocess.run([python, "-V"], capture_output=True, text=True, check=False)
    return f"{wanted}\n{done.stdout.strip()}\n{ffmpeg}\n"


def is_current(home: Path, wanted: str) -> bool:
    """Whether another run has meanwhile made just what is wanted."""
    try:
        stamp = (home / ".venv" / ".shoufa").read_text(encoding="utf-8")
    except OSError:
        return False
    return stamp.startswith(f"{wanted}\n") and (home / ".venv" / "bin" / "python").exists()


def part_of_lock(lock: str, names: frozenset[str]) -> str:
    """The entries of those packages, hashes and all, out of a lock file's text."""
    kept, wanted = [], False
    for line in lock.splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            wanted = line.split("==")[0].strip() in names
        if wanted:
            kept.append(line)
    return "".join(kept)


def run_logged(command: Sequence[str | Path], log: Path, what: str) -> None:
    """Run a command with its output in the log; raises SetUpFailed with the log's last lines."""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"\n$ {' '.join(map(str, command))}\n")
        file.flush()
        environment = os.environ | {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PYTHONUTF8": "1"}
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment,
            cwd=REPOSITORY,
            check=False,
        )
    if done.returncode != 0:
        words = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        tail = "\n".join(f"    {line}" for line in words)
        raise SetUpFailed(f"{what} 失败 / failed; {log}:\n{tail}")


def build(home: Path, log: Path) -> Path:
    """A new environment beside the old one, all packages in it; returns its folder."""
    for abandoned in (home / ".cache").glob("venv-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    # A name of its own: pip of a run that was killed may still be writing to the other one.
    new = home / ".cache" / f"venv-{os.getpid()}"
    run_logged([sys.executable, "-m", "venv", new], log, "python -m venv")
    first = new / "first.lock"
    whole = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    first.write_text(part_of_lock(whole, FIRST), encoding="utf-8")
    pip_install(new, log, "--no-deps", "-r", first)
    jars = start_jars(home, new, log)
    try:
        pip_install(new, log, "-r", "requirements.lock")
    finally:
        status = jars.wait()
    if status != 0:
        # Needed by the local Kafka alone; `up` tries again and says more.
        say("  Kafka 程序包稍后再取 / Kafka's jars are fetched later, at the first start")
    return new


def pip_install(venv: Path, log: Path, *arguments: str | Path) -> None:
    """pip in that environment, nothing taken without its hash; raises SetUpFailed."""
    python = venv / "bin" / "python"
    options = ("-q", "--disable-pip-version-check", "--require-hashes")
    run_logged([python, "-m", "pip", "install", *options, *arguments], log, "pip install")


def start_jars(home: Path, venv: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Fetch Kafka's jars into the cache beside pip."""
    with log.open("a", encoding="utf-8") as file:
        return subprocess.Popen(
            [venv / "bin" / "python", "-m", "deploy.stack.jars"],
            cwd=REPOSITORY,
            env=os.environ | {"SHOUFA_HOME": str(home), "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )


def add_ffmpeg(venv: Path, log: Path) -> str:
    """``system``, ``package`` or ``none``: whose ffmpeg there is; installs it where it must."""
    if system_ffmpeg_serves():
        return "system"
    if platform.machine() not in {"x86_64", "AMD64"}:
        say("  没有合用的 ffmpeg, 视频需要它 / no ffmpeg that serves; video needs it:")
        say("    apt-get install ffmpeg")
        return "none"
    pip_install(venv, log, "-r", FFMPEG_LOCK)
    return "package"


def system_ffmpeg_serves() -> bool:
    """Whether ffmpeg and ffprobe are on PATH, with the encoders that the renditions need."""
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg or not shutil.which("ffprobe"):
        return False
    command = [ffmpeg, "-hide_banner", "-encoders"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(ENCODERS) <= set(done.stdout.split())


def put_in_place(home: Path, new: Path, stamp: str) -> None:
    """Swap the new environment in. Its scripts are told their final place."""
    final, old = home / ".venv", home / ".cache" / f"venv-old-{os.getpid()}"
    before, after = os.fsencode(new), os.fsencode(final)
    for script in (new / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            text = script.read_bytes() if script.stat().st_size < 100_000 else b""
            if text.startswith(b"#!") or script.name.lower().startswith("activate"):
                script.write_bytes(text.replace(before, after))
    (new / ".shoufa").write_text(stamp, encoding="utf-8")
    if final.exists():
        final.rename(old)
    new.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def set_up(home: Path, wanted: str) -> None:
    """Make the environment unless it is there; raises SetUpFailed or OSError."""
    cache = home / ".cache"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("等待另一个安装结束 / waiting for another set-up …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(home, wanted):
            return
        log = cache / "setup.log"
        log.write_text("", encoding="utf-8")
        began = time.monotonic()
        say(f"安装运行环境 (约 200 MB, 一次) / setting up, once, about 200 MB: {home / '.venv'} …")
        new = build(home, log)
        ffmpeg = add_ffmpeg(new, log)
        put_in_place(home, new, stamp_text(wanted, new / "bin" / "python", ffmpeg))
        say(f"安装完成 / set up ({time.monotonic() - began:.0f} s)")


def main() -> int:
    """Exit status 1, with what to do, where it cannot be set up."""
    home, wanted = Path(sys.argv[1]), sys.argv[2]
    try:
        set_up(home, wanted)
    except SetUpFailed as error:
        say(f"{error}\n首次安装需要网络 / the first set-up needs a network; then: ./run")
        return 1
    except OSError as error:
        say(f"无法安装到 / cannot set up in {home}: {error}")
        say("  SHOUFA_HOME=DIR 另选目录 / chooses another folder")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
