"""The ledger is lost in the middle of any history, with or without its last moments on Kafka."""

import structlog.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from stores.ledger import outbox
from tests.recovering import content, folded, lose_ledger, of_unsent, rebuild
from tests.unit.consumers.publish_machine import Publishing


class Losing(Publishing):
    """The newsroom of the random histories; once, its ledger is lost and rebuilt."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = False
        self.tail_lost = False

    @precondition(lambda self: not self.lost and self.log)
    @rule(tail=st.booleans())
    def the_ledger_is_lost(self, tail: bool) -> None:
        """Every process is dead; requests on the line arrive now or never."""
        for flight in self.flying.values():
            if flight.outcome is None:
                self.make_call(flight)
        self.flying.clear()
        self.late.clear()
        self.strays.clear()
        with self.centre.ledger.snapshot() as view:
            filed = any(
                dict(row.headers)["ce_type"] == b"cn.shoufa.story.filed.v1"
                for row in outbox.unsent(view, 1000)
            )
        if filed or not tail:
            self.take_outbox()
        else:
            self.tail_lost = True
        records = [of_unsent(row, place) for place, row in enumerate(self.log)]
        if not self.tail_lost:
            made = folded(records, self.folder.name)
            assert content(made) == content(self.centre.ledger)
            made.close()
        lose_ledger(self.centre)
        assert rebuild(self.centre, records).strange == []
        self.lost = True

    @invariant()
    def versions_never_go_backwards(self) -> None:
        if not self.tail_lost:  # what was approved in the lost moments nobody knows any more
            super().versions_never_go_backwards()

    def check_rest(self, story_id: object) -> None:
        if not self.tail_lost:
            super().check_rest(story_id)  # type: ignore[arg-type]


def play(chosen: settings) -> None:
    with structlog.testing.capture_logs():
        run_state_machine_as_test(Losing, settings=settings(chosen, stateful_step_count=30))


def test_a_lost_ledger_never_makes_a_second_item() -> None:
    play(settings(max_examples=4, derandomize=True))
