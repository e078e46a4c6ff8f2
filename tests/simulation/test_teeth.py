"""Each broken build is caught, and where; the shipped entry points start none of them."""

import sys

import pytest

import shoufa
from tests.broken import SWITCH, breaks
from tests.simulation.play import play
from tests.simulation.teeth import CAUGHT_AT, WITHIN


def test_the_table_names_every_broken_build() -> None:
    assert set(CAUGHT_AT) == set(breaks())
    assert len(CAUGHT_AT) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("build", sorted(CAUGHT_AT))
def test_the_simulation_catches(build: str, capsys: pytest.CaptureFixture[str]) -> None:
    """First the seed that caught it last time, then as many as the table allows."""
    first = CAUGHT_AT[build]
    for seed in (first, *(s for s in range(WITHIN) if s != first)):
        outcome = play(seed, build=build)
        if outcome.broken:
            with capsys.disabled():
                print(
                    f"\n  {build}: seed {seed}, step {outcome.steps}: {outcome.broken}: "
                    f"{outcome.seen.splitlines()[0][:100]}"
                )
            return
    pytest.fail(f"{build} is not caught within {WITHIN} seeds")


def test_a_build_is_whole_again_after_it_was_broken() -> None:
    assert play(CAUGHT_AT["no-intent"], build="no-intent").broken
    assert not play(CAUGHT_AT["no-intent"]).broken


@pytest.mark.parametrize("command", ["up", "ps", "process"])
def test_shoufa_refuses_to_start_while_the_switch_is_set(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SWITCH, "no-kill")
    monkeypatch.setattr(sys, "argv", ["shoufa.py", command, "publish"])
    with pytest.raises(SystemExit) as ended:
        shoufa.main()
    assert ended.value.code == 2
    assert f"unset {SWITCH}" in capsys.readouterr().err
