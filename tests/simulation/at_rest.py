"""What must be true once all is well again and nothing moves any more. No line of the product."""

from typing import Any

from tests.simulation.checker import REST, Checker, header

DOWN = {"recalled", "cancelled", "refused", "not_applicable", "superseded"}
"""States of a withdrawn story at an outlet."""


def check(checker: Checker) -> None:
    for channel, state in checker.all(
        f"SELECT channel, state FROM publications WHERE state NOT IN ({','.join('?' * len(REST))})",
        *sorted(REST),
    ):
        checker.fail("everything comes to rest", f"{channel} stays {state}")
    _outbox(checker)
    _events(checker)
    _stories(checker)
    for (story,) in checker.all("SELECT id FROM stories"):
        for channel in checker.terms.waves:
            _delivery(checker, story, channel)


def _outbox(checker: Checker) -> None:
    """Every arrow into Kafka was sent, lies there, and was read."""
    if checker.all("SELECT 1 FROM outbox WHERE sent_at IS NULL"):
        checker.fail("everything comes to rest", "outbox rows are never sent")
    broker = checker.state.broker
    lying = {
        header(record, "ce_id")
        for partitions in broker.logs.values()
        for log in partitions
        for record in log
    }
    for event_id, kind, at in checker.all("SELECT event_id, type, created_at FROM outbox"):
        if event_id not in lying:
            checker.fail("every outbox row lies on its topic", f"{kind} of {at} does not")
    for (group, topic, number), offset in broker.committed.items():
        if offset < len(broker.log(topic)[number]):
            checker.fail(
                "everything comes to rest", f"{group} stays at {offset} of {topic}/{number}"
            )


def _events(checker: Checker) -> None:
    ours = {event_id for (event_id,) in checker.all("SELECT event_id FROM outbox")}
    for log in checker.state.broker.log("story-events"):
        for record in log:
            # what an outsider wrote into a log that a power cut had shortened may lie below what
            # was read already
            if header(record, "ce_id") in ours and not checker.handled(record, "conductor"):
                kind = header(record, "ce_type")
                checker.fail("every event is handled or a dead letter", kind)
    buried = checker.all("SELECT count(*) FROM dead_letters")[0][0]
    if checker.history.poison and not buried:
        checker.fail("every event is handled or a dead letter", "poison vanished")


def _stories(checker: Checker) -> None:
    for headline, count in checker.all(
        "SELECT headline, count(*) FROM stories WHERE version = 1 GROUP BY headline"
    ):
        if count > 1:
            checker.fail("a filing that is repeated is one story", headline)
    for story, approved in checker.all(
        "SELECT id, approved_version FROM stories WHERE approved_version IS NOT NULL"
    ):
        if checker.approved_at(story, approved) is None:
            checker.fail("only what three people signed", f"v{approved} counts as approved")


def _delivery(checker: Checker, story: str, channel: str) -> None:
    """One story at one outlet: what its newest row says, and what stands there."""
    rows = checker.all(
        "SELECT p.state, p.live_version, p.reason, p.verb, s.withdrawn_at, s.held_reason,"
        " s.approved_version FROM publications p JOIN stories s ON s.id = p.story_id"
        " WHERE p.story_id = ? AND p.channel = ? ORDER BY p.release DESC LIMIT 1",
        story,
        channel,
    )
    for state, live, reason, verb, withdrawn, held, approved in rows:
        items = standing(checker, story, channel)
        where = f"{channel} is {state} ({reason}), {len(items)} items"
        if len(items) > 1:
            checker.fail("exactly one item live", where)
        if state == "needs_person":
            if not _person_is_needed(checker, story, channel, verb):
                checker.fail("a person is asked only where nobody else can tell", where)
        elif withdrawn is not None:
            if (items and checker.terms.recalls[channel]) or state not in DOWN:
                checker.fail("nothing recallable stays live after a withdrawal", where)
        elif approved is None:
            if items:
                checker.fail("only what three people signed", where)
        elif held is None:
            _released(checker, where, state, items, (approved, live))


def _released(
    checker: Checker, where: str, state: str, items: list[Any], versions: tuple[int, int | None]
) -> None:
    approved, live = versions
    if state == "live":
        if len(items) != 1:
            checker.fail("exactly one item live", where)
        elif (items[0].version, live) != (approved, approved):
            told = f"{where}: v{items[0].version}, row v{live}, approved v{approved}"
            checker.fail("the newest approved version is live", told)
    elif state == "refused":
        if items:
            checker.fail("exactly one item live", where)
    elif state != "awaiting_person":
        checker.fail("exactly one item live, or a state that says who must act", where)


def standing(checker: Checker, story: str, channel: str) -> list[Any]:
    """Items of a story that the public sees, or will after the outlet's review."""
    book = checker.state.books[channel]
    markers = {e.marker for e in book.log if e.verb == "create" and checker.place(e)[0] == story}
    return [i for i in book.items if i.marker in markers and i.state in {"live", "review"}]


def _person_is_needed(checker: Checker, story: str, channel: str, verb: str) -> bool:
    """Signatures are over all copies of a version: one that was swapped takes them from each."""
    if story in checker.history.tampered or not checker.terms.sure[channel]:
        return True
    if verb == "recall" and not checker.terms.recalls[channel]:
        return True
    return bool(checker.state.refusals)
