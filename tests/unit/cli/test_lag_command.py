"""``./run lag``: what it shows, and the exit status that cron goes by."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli import lag_command
from cli.lag_screen import MOST_ROWS, picture
from consumers.lag_status import worst
from schemas.lag import (
    NOTHING,
    SEVERITY,
    GroupLag,
    LagSnapshot,
    OutletLag,
    PartitionLag,
    Status,
    WorkBacklog,
)
from shoufa import app

ODD = '编辑\'部 [bold]"夜班"[/]'


def part(status: Status = "OK", lag: int | None = 0, **changes: Any) -> PartitionLag:
    made = PartitionLag(
        "orders", 0, 0, 9, 9, lag, "", 0.0, "caught_up", "", 0, 0, 1.5, 0.5, "steady", None, status,
        "因为 / because", None, 1,
    )  # fmt: skip
    return replace(made, **changes)


def group(name: str, status: Status = "OK", lag: int | None = 0) -> GroupLag:
    return GroupLag(name, "Stable", 2, status, "说明", lag, 75.0, None, 0, 3, (part(status, lag),))


def snapshot(*groups: GroupLag, **changes: Any) -> LagSnapshot:
    status = worst((g.status for g in groups), "OK")
    made = replace(
        NOTHING, at_ms=1_700_000_000_000, age_s=0.5, stale=False, took_s=0.02, requests=5,
        status=status, groups=groups,
    )  # fmt: skip
    return replace(made, **changes)


def shown(told: LagSnapshot) -> str:
    console = Console(width=200, record=True, file=None)
    with console.capture() as got:
        console.print(picture(told))
    return got.get()


class Monitor:
    """Hands out what it was given, one a look."""

    def __init__(self, *told: LagSnapshot) -> None:
        self.told = list(told)
        self.looks = 0

    def once(self) -> LagSnapshot:
        self.looks += 1
        return self.told.pop(0) if len(self.told) > 1 else self.told[0]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("cli.lag_command.time.sleep", lambda _s: None)

    def go(monitor: Monitor, *arguments: str) -> Any:
        @contextmanager
        def given(*_: Any) -> Iterator[Monitor]:
            yield monitor

        monkeypatch.setattr(lag_command, "_monitor", given)
        return CliRunner().invoke(app, ["lag", "--bootstrap", "kafka:9092", *arguments])

    return go


@pytest.mark.parametrize(
    ("status", "code"),
    [("OK", 0), ("EMPTY", 0), ("REBALANCING", 1), ("WARN", 1), ("REWIND", 1), ("STALL", 2),
     ("STOP", 2), ("UNKNOWN", 3), ("NOTFOUND", 3)],
)  # fmt: skip
def test_the_worst_group_gives_the_exit_status(run: Any, status: Status, code: int) -> None:
    monitor = Monitor(snapshot(group("fine"), group("bad", status, 4)))
    assert run(monitor, "--json").exit_code == code
    assert monitor.looks == 3


def test_no_answer_is_not_fine_and_is_not_waited_for_again(run: Any) -> None:
    monitor = Monitor(replace(NOTHING, errors=("kafka kafka:9092: KafkaTimeoutError",)))
    done = run(monitor)
    assert (done.exit_code, monitor.looks) == (3, 1)
    assert "KafkaTimeoutError" in done.output
    assert "未知" in done.output
    assert run(Monitor(snapshot(group("g"), stale=True))).exit_code == 3


def test_json_is_the_snapshot(run: Any) -> None:
    done = run(Monitor(snapshot(group(ODD, "WARN", 4))), "--json")
    told = json.loads(done.output)
    assert told["groups"][0]["group"] == ODD
    assert told["groups"][0]["partitions"][0]["lag"] == 4


def test_where_no_stack_is_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["lag", "--data", str(tmp_path / "none"), "--port-base", "7400"])
    assert done.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_the_help_teaches() -> None:
    told = CliRunner().invoke(app, ["lag", "--help"]).output
    for word in (*SEVERITY, "--bootstrap", "--group", "--watch", "--json", "exit status"):
        assert word in told, word


def test_a_name_is_shown_as_it_is() -> None:
    assert ODD in shown(snapshot(group(ODD)))


def test_only_partitions_with_something_to_say_have_a_line() -> None:
    told = shown(snapshot(group("fine"), group("slow", "WARN", 4), group("lost", "UNKNOWN", None)))
    assert told.count("orders-0") == 2
    assert "1 分钟" in told or "75" in told


def test_outlets_work_and_age_are_shown() -> None:
    outlet = OutletLag(
        "web", "网站", 1, "停滞", "自 06:13 起没有进展", 1, 0, 0, 0, 5.0, 600.0, 1, None, "STALL"
    )
    work = WorkBacklog(2, 1, 200.0, 0.5, 400.0, 3.0, progressing=True)
    told = shown(snapshot(group("g"), outlets=(outlet,), work=work))
    for word in ("网站", "停滞", "自 06:13 起没有进展", "在做 1, 在等 2", "7 分钟"):
        assert word in told, word
    old = shown(snapshot(group("g"), stale=True, age_s=61.0))
    assert "61.0 秒前" in old
    assert "未知" in old


def test_of_many_groups_the_worst_are_shown() -> None:
    many = [group(f"fine-{n}") for n in range(MOST_ROWS)]
    told = shown(snapshot(*many, group("bad", "STOP", 9)))
    assert "bad" in told
    assert f"{MOST_ROWS} / {MOST_ROWS + 1}" in told


def test_a_low_window_shows_what_matters_and_counts_the_rest() -> None:
    many = [group(f"fine-{n}") for n in range(30)]
    told = snapshot(*many, group("bad", "STOP", 9), group("busy", "OK", 3))
    console = Console(width=200, height=24)
    with console.capture() as got:
        console.print(picture(told, 24))
    low = got.get()
    assert "fine-1" not in low
    assert "另有 30 个组没有积压" in low
    for name in ("bad", "busy"):
        assert name in low
    assert len(low.splitlines()) <= 24
    assert "fine-29" in shown(told)


def test_records_are_not_taken_for_stories() -> None:
    assert "积压按消息算" in shown(snapshot(group("busy", "OK", 3)))
    assert "积压按消息算" not in shown(snapshot(group("fine")))
