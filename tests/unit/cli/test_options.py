"""Which stack a command speaks to when it is told the folder alone."""

import json
import os
from pathlib import Path

import pytest

from cli.options import settings_of
from deploy import proc


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SHOUFA_PORT_BASE", raising=False)
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "supervisor.json"


def write(state: Path, pid: int, ticks: int | None) -> None:
    state.write_text(json.dumps({"pid": pid, "start_ticks": ticks, "port_base": 28000}))


def test_the_ports_are_those_of_the_stack_that_runs_on_the_folder(state: Path) -> None:
    write(state, os.getpid(), proc.start_ticks(os.getpid()))
    assert settings_of(state.parents[1], None).port_base == 28000
    assert settings_of(state.parents[1], 9000).port_base == 9000


def test_what_a_stack_that_is_gone_left_behind_counts_for_nothing(state: Path) -> None:
    write(state, os.getpid(), 1)
    assert settings_of(state.parents[1], None).port_base == 7400
    state.write_text("{")
    assert settings_of(state.parents[1], None).port_base == 7400
