"""``./run faults`` in short, and its teeth: builds broken on purpose do not pass it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.faults.harness import Asked, Outcome, run
from deploy.stack.jars import jars_dir
from schemas.settings import REPOSITORY, Settings
from streams.programs import find_programs
from tests.ports import free_block

pytestmark = [
    pytest.mark.slow,
    # kafka-python leaves sockets to the garbage collector when a broker dies under it
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MAY_MISS = 5
"""Kinds that may meet nothing on a slow machine; the others must really have struck."""

SHORT = [
    "create_answer_lost", "create_late", "draft_late", "kill_publish", "crash_publish",
    "outlet_answer_lost", "kafka_cut", "kill_core", "crash_core", "kill_web", "kafka_reset",
    "s3_cut", "kill_platforms", "poison", "forged_approval", "produced_again",
    "replay_from_0", "clock_step", "corrections", "withdrawals", "outlet_cut", "kill_kafka",
    "pause", "kill_s3", "platform_token",
]  # fmt: skip
"""Kinds that a short run meets: what they strike comes by all the time."""


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(
        folder=tmp_path / "run",
        port_base=free_block(range(23000, 31000, 100), range(24), range(60, 70)),
        seed=7,
        stories=30,
        minutes=1.2,
        kinds=SHORT,
        drawn=jars_dir().parent / "demo",
        ffmpeg=find_programs(Settings()).ffmpeg,
        gap_s=2.0,
        most_times=1.5,
    )


def test_faults_of_most_kinds_break_no_promise(asked: Asked) -> None:
    outcome = told(asked)
    assert outcome.violations == []
    assert len(outcome.faults) >= len(SHORT) - MAY_MISS, f"missed: {outcome.missed}"
    assert outcome.stories >= 20
    assert outcome.deliveries > 4 * 20
    assert outcome.figures["attempts_lost"] > 0, "no answer was lost: the faults struck nothing"


def test_broken_builds_are_found_out(asked: Asked) -> None:
    broken = Asked(
        **vars(asked)
        | {
            "stories": 16,
            "minutes": 0.7,
            "kinds": ["create_answer_lost", "withdrawals"],
            "broken": ("recalled_unseen", "no_intent"),
            "broken_path": Path(__file__).parent / "broken",
        }
    )
    promises = {violation.split()[0] for violation in told(broken).violations}
    assert {"I1", "I3"} & promises, "recalled_unseen: a withdrawn article stays"
    assert "I8" in promises, "no_intent: a create without an attempt before it"


def test_the_command_refuses_a_broken_build() -> None:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "shoufa.py"), "faults"],
        env={**os.environ, "SHOUFA_BROKEN": "no_intent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "SHOUFA_BROKEN" in done.stderr


def told(asked: Asked) -> Outcome:
    said: list[str] = []
    outcome = run(asked, said.append)
    print("\n".join(said))  # shown where the test fails
    return outcome
