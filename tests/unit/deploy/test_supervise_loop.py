"""What the supervisor does with its processes: seen from outside, over small scripts."""

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.leftovers import find_leftovers, kill_leftovers
from deploy.process_spec import ProcessSpec
from tests.unit.deploy.supervised import SERVICE, STEADY, Supervised, alive, spec, supervise

Start = Callable[..., Supervised]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts supervisors on one data folder and leaves nothing behind."""
    begun: list[Supervised] = []

    def begin(specs: list[ProcessSpec], **given: object) -> Supervised:
        begun.append(supervise(tmp_path, specs, **given))
        return begun[-1]

    yield begin
    for supervised in begun:
        if supervised.process.poll() is None:
            supervised.process.kill()
        supervised.process.communicate()
    kill_leftovers(tmp_path)


def test_starts_in_order_says_where_things_are_and_stops_all(start: Start, tmp_path: Path) -> None:
    step = spec(tmp_path, "migrate", "open('migrated', 'w').close()", ready="exit")
    code = STEADY.replace("ready()\n", "assert os.path.exists('migrated')\nready()\n", 1)
    web = spec(tmp_path, "web", code, after=["migrate"])
    running = start([web, step], places=[("看板 board", "http://127.0.0.1:9100/")])
    running.until_ready()
    pid = running.row("web")["pid"]
    assert running.row("web")["rss_bytes"] > 1_000_000
    assert running.row("migrate")["state"] == "done"
    status, out = running.end()
    assert status == 0
    assert "看板 board" in out
    assert "http://127.0.0.1:9100/" in out
    assert not alive(pid)
    assert find_leftovers(tmp_path) == []
    assert not (tmp_path / "run" / "supervisor.json").exists()


def test_a_process_that_dies_is_started_again(start: Start, tmp_path: Path) -> None:
    running = start([spec(tmp_path, "web", STEADY), spec(tmp_path, "core", STEADY)])
    running.until_ready()
    first, other = running.row("web")["pid"], running.row("core")["pid"]
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    running.until(lambda: running.row("web")["restarts"] == 1)
    running.until(lambda: running.row("web")["state"] == "ready")
    assert time.monotonic() - began < 3
    assert running.row("web")["pid"] not in {first, None}
    assert running.row("core")["pid"] == other
    _, out = running.end()
    assert "SIGKILL" in out


def test_one_that_cannot_be_started_just_now_stops_nobody(start: Start, tmp_path: Path) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    web = dataclasses.replace(spec(tmp_path, "web", STEADY), cwd=str(desk))
    running = start([web, spec(tmp_path, "core", STEADY)])
    running.until_ready()
    core = running.row("core")["pid"]
    desk.rename(tmp_path / "away")
    os.kill(running.row("web")["pid"], signal.SIGKILL)
    running.until(lambda: running.row("web")["restarts"] >= 2)
    assert running.row("core")["pid"] == core
    (tmp_path / "away").rename(desk)
    running.until(lambda: running.row("web")["state"] == "ready")
    running.end()


def test_a_silent_owner_is_dead_before_the_next_one_starts(start: Start, tmp_path: Path) -> None:
    hangs_once = SERVICE + (
        "import signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "ready()\n"
        "while len(before) or time.monotonic() < 0:\n    beat()\n    time.sleep(0.05)\n"
        "time.sleep(60)\n"
    )
    running = start([spec(tmp_path, "publish", hangs_once, silence_limit_s=0.6, grace_s=0.3)])
    running.until(lambda: running.row("publish")["restarts"] == 1)
    running.until(lambda: running.row("publish")["state"] == "ready")
    time.sleep(1.0)  # longer than the limit: the second one beats and is left alone
    assert running.row("publish")["restarts"] == 1
    assert not (tmp_path / "run" / "publish.overlap").exists()
    running.end()


def test_a_stopped_supervisor_takes_its_own_absence_for_nobodys_silence(
    start: Start, tmp_path: Path
) -> None:
    running = start([spec(tmp_path, "web", STEADY, silence_limit_s=1.0)])
    running.until_ready()
    pid = running.row("web")["pid"]
    os.kill(pid, signal.SIGSTOP)  # as on a machine that sleeps: nobody runs
    running.process.send_signal(signal.SIGSTOP)
    time.sleep(2.3)
    running.process.send_signal(signal.SIGCONT)
    os.kill(pid, signal.SIGCONT)
    time.sleep(0.8)
    assert running.row("web")["pid"] == pid
    running.end()


def test_a_start_that_cannot_succeed_is_given_up_with_the_reason(
    start: Start, tmp_path: Path
) -> None:
    running = start([spec(tmp_path, "web", "print('no module named desk'); raise SystemExit(1)")])
    status, out = running.wait()
    assert status == 1
    assert "no module named desk" in out
    assert (tmp_path / "log" / "web.log").read_text().count("no module named desk") == 4


def test_refused_configuration_ends_the_start_at_once(start: Start, tmp_path: Path) -> None:
    refuses = "print('channels.toml: 3 faults'); raise SystemExit(2)"
    running = start([spec(tmp_path, "web", refuses), spec(tmp_path, "core", STEADY)])
    status, out = running.wait()
    assert status == 2
    assert "channels.toml: 3 faults" in out
    assert (tmp_path / "log" / "web.log").read_text().count("faults") == 1
    assert find_leftovers(tmp_path) == []


def test_a_failed_step_keeps_what_rests_on_it_from_starting(start: Start, tmp_path: Path) -> None:
    step = spec(tmp_path, "migrate", "raise SystemExit('schema is newer')", ready="exit")
    running = start([step, spec(tmp_path, "web", STEADY, after=["migrate"])])
    status, out = running.wait()
    assert status == 1
    assert "schema is newer" in out
    assert not (tmp_path / "run" / "web.lives").exists()


def test_stopping_kills_the_stubborn_and_their_strayed_children(
    start: Start, tmp_path: Path
) -> None:
    stubborn = SERVICE + (
        "import signal, subprocess\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "for own in (True, False):\n"
        "    child = subprocess.Popen(['sleep', '60'], start_new_session=own)\n"
        "    open(run / 'strayed', 'a').write(f'{child.pid} ')\n"
        "ready()\nwhile True:\n    beat()\n    time.sleep(0.05)\n"
    )
    running = start([spec(tmp_path, "work", stubborn, grace_s=0.3)])
    running.until_ready()
    strayed = [int(word) for word in (tmp_path / "run" / "strayed").read_text().split()]
    began = time.monotonic()
    status, _ = running.end(signal.SIGINT)
    assert status == 0
    assert time.monotonic() - began < 3
    assert len(strayed) == 2
    assert not any(alive(pid) for pid in strayed)


def test_layers_stop_from_the_top(start: Start, tmp_path: Path) -> None:
    goes = SERVICE + (
        "import signal\n"
        "def stop(*_):\n"
        "    open(run / 'order', 'a').write(name + ' ')\n"
        "    os._exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "ready()\nwhile True:\n    beat()\n    time.sleep(0.05)\n"
    )
    below = spec(tmp_path, "kafka", goes, layer=0)
    running = start([below, spec(tmp_path, "core", goes, layer=2)])
    running.until_ready()
    running.end()
    assert (tmp_path / "run" / "order").read_text().split() == ["core", "kafka"]


def test_after_sigkill_children_die_and_the_next_start_finds_the_rest(
    start: Start, tmp_path: Path
) -> None:
    parent = SERVICE + (
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "open(run / 'ffmpeg', 'w').write(str(child.pid))\n"
        "ready()\nwhile True:\n    beat()\n    time.sleep(0.05)\n"
    )
    running = start([spec(tmp_path, "work", parent)])
    running.until_ready()
    pid = running.row("work")["pid"]
    ffmpeg = int((tmp_path / "run" / "ffmpeg").read_text())
    running.end(signal.SIGKILL)
    running.until(lambda: not alive(pid))
    assert find_leftovers(tmp_path) == [ffmpeg]
    assert find_leftovers(tmp_path / "other") == []
    assert kill_leftovers(tmp_path) == 1
    assert not alive(ffmpeg)


def test_a_command_in_front_has_the_callers_folder_and_its_status_is_the_outcome(
    start: Start, tmp_path: Path
) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    code = "import os, sys; print('demo in', os.getcwd()); sys.exit(3)"
    running = start(
        [spec(tmp_path, "web", STEADY)],
        foreground=[sys.executable, "-S", "-c", code],
        foreground_cwd=str(desk),
        stop_when_done=True,
    )
    status, out = running.wait()
    assert status == 3
    assert f"demo in {desk}" in out
    assert find_leftovers(tmp_path) == []


def test_without_once_the_stack_outlives_the_command_in_front(start: Start, tmp_path: Path) -> None:
    running = start(
        [spec(tmp_path, "web", STEADY)],
        foreground=[sys.executable, "-S", "-c", "open('done', 'w').close()"],
        foreground_cwd=str(tmp_path),
    )
    running.until((tmp_path / "done").exists)
    time.sleep(0.5)
    assert running.row("web")["state"] == "ready"
    status, _ = running.end(signal.SIGINT)
    assert status == 0


def test_stopping_in_the_middle_of_the_command_says_so(start: Start, tmp_path: Path) -> None:
    running = start(
        [spec(tmp_path, "web", STEADY)],
        foreground=["sleep", "60"],
        stop_when_done=True,
    )
    running.until_ready()
    time.sleep(0.2)
    status, _ = running.end(signal.SIGINT)
    assert status == 130


def test_a_silent_process_says_where_it_hangs_before_it_is_killed(
    start: Start, tmp_path: Path
) -> None:
    hangs = (
        "import faulthandler, signal\n"
        "faulthandler.register(signal.SIGUSR1)\n"
        + SERVICE
        + "\ndef hang_for_ever():\n    time.sleep(600)\nready()\nbeat()\nhang_for_ever()\n"
    )
    running = start([spec(tmp_path, "web", hangs, silence_limit_s=0.6, tells_stacks=True)])
    running.until_ready()
    running.until(lambda: running.row("web")["restarts"] >= 1)
    assert "hang_for_ever" in (tmp_path / "log" / "web.log").read_text("utf-8")
