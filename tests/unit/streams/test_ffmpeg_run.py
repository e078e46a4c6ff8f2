"""The runner, with small scripts in the place of ffmpeg."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from schemas.errors import StorageFull, TransientError
from streams import ffmpeg_run
from streams.ffmpeg_run import Cancelled, Limits, ProgramFailed, run

LIMITS = Limits(wall_s=20, cpu_s=20)


def script(folder: Path, body: str) -> list[str]:
    path = folder / "ffmpeg"
    path.write_text("#!/bin/sh\n" + textwrap.dedent(body), encoding="utf-8")
    path.chmod(0o755)
    return [str(path)]


def gone(pid: int, within_s: float = 5.0) -> bool:
    """Whether a process ended; one that nobody waits for counts as ended when it is a zombie."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_lines_of_stdout_arrive_and_stderr_is_kept_bounded(tmp_path: Path) -> None:
    argv = script(
        tmp_path,
        """
        echo out_time_us=1000
        i=0; while [ $i -lt 1000 ]; do echo "line $i" >&2; i=$((i+1)); done
        printf progress=end
        """,
    )
    lines: list[str] = []
    output = run(argv, LIMITS, cwd=tmp_path, on_line=lines.append)
    assert lines == ["out_time_us=1000", "progress=end"]
    assert output.line_count == 1000
    assert list(output.lines)[-1] == "line 999"
    assert len(output.lines) <= 200


def test_a_flood_on_stdout_is_read_and_dropped(tmp_path: Path) -> None:
    argv = script(tmp_path, "head -c 3000000 /dev/zero")
    assert len(run(argv, LIMITS, cwd=tmp_path, keep_bytes=1000).stdout) == 1000


def test_nothing_of_our_environment_reaches_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOUFA_SECRET", "canary")
    monkeypatch.setenv("LD_PRELOAD", "")
    assert b"canary" not in run(script(tmp_path, "env"), LIMITS, cwd=tmp_path).stdout


def test_limits_hold_in_the_program(tmp_path: Path) -> None:
    limits = Limits(wall_s=9, cpu_s=7, file_bytes=1 << 20, memory_bytes=1 << 30, nice=3)
    body = "cat /proc/self/limits; nice; head -c 2000000 /dev/zero > big; stat -c %s big"
    said = run(script(tmp_path, body), limits, cwd=tmp_path).stdout.decode()
    rows = {line[:26].strip(): line.split()[-3] for line in said.splitlines() if "Max" in line}
    assert rows["Max address space"] == str(1 << 30)
    assert rows["Max open files"] == "256"
    assert rows["Max cpu time"] == "12"
    assert said.splitlines()[-2] == str(os.nice(0) + 3)
    assert int(said.splitlines()[-1]) <= 1 << 20


@pytest.mark.skipif(os.geteuid() != 0, reason="a user may not be allowed to leave the network")
def test_the_program_has_no_network(tmp_path: Path) -> None:
    said = run(script(tmp_path, "cat /proc/net/dev"), LIMITS, cwd=tmp_path).stdout.decode()
    assert [line.split(":")[0].strip() for line in said.splitlines()[2:]] == ["lo"]


def test_what_the_program_says_last_is_in_the_error(tmp_path: Path) -> None:
    argv = script(tmp_path, "echo 'moov atom not found' >&2; exit 1")
    with pytest.raises(ProgramFailed, match="moov atom not found") as failed:
        run(argv, LIMITS, cwd=tmp_path)
    assert failed.value.status == 1


def test_a_full_disk_is_told_from_a_bad_source(tmp_path: Path) -> None:
    argv = script(
        tmp_path, "echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 228"
    )
    with pytest.raises(StorageFull):
        run(argv, LIMITS, cwd=tmp_path)


@pytest.mark.parametrize("ending", ["kill -9 $$", "exit 255"])
def test_killed_from_outside_may_be_tried_again(tmp_path: Path, ending: str) -> None:
    with pytest.raises(TransientError):
        run(script(tmp_path, ending), LIMITS, cwd=tmp_path)


def test_a_program_that_hangs_is_ended_by_the_clock(tmp_path: Path) -> None:
    started = time.monotonic()
    argv = script(tmp_path, "echo $$ > pid; exec sleep 60")
    with pytest.raises(TransientError, match="still running"):
        run(argv, Limits(wall_s=0.5, cpu_s=10), cwd=tmp_path)
    assert time.monotonic() - started < 4
    assert gone(int((tmp_path / "pid").read_text("utf-8")))


def test_a_program_that_burns_the_processor_is_the_sources_fault(tmp_path: Path) -> None:
    argv = script(tmp_path, "while :; do :; done")
    with pytest.raises(ProgramFailed, match="CPU"):
        run(argv, Limits(wall_s=30, cpu_s=1), cwd=tmp_path)


def test_cancel_ends_the_whole_group_within_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that ignores SIGTERM, and its children."""
    assert ffmpeg_run._TERM_GRACE_S <= 4.5
    monkeypatch.setattr(ffmpeg_run, "_TERM_GRACE_S", 0.5)
    body = "trap '' TERM; sleep 61 & echo $! > child; echo $$ > pid; while :; do sleep 1; done"
    argv = script(tmp_path, body)
    started = time.monotonic()
    with pytest.raises(Cancelled):
        run(argv, LIMITS, cwd=tmp_path, cancelled=(tmp_path / "pid").exists)
    assert time.monotonic() - started < 4  # most of it the start of a shell under load
    assert gone(int((tmp_path / "pid").read_text("utf-8")))
    assert gone(int((tmp_path / "child").read_text("utf-8")))


def test_the_program_dies_with_us(tmp_path: Path) -> None:
    """SIGKILL for the worker leaves no ffmpeg behind."""
    argv = script(tmp_path, "echo $$ > pid.part; mv pid.part pid; exec sleep 60")
    code = f"""
        from pathlib import Path
        from streams.ffmpeg_run import Limits, run
        run({argv!r}, Limits(wall_s=60, cpu_s=10), cwd=Path({str(tmp_path)!r}))
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=Path.cwd())
    try:
        end = time.monotonic() + 15
        while not (tmp_path / "pid").exists() and time.monotonic() < end:
            time.sleep(0.05)
        pid = int((tmp_path / "pid").read_text("utf-8"))
    finally:
        worker.kill()
        worker.wait()
    assert gone(pid)
