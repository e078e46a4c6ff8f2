"""What comes before the first process: lock, leftovers, secrets, ports; and `ps`."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import probes, proc
from deploy.leftovers import find_leftovers, kill_leftovers, take_lock
from deploy.process_spec import ProcessSpec, StackPlan, read_plan, write_plan
from deploy.process_table import process_table
from deploy.stack.ports import Port, explain_busy, needed_ports
from deploy.stack.secret_files import ensure_secrets
from deploy.supervise import _CannotStart, _part, ps_table, run
from schemas.settings import REPOSITORY, Settings
from tests.unit.deploy.supervised import STEADY, Supervised, alive, spec, supervise

BASE = 9110

START = """
import sys
from pathlib import Path
from deploy import supervise
from schemas.settings import Settings
from tests.unit.deploy.supervised import STEADY, spec
data = Path(sys.argv[1])
settings = Settings(data=data, port_base=int(sys.argv[2]))
sys.exit(supervise.run(settings, simulators=False, table=[spec(data, "web", STEADY)]))
"""


def begin(data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(data), str(BASE)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_one_stack_a_folder_seen_by_ps_and_taken_over_after_a_kill(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port_base=BASE)
    assert ps_table(settings) == []
    first = Supervised(begin(tmp_path), tmp_path)
    try:
        first.until(lambda: first.state()["state"] == "ready", 20)
        rows = {row.name: row for row in ps_table(settings)}
        assert set(rows) == {"supervise", "web"}
        assert rows["web"].state == "ready"
        assert rows["web"].rss_bytes > 1_000_000
        assert 1_000_000 < rows["supervise"].rss_bytes < 40_000_000
        assert rows["supervise"].pid == first.process.pid

        second = begin(tmp_path)
        out, _ = second.communicate(timeout=20)
        assert second.returncode == 1
        assert f"pid {first.process.pid}" in out

        web = rows["web"].pid
        assert web is not None
        first.end(signal.SIGKILL)
        first.until(lambda: not alive(web))
        assert ps_table(settings) == []

        third = Supervised(begin(tmp_path), tmp_path)
        third.until(lambda: [row.name for row in ps_table(settings)] == ["supervise", "web"], 20)
        status, _ = third.end(signal.SIGINT)
        assert status == 0
    finally:
        first.process.kill()
    assert find_leftovers(tmp_path) == []


def test_leftovers_are_known_by_their_mark_or_by_what_was_written(tmp_path: Path) -> None:
    marked = subprocess.Popen(["sleep", "60"], env={proc.STACK_MARK: str(tmp_path)})
    written = subprocess.Popen(["sleep", "60"])
    other = subprocess.Popen(["sleep", "60"], env={proc.STACK_MARK: f"{tmp_path}-other"})
    (tmp_path / "run").mkdir()
    rows = [
        {"pid": written.pid, "start_ticks": proc.start_ticks(written.pid)},
        {"pid": other.pid, "start_ticks": 1},  # an id that has come round
    ]
    (tmp_path / "run" / "supervisor.json").write_text(json.dumps({"processes": rows}))
    try:
        assert find_leftovers(tmp_path) == sorted([marked.pid, written.pid])
        assert kill_leftovers(tmp_path) == 2
        assert other.poll() is None
        assert not alive(marked.pid)
        assert not alive(written.pid)
    finally:
        for process in (marked, written, other):
            process.kill()
            process.wait()


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    held = take_lock(tmp_path)
    assert held is not None
    assert take_lock(tmp_path) is None
    os.close(held)
    again = take_lock(tmp_path)
    assert again is not None
    os.close(again)


def test_secrets_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    made = ensure_secrets(settings)
    assert {
        "s3.json",
        "wechat.secret",
        "douyin.client_secret",
        "douyin.tokens.json",
        "administrator.password",
        "robot.key",
    } == {Path(name).name for name in made}
    folder = settings.secrets_dir
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert len(bytes.fromhex((folder / "wechat.secret").read_text())) == 16
    assert set(json.loads((folder / "s3.json").read_text())) == {"access_key", "secret_key"}
    tokens = json.loads((folder / "douyin.tokens.json").read_text())
    assert set(tokens) == {"access_token", "refresh_token", "open_id"}
    before = {path.name: path.read_text() for path in folder.iterdir()}
    (folder / "s3.json").chmod(0o644)
    assert ensure_secrets(settings) == []
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert stat.S_IMODE((folder / "s3.json").stat().st_mode) == 0o600
    assert before != {
        path.name: path.read_text() for path in _secrets_of(tmp_path / "other").iterdir()
    }


def _secrets_of(data: Path) -> Path:
    settings = Settings(data=data)
    ensure_secrets(settings)
    return settings.secrets_dir


def test_a_taken_port_is_named_with_its_owner_and_another_base(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port_base=BASE)
    assert explain_busy(settings, simulators=True) == ""
    with socket.create_server(("127.0.0.1", settings.kafka_port)):
        said = explain_busy(settings, simulators=True)
        assert f"{settings.kafka_port}  Kafka" in said
        assert f"--port-base {BASE + 100}" in said
        outside = settings.model_copy(update={"kafka": "kafka.example:9092"})
        assert explain_busy(outside, simulators=True) == ""


def test_no_port_is_needed_twice(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port_base=BASE, kafka_nodes=3)
    ports = needed_ports(settings, simulators=True)
    numbers = [port.number for port in ports]
    assert len(set(numbers)) == len(numbers)
    assert all(BASE <= number <= BASE + 23 for number in numbers)
    assert Port(BASE + 22, "relay", socket.SOCK_DGRAM) in ports


def test_only_what_is_local_is_started(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port_base=BASE, kafka="k:9092", s3="https://s3.example")
    table = process_table(settings, "", synchronous=True, simulators=False)
    assert [spec.name for spec in table] == ["migrate", "web", "core", "publish", "work"]
    local = Settings(data=tmp_path, port_base=BASE)
    table = process_table(local, "a.jar", synchronous=False, simulators=True)
    names = [spec.name for spec in table]
    assert names[:4] == ["kafka", "s3", "s3-fsync", "migrate"]
    assert names[-1] == "platforms"
    three = Settings(data=tmp_path, port_base=BASE, kafka_nodes=3)
    table_of_three = process_table(three, "a.jar", synchronous=True, simulators=False)
    assert [spec.name for spec in table_of_three][:4] == ["kafka-1", "kafka-2", "kafka-3", "s3"]
    publish = next(spec for spec in table if spec.name == "publish")
    assert publish.env["SHOUFA_PROCESS"] == "publish"
    assert publish.env["SHOUFA_DATA"] == str(tmp_path)
    assert Settings(**_settings(publish.env)).port_base == BASE  # type: ignore[arg-type]


def test_a_further_host_starts_what_was_asked_for_and_no_migration(tmp_path: Path) -> None:
    shared = Settings(data=tmp_path, kafka="k:1", s3="http://s", ledger="postgresql://l")
    table = process_table(shared, "", synchronous=True, simulators=False)
    part = _part(table, ["publish", "core"])
    assert {spec.name: spec.after for spec in part} == {"core": [], "publish": []}
    with pytest.raises(_CannotStart, match="no such process: nobody; "):
        _part(table, ["nobody"])


def test_a_further_host_needs_servers_that_both_reach(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = Settings(data=tmp_path, kafka="k:1", s3="http://s")
    assert run(alone, simulators=False, only=["publish"]) == 1
    assert "SHOUFA_LEDGER" in capsys.readouterr().err


def _settings(env: dict[str, str]) -> dict[str, str]:
    fields = Settings.model_fields
    return {k[7:].lower(): v for k, v in env.items() if k[7:].lower() in fields}


def test_the_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    process = ProcessSpec("web", "接口", ["a"], "/", {"A": "b"}, "kafka", 9, ["s3"], 2, 1.0, 2.0)
    plan = StackPlan(str(tmp_path), 7400, [process], 3, [("看板", "x")], ["demo"], "/", True)
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o600


def test_probes_tell_an_answer_from_an_open_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not probes.kafka_answers(port, 0.1)
        assert not probes.http_answers(port, 0.1)
    assert not probes.kafka_answers(port, 0.1)
    assert not probes.http_answers(port, 0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_way_to_ask_for_the_end_is_heard(tmp_path: Path, number: signal.Signals) -> None:
    running = supervise(tmp_path, [spec(tmp_path, "web", STEADY)])
    running.until_ready()
    status, _ = running.end(number)
    assert status == 0
    assert find_leftovers(tmp_path) == []
