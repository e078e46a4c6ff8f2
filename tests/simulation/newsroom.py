"""People at work: a script of acts, each one call of the real API functions."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from producers import acts, filing, resend, settle
from schemas.errors import PermanentError, StorageFull, Unavailable
from schemas.story import Plan
from tests.centre import REPORTER, REVIEWERS
from tests.simulation import at_rest
from tests.simulation.checker import Signed
from tests.simulation.stage import Process
from tests.simulation.world import World


@dataclass(frozen=True)
class Act:
    """``after_s`` after the one before; ``number``: level, wave, or seconds of an embargo."""

    what: str
    story: int = 0
    number: int = 0
    after_s: float = 0.0


def open_newsroom(world: World, script: list[Act]) -> None:
    """The web process: works the script off; what a crash interrupted is done again, or not."""
    process = Process("web")
    world.processes["web"] = process

    def work() -> None:
        while script:
            act = script[0]
            world.stage.sleep(act.after_s, "newsroom")
            again = world.chance(0.5)
            if not again:
                script.pop(0)
            with suppress(PermanentError):
                perform(world, act)
                if world.chance(0.1):
                    perform(world, act)
            if again:
                script.pop(0)

    world.stage.spawn(process, "newsroom", work)


def perform(world: World, act: Act) -> None:
    world.note("act", f"{act.what} story {act.story} {act.number or ''}")
    stories = world.state.stories
    if act.what == "file":
        _patiently(world, lambda: _file(world, act.number))
        return
    if not stories:
        return
    story = stories[act.story % len(stories)]
    match act.what:
        case "edit":
            _patiently(world, lambda: _edit(world, story))
        case "approve":
            for level in (1, 2, 3):
                with suppress(PermanentError):
                    _sign(world, story, level)
        case "correct":
            _patiently(world, lambda: _edit(world, story))
            for level in (1, 2, 3):
                with suppress(PermanentError):
                    _sign(world, story, level)
        case "sign":
            _sign(world, story, act.number)
        case "urgent":
            _sign(world, story, 3, urgent=True, note="突发")
        case "return":
            _sign(world, story, act.number, decision="return", note="事实不清")
        case _:
            _patiently(world, lambda: _tell(world, story, act))


def _patiently(world: World, call: Callable[[], Any]) -> None:
    """A person tries again while the system says that it is not there."""
    for _ in range(8):
        try:
            call()
        except (Unavailable, StorageFull):
            world.stage.sleep(1.5, "tries again")
        else:
            return


def _raw(headline: str) -> dict[str, Any]:
    body = [{"kind": "paragraph", "spans": [{"text": "正文。"}]}]
    return {"headline": headline, "body": body}


def _file(world: World, embargo_s: int) -> None:
    at = world.clock() + timedelta(seconds=embargo_s) if embargo_s else None
    number = len(world.state.stories) + 1
    plan, key = Plan(release_at=at), f"file {number}"
    filed = filing.file_story(world.desk, REPORTER, _raw(f"稿{number}"), plan, [], key=key)
    if world.fault("filing answer lost"):  # whoever filed it tries again with the same key
        filed = filing.file_story(world.desk, REPORTER, _raw(f"稿{number}"), plan, [], key=key)
    story = filed.body["story_id"]
    if story not in world.state.stories:
        world.state.stories.append(story)
        if at is not None:
            world.state.history.released_at[story] = at.timestamp()


def _edit(world: World, story: str) -> None:
    version, _ = _version(world, story)
    raw = _raw(f"{story[-4:]} 第{version + 1}版")
    filing.revise_story(
        world.desk, REPORTER, story, raw, [], expected=version, key=f"{story} {version}"
    )


def _version(world: World, story: str) -> tuple[int, str | None]:
    """Newest version, and the hash of its copies once they are there."""
    return world.raw.execute(  # type: ignore[no-any-return]
        "SELECT s.version, v.copies_sha256 FROM stories s JOIN versions v"
        " ON v.story_id = s.id AND v.version = s.version WHERE s.id = ?",
        (story,),
    ).fetchone()


def _sign(world: World, story: str, level: int, **more: Any) -> None:
    for _ in range(6):
        version, copies = _version(world, story)
        if copies is not None:
            break
        world.stage.sleep(0.7, "waits for the copies")
    else:
        return
    person = REVIEWERS[level]
    signed = Signed(story, version, level, person.id, bool(more.get("urgent")), at=world.stage.now)
    records = world.state.history.signed
    counts = more.get("decision") != "return"
    if counts:  # from now on it may count, whatever becomes of the answer
        records.append(signed)
    asked = acts.SignatureIn(version=version, level=level, copies_sha256=copies, **more)
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        acts.sign(world.desk, person, story, asked)

    try:
        _patiently(world, call)
    except PermanentError:
        if counts and len(calls) == 1:  # else the first may have been written after all
            records.remove(signed)
        raise
    if counts:
        acknowledged = world.state.history.acknowledged
        acknowledged.setdefault((story, version, level), world.stage.now)


def _tell(world: World, story: str, act: Act) -> None:
    duty, history = REVIEWERS[3], world.state.history
    match act.what:
        case "withdraw":
            acts.withdraw(world.desk, duty, story, acts.ReasonIn(reason="有误"))
            history.withdrawn.setdefault(story, world.stage.now)
        case "hold":
            acts.hold(world.desk, duty, story, acts.ReasonIn(reason="核实"))
            history.held.setdefault(story, world.stage.now)
        case "resume":
            history.held.pop(story, None)
            acts.resume(world.desk, duty, story)
        case "resend":
            resend.resend(world.desk, duty, story, resend.ResendIn(dry_run=False, note="再试"))
        case "settle":
            _settle(world, story)
        case "override":
            history.overrides.append((story, act.number, world.stage.now))
            asked = acts.OpenWaveIn(wave=act.number, reason="领导要求")
            acts.open_wave(world.desk, duty, story, asked)


def _settle(world: World, story: str) -> None:
    """Somebody looks at each outlet that could not tell, and says what stands there."""
    asked = (
        "SELECT channel, release, verb, version, updated_at FROM publications"
        " WHERE story_id = ? AND state = 'needs_person'"
    )
    for channel, release, verb, version, seen_at in world.raw.execute(asked, (story,)).fetchall():
        items = at_rest.standing(world.checker, story, channel)
        found: dict[str, str] = {"answer": "absent"}
        if items:
            if verb != "create" or (items[0].version, items[0].state) != (version, "live"):
                continue  # neither answer would be true
            found = {"answer": "live", "item_id": items[0].id}
        elif verb == "update":
            continue
        at = datetime.fromtimestamp(seen_at / 1000, tz=UTC)
        answer = settle.SettleIn.model_validate({**found, "as_of": at})
        with suppress(PermanentError):
            settle.settle(world.desk, REVIEWERS[3], story, channel, release, answer)
