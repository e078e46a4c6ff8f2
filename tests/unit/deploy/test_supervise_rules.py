"""When to start again, when to give up, whom to take for dead."""

import os
import time
from pathlib import Path

import pytest

from deploy import restart_rules
from deploy.console import padded, width
from deploy.log_files import rotate


def test_waits_grow_from_a_fifth_of_a_second_to_five() -> None:
    waits = [restart_rules.wait_before_start_s(deaths) for deaths in range(1, 9)]
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert restart_rules.wait_before_start_s(10_000) == 5.0


def test_a_long_life_clears_the_record() -> None:
    assert restart_rules.count_deaths(4, lived_s=0.5) == 5
    assert restart_rules.count_deaths(4, lived_s=3600) == 1


@pytest.mark.parametrize(
    ("step", "status", "was_ready", "deaths", "expected"),
    [
        (True, 0, False, 1, "done"),
        (True, 1, False, 1, "give_up"),
        (False, 1, False, 1, "restart"),
        (False, 1, False, restart_rules.DEATHS_AT_START, "give_up"),
        (False, 2, False, 1, "give_up"),
        (False, 2, True, 1, "restart"),
        (False, 0, True, 1, "restart"),
        (False, -9, True, 1000, "restart"),
    ],
)
def test_what_follows_an_end(
    step: bool, status: int, was_ready: bool, deaths: int, expected: str
) -> None:
    verdict = restart_rules.judge_end(
        step=step, status=status, was_ready=was_ready, quick_deaths=deaths
    )
    assert verdict == expected


def test_silence_is_counted_from_the_last_sign() -> None:
    assert not restart_rules.is_silent(now=130.0, last_sign=100.0, limit_s=30.0)
    assert restart_rules.is_silent(now=130.1, last_sign=100.0, limit_s=30.0)
    assert not restart_rules.is_silent(now=1e9, last_sign=0.0, limit_s=0.0)


def test_our_own_absence_is_not_the_others_silence() -> None:
    assert restart_rules.after_pause(100.0, gap_s=600.0, usual_s=2.0) == 700.0
    assert restart_rules.after_pause(100.0, gap_s=0.5, usual_s=2.0) == 100.0


def test_a_full_log_is_copied_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        for line in (b"first\n", b"second\n", b"third\n", b"fourth\n", b"fifth\n"):
            writer.write(line)
            assert rotate(log, largest_bytes=3)
        writer.write(b"now\n")
    assert log.read_bytes() == b"now\n"
    kept = [(tmp_path / f"web.log.{number}").read_bytes() for number in (1, 2, 3)]
    assert kept == [b"fifth\n", b"fourth\n", b"third\n"]
    assert len(list(tmp_path.iterdir())) == 4


def test_a_small_or_missing_log_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("little")
    assert not rotate(tmp_path / "web.log")
    assert not rotate(tmp_path / "none.log")


def test_columns_line_up_with_chinese() -> None:
    assert width("看板 board") == 10
    assert width(padded("看板", 12)) == width(padded("board", 12)) == 12


def test_beats_move_the_file_that_the_supervisor_looks_at(tmp_path: Path) -> None:
    from bus import liveness
    from schemas.settings import Settings

    settings = Settings(data=tmp_path, process="publish")
    assert liveness.ready_pid(settings.run_dir, "publish") is None
    liveness.announce_ready(settings)
    assert liveness.ready_pid(settings.run_dir, "publish") == os.getpid()
    path = liveness.heartbeat_path(settings.run_dir, "publish")
    os.utime(path, (0, 0))
    liveness.beat(settings)
    assert time.time() - path.stat().st_mtime < 5
    (settings.run_dir / "publish.ready").write_text('{"pid":')  # half written
    assert liveness.ready_pid(settings.run_dir, "publish") is None
