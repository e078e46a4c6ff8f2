"""The publish protocol as pure decisions: may it go out, and what follows from an answer.

Nothing makes an outside call exactly once by itself. So the intent is committed before the
call, an answer that was lost is settled and asked for, and what cannot be told goes to a
person: it is never sent again on a guess.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.channel import (
    Absent,
    Accepted,
    AwaitingPerson,
    CannotRecall,
    CannotTell,
    Capabilities,
    ChannelSpec,
    Live,
    Recalled,
    Refused,
)
from schemas.errors import TransientError, UnknownOutcome
from schemas.receipt import Receipt

LONGEST_RETRY_S = 90_000.0
"""No outlet's own retry time counts for more: a day, and what a used-up quota may add to it."""
MOST_TRIES = 200
"""Tries in a row that may fail before a person is told; rests of the whole channel cost none."""
MOST_UNTOLD_S = 86_400.0
"""Status queries that fail may go on this long before a person is told."""

Verb = Literal["create", "update", "recall"]
Answer = (
    Live
    | Accepted
    | AwaitingPerson
    | Refused
    | Recalled
    | CannotRecall
    | Absent
    | CannotTell
    | TransientError
    | UnknownOutcome
)


@dataclass(frozen=True)
class Claimant:
    """What a claim rests on, read in the transaction that makes it."""

    verb: Verb
    state: str
    version: int
    approved_version: int | None
    withdrawn_reason: str | None
    held_reason: str | None
    gate: str
    missing_levels: tuple[int, ...]
    """Sign-offs missing for the version's frozen copies."""
    copy_is_signed: bool
    """The copy to be sent is one of the copies that were signed."""


@dataclass(frozen=True)
class Stop:
    """Not to be sent: the state and reason to write instead."""

    state: str
    reason: str
    alarm: bool = False


@dataclass(frozen=True)
class Next:
    """What a publication becomes."""

    state: str
    reason: str
    due_in_s: float | None = None
    tries: int = 0
    receipt: Receipt | None = None
    handle: dict[str, Any] | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    told: bool = True
    """Written to ``story-events``, because others act on it."""
    unanswered: bool = False
    """The request may still be on its way: nothing else leaves until it cannot be."""


def may_claim(c: Claimant) -> Stop | None:
    """Why this publication must not go out now, or None.

    An update that is stopped leaves a live item: its row never falls back to a state from which
    the conductor would order a create.
    """
    if c.verb == "recall":
        return None
    create = c.verb == "create"
    if c.withdrawn_reason is not None:
        return Stop("cancelled" if create else "live", f"撤稿: {c.withdrawn_reason}")
    if c.approved_version is None or c.version < c.approved_version:
        told = "已有更新的版本 / a newer version is approved"
        return Stop("planned" if create else "live", told)
    if c.missing_levels or not c.copy_is_signed:
        told = "没有这份渠道稿的三审签字 / these copies are not approved"
        return Stop("refused" if create else "needs_person", told, alarm=True)
    if c.held_reason is not None:
        return Stop("held" if create else "live", f"暂缓: {c.held_reason}")
    if not c.gate:
        told = "闸门未开 / its wave is not open"
        return Stop("gated" if create else "needs_person", told, alarm=True)
    return None


def asks_first(verb: Verb, state: str, filed_at: int, restored_at: int) -> bool:
    """Whether the outlet is asked before the first create of a release: the story was filed
    before the ledger was last restored, and the lost ledger may have sent it. Once the outlet
    said "absent" the row is in ``retry_wait`` and goes out."""
    return verb == "create" and state == "ready" and filed_at <= restored_at


def after_call(
    verb: Verb, answer: Answer, spec: ChannelSpec, *, tries: int, left_s: float, jitter: float
) -> Next:
    """What follows from the answer to a create, update or recall.

    ``left_s``: seconds until no request of the attempt can still be on its way.
    ``jitter``: 0..1, spreads retries.
    """
    match answer:
        case Live(receipt=receipt):
            return Next("live", "", receipt=receipt)
        case Accepted(handle=handle, reason=reason):
            return Next(_waiting(verb), reason, spec.poll_s[0], handle=handle)
        case AwaitingPerson(package=package, reason=reason):
            return Next("awaiting_person", reason, handle={"package": package})
        case Refused(reason=reason, code=code):
            told = f"{reason} ({code})" if code else reason
            if verb == "update":
                return Next("needs_person", f"更正被拒, 仍是旧版, 请{spec.contact}处理: {told}")
            if verb == "recall":
                return Next("needs_person", f"没有撤下, 请{spec.contact}处理 / not down: {told}")
            if code.startswith("removed_by_"):
                return Next("removed_by_platform", f"曾经上线, 后被撤下 / was live: {told}")
            return Next("refused", told)
        case Recalled(reason=reason):
            return Next("recalled", reason)
        case CannotRecall(who=who, reason=reason):
            return Next("needs_person", f"无法自动撤下, 请联系{who}: {reason}")
        case UnknownOutcome(reason=reason) if verb == "create":
            wait = max(0.0, left_s) + spec.settle_s
            return Next("unknown", reason, wait, told=False, unanswered=True)
        case TransientError() | UnknownOutcome():
            return _again(verb, answer, spec, tries, jitter)
    raise TypeError(f"{type(answer).__name__} does not answer a {verb}")


def after_confirm(
    verb: Verb,
    answer: Answer,
    spec: ChannelSpec,
    *,
    handle: dict[str, Any],
    tries: int,
    accepted_for_s: float,
    jitter: float,
) -> Next:
    """What follows from a status query of an accepted item; ``tries`` counts the queries."""
    match answer:
        case Accepted(handle=newer, reason=reason):
            if accepted_for_s > spec.confirm_within_s:
                return Next(
                    "needs_person",
                    f"平台迟迟没有结果, 请{spec.contact}查看 / no result from the outlet: {reason}",
                )
            wait = spec.poll_s[min(tries + 1, len(spec.poll_s) - 1)]
            return Next(_waiting(verb), reason, wait, tries + 1, handle=newer, told=False)
        case TransientError() | UnknownOutcome():
            if accepted_for_s > max(spec.confirm_within_s, MOST_UNTOLD_S):
                told = (
                    f"问不到结果, 请{spec.contact}查看 / the outlet does not tell: {answer.reason}"
                )
                return Next("needs_person", told)
            wait = _retry_s(spec, answer, tries, jitter)
            return Next(_waiting(verb), answer.reason, wait, tries + 1, handle=handle, told=False)
    return after_call(verb, answer, spec, tries=tries, left_s=0, jitter=jitter)


def after_find(
    answer: Answer, spec: ChannelSpec, can: Capabilities, *, tries: int, jitter: float
) -> Next:
    """What follows from asking the outlet after an answer was lost."""
    match answer:
        case Live(receipt=receipt):
            return Next("live", "对账找到 / found by asking the outlet", receipt=receipt)
        case Accepted(handle=handle, reason=reason):
            return Next("accepted", reason, spec.poll_s[0], handle=handle)
        case Absent() if can.absent_is_sure:
            return Next("retry_wait", "对账确认不在, 重新发送 / surely absent", 0.0, told=False)
        case Absent():
            return Next("needs_person", _look(spec, "渠道说没有, 但它的列表不作准"))
        case CannotTell(reason=reason):
            return Next("needs_person", _look(spec, reason))
        case TransientError() | UnknownOutcome():
            if tries + 1 >= MOST_TRIES:
                return Next("needs_person", _look(spec, answer.reason))
            wait = _retry_s(spec, answer, tries, jitter)
            return Next("unknown", answer.reason, wait, tries + 1, told=False)
    raise TypeError(f"{type(answer).__name__} does not answer a find")


def after_crash(verb: Verb, spec: ChannelSpec, *, left_s: float) -> Next:
    """The owner died in the middle of a call; it is dead for certain before this is decided."""
    wait = max(0.0, left_s) + spec.settle_s
    if verb == "create":
        return Next("unknown", "进程中断, 等待对账 / the process died; will ask", wait, told=False)
    return Next(_waiting(verb), "进程中断, 将重做 / the process died; again", wait, told=False)


def _again(
    verb: Verb,
    answer: TransientError | UnknownOutcome,
    spec: ChannelSpec,
    tries: int,
    jitter: float,
) -> Next:
    """Not carried out; an update or a recall whose answer was lost may be repeated too, since it
    names its item."""
    tried, told = tries + 1, answer.reason
    if tried >= MOST_TRIES:
        told = f"试了 {tried} 次, 请{spec.contact}查看 / tried {tried} times, please look: {told}"
        if verb != "recall":  # a withdrawal is tried for ever
            return Next("needs_person", told, tries=tried)
    return Next(
        "retry_wait" if verb == "create" else _waiting(verb),
        told,
        _retry_s(spec, answer, tries, jitter),
        tried,
        # told: a withdrawal or a newer version may have come while the call was open
        unanswered=isinstance(answer, UnknownOutcome),
    )


def _waiting(verb: Verb) -> str:
    return {"create": "accepted", "update": "updating", "recall": "recalling"}[verb]


def _look(spec: ChannelSpec, reason: str) -> str:
    return f"请{spec.contact}到{spec.name}查看是否已发布 / look whether it is live: {reason}"


def _retry_s(
    spec: ChannelSpec, answer: TransientError | UnknownOutcome, tries: int, jitter: float
) -> float:
    """The platform's own time where it gave one, within :data:`LONGEST_RETRY_S`; else the schedule,
    plus up to a quarter. Long waits of their own end up to a minute apart, so that the turn of a
    platform's day does not bring all at once."""
    own = answer.retry_after_s if isinstance(answer, TransientError) else None
    if own is not None:
        own_s = min(max(own, 1.0), LONGEST_RETRY_S)
        return own_s + (60 * jitter if own_s >= 600 else 0.0)
    return spec.retry_s[min(tries, len(spec.retry_s) - 1)] * (1 + jitter / 4)
