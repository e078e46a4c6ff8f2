"""``./run`` before there is an environment: which Python, what is missing, what is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import bootstrap
from schemas.settings import REPOSITORY

NAMES = ("python3", "python3.11", "python3.12", "python3.13")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with ./run whose path has a blank and Chinese characters, and a PATH of our own."""
    place = tmp_path / "首发 copy"
    (place / "bin").mkdir(parents=True)
    shutil.copy(REPOSITORY / "run", place / "run")
    for name in ("requirements.lock", "requirements-ffmpeg.lock"):
        (place / name).write_text(name)
    for tool in ("sh", "dirname", "cat", "cksum", "id", "mkdir", "readlink"):
        found = shutil.which(tool)
        assert found
        (place / "bin" / tool).symlink_to(found)
    for name in ("ffmpeg", "ffprobe"):
        program(place / "bin" / name, "exit 0")
    return place


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(place: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(place / "bin"), "HOME": str(place / "home")} | environment
    command = [str(place / "run"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)


def with_environment(place: Path, home: Path | None = None, ffmpeg: str = "system") -> None:
    """An environment that looks made: its Python prints how it was called."""
    venv = (home or place) / ".venv"
    program(
        venv / "bin" / "python",
        'if [ "$1" = -V ]; then echo Python 3.11.7; exit; fi\n'
        'printf "%s|" "$PYTHONUTF8" "${SHOUFA_HOME:-}" "${SHOUFA_DATA:-}" "$@"',
    )
    locks = b"".join(
        (place / name).read_bytes() for name in ("requirements.lock", "requirements-ffmpeg.lock")
    )
    wanted = subprocess.run(["cksum"], input=locks, capture_output=True, check=True).stdout.decode()
    (venv / ".shoufa").write_text(f"{wanted.strip()}\nPython 3.11.7\n{ffmpeg}\n")


def test_no_python_is_said_with_the_command(checkout: Path) -> None:
    program(checkout / "bin" / "apt-get", "exit 0")
    for name in NAMES:
        program(checkout / "bin" / name, "exit 1")
    done = run(checkout, "up")
    assert done.returncode == 1
    assert "apt-get install python3 python3-venv" in done.stderr


def test_a_python_without_venv_is_said_with_the_command(checkout: Path) -> None:
    program(checkout / "bin" / "apt-get", "exit 0")
    lacks = 'case "$2" in *ensurepip*) exit 1 ;; *print*) echo 3.12 ;; esac'
    program(checkout / "bin" / "python3", lacks)
    done = run(checkout, "up")
    assert done.returncode == 1
    assert "apt-get install python3.12-venv" in done.stderr


def test_a_made_environment_is_used_as_it_is(checkout: Path) -> None:
    with_environment(checkout)
    done = run(checkout, "submit", "a b", "稿件")
    assert done.stdout.split("|")[:-1] == [
        "1",
        "",
        "",
        f"{checkout}/shoufa.py",
        "submit",
        "a b",
        "稿件",
    ]
    assert run(checkout).stdout.split("|")[4:-1] == ["--help"]
    assert run(checkout, "help", "up").stdout.split("|")[4:-1] == ["up", "--help"]
    assert done.stderr == ""


def test_another_home_takes_the_environment_and_the_data(checkout: Path, tmp_path: Path) -> None:
    home = tmp_path / "家 home"
    with_environment(checkout, home)
    done = run(checkout, "ps", SHOUFA_HOME=str(home))
    assert done.stdout.split("|")[:3] == ["1", str(home), f"{home}/var"]
    link = tmp_path / "run"
    link.symlink_to(checkout / "run")
    env = {"PATH": str(checkout / "bin"), "SHOUFA_HOME": str(home), "SHOUFA_DATA": "/data"}
    done = subprocess.run([link, "ps"], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split("|")[2:4] == ["/data", f"{checkout}/shoufa.py"]


@pytest.mark.parametrize("change", ["lock", "python", "ffmpeg", "stamp"])
def test_an_outdated_environment_is_made_again(checkout: Path, change: str) -> None:
    with_environment(checkout)
    match change:
        case "lock":
            (checkout / "requirements.lock").write_text("changed")
        case "python":
            program(checkout / ".venv" / "bin" / "python", "echo Python 3.13.0")
        case "ffmpeg":
            (checkout / "bin" / "ffprobe").unlink()
        case "stamp":
            (checkout / ".venv" / ".shoufa").unlink()
    for name in NAMES:
        program(checkout / "bin" / name, 'case "$1" in -c) exit 0 ;; esac; echo "made: $1"; exit 7')
    done = run(checkout, "ps")
    assert done.stdout == f"made: {checkout}/deploy/bootstrap.py\n"
    assert done.returncode == 7


def test_a_part_of_the_lock_keeps_versions_and_hashes() -> None:
    lock = "a==1 \\\n    --hash=sha256:aa\nb==2 ; python_version < '4' \\\n    --hash=sha256:bb\nc==3\n"
    part = bootstrap.part_of_lock(lock, frozenset({"b"}))
    assert part == "b==2 ; python_version < '4' \\\n    --hash=sha256:bb\n"


def test_what_is_installed_first_is_enough_to_fetch_jars() -> None:
    whole = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    part = bootstrap.part_of_lock(whole, bootstrap.FIRST)
    locked = {line.split("==")[0] for line in part.splitlines() if "==" in line}
    assert locked == bootstrap.FIRST
    code = (
        "import sys, importlib.metadata as m; before = set(sys.modules)\n"
        "import deploy.stack.jars, jgo.maven, jgo.config\n"
        "known = m.packages_distributions()\n"
        "top = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(*{d for n in top for d in known.get(n, [])})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    used = {name.lower().replace("_", "-") for name in done.stdout.split()}
    assert used <= bootstrap.FIRST


def test_the_environment_is_swapped_in_whole(tmp_path: Path) -> None:
    new = tmp_path / ".cache" / "venv-1"
    program(new / "bin" / "tool", f'exec "{new}/bin/python" -m tool')
    (new / "bin" / "python").symlink_to(sys.executable)
    program(tmp_path / ".venv" / "bin" / "old", "exit 0")
    bootstrap.put_in_place(tmp_path, new, "stamp\n")
    assert not new.exists()
    assert str(tmp_path / ".venv" / "bin" / "python") in (tmp_path / ".venv/bin/tool").read_text()
    assert not (tmp_path / ".venv" / "bin" / "old").exists()
    assert bootstrap.is_current(tmp_path, "stamp")
    assert not bootstrap.is_current(tmp_path, "other")
    assert os.access(tmp_path / ".venv" / "bin" / "tool", os.X_OK)
