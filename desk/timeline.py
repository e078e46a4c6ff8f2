"""A story's timeline and evidence, from the ledger's detail view. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.words import STATES, VERBS, Tone, Word, in_chinese, word_of
from schemas.settling import ANSWERS
from stores.ledger.board_view import AttemptMade


@dataclass(frozen=True)
class Moment:
    """One thing that happened."""

    at: int
    what: str
    note: str = ""
    icon: str = "clock"
    tone: Tone = "none"
    after_ms: int | None = None
    """Since the release of the story, None before it."""


def moments(
    detail: Mapping[str, Any],
    attempts: Iterable[AttemptMade],
    channels: Mapping[str, str],
    people: Mapping[str, str],
) -> list[Moment]:
    """All of it in order of time. ``detail``: ``stores.ledger.views.story_detail``;
    ``channels`` and ``people``: id → name."""
    found = _newsroom(detail, people) + _outlets(detail, attempts, channels)
    released = _ms(detail["released_at"])
    if released is None:
        return sorted(found, key=lambda m: m.at)
    return sorted(
        (
            Moment(
                m.at,
                m.what,
                m.note,
                m.icon,
                m.tone,
                m.at - released if m.at >= released else None,
            )
            for m in found
        ),
        key=lambda m: m.at,
    )


def _newsroom(detail: Mapping[str, Any], people: Mapping[str, str]) -> list[Moment]:
    found = []
    for version in detail["versions"]:
        by = people.get(version["by"], version["by"])
        number = version["version"]
        what = f"提交 v{number}" if number == 1 else f"提交 v{number} (修改或更正)"
        found.append(Moment(_need(version["created_at"]), what, by, "pencil"))
    for signed in detail["signatures"]:
        urgent = " · 先发后补" if signed["urgent"] else ""
        what = f"{signed['level_name']}签字 v{signed['version']}{urgent}"
        note = " · ".join(t for t in (signed["person_name"], signed["note"]) if t)
        found.append(Moment(_need(signed["at"]), what, note, "check", "good"))
        if signed["voided_at"]:
            what = f"{signed['level_name']}签字 v{signed['version']} 作废"
            found.append(
                Moment(_need(signed["voided_at"]), what, signed["voided_why"], "slash", "warn")
            )
    if detail["released_at"]:
        found.append(Moment(_need(detail["released_at"]), "签发", "", "send", "work"))
    if detail["withdrawn_at"]:
        why = detail["withdrawn_reason"] or ""
        found.append(Moment(_need(detail["withdrawn_at"]), "撤稿", why, "undo", "bad"))
    return found


def _outlets(
    detail: Mapping[str, Any], attempts: Iterable[AttemptMade], channels: Mapping[str, str]
) -> list[Moment]:
    found = []
    for row in detail["deliveries"]:
        name = channels.get(row["channel"], row["channel"])
        opened, received = _ms(row["released_at"]), _ms(row["received_at"])
        if opened is not None:
            found.append(Moment(opened, f"{name} 放行", row["gate"] or "", "gate"))
        if received is not None:
            note = " ".join(t for t in ("回执", row["receipt_id"]) if t)
            found.append(Moment(received, f"{name} 上线", note, "check", "good"))
        if row["settled"]:
            said = row["settled"]
            means = in_chinese(ANSWERS[said["question"]][said["answer"]])
            note = " · ".join(t for t in (said["by_name"], said["note"]) if t)
            at = _need(said["at"])
            found.append(Moment(at, f"{name} 人工登记: {means}", note, "person", "call"))
    for run in _runs(attempts):
        found += _attempts(run, channels.get(run[0].channel, run[0].channel))
    return found


def _runs(attempts: Iterable[AttemptMade]) -> list[list[AttemptMade]]:
    """Attempts that failed alike one after the other, together."""
    runs: dict[tuple[str, int], list[list[AttemptMade]]] = {}
    for attempt in attempts:
        mine = runs.setdefault((attempt.channel, attempt.release), [])
        last = mine[-1][-1] if mine else None
        if last and (last.verb, last.outcome, last.reason) == (
            attempt.verb,
            attempt.outcome,
            attempt.reason,
        ):
            mine[-1].append(attempt)
        else:
            mine.append([attempt])
    return [run for mine in runs.values() for run in mine]


def _attempts(run: list[AttemptMade], name: str) -> list[Moment]:
    first, last = run[0], run[-1]
    verb = VERBS.get(first.verb, first.verb)
    times = f"第{first.epoch}次" if first is last else f"第{first.epoch}–{last.epoch}次"
    found = [Moment(first.started_at, f"{name} 开始{verb}", times, "send", "work")]
    told = last.outcome == "live" and last.verb == "create"
    if last.ended_at is not None and not told:
        word = STATES.get(last.outcome) or Word("进程中断", last.outcome, "question", "warn")
        what = f"{name} {verb}: {word.chinese}"
        found.append(Moment(last.ended_at, what, last.reason, word.icon, word.tone))
    return found


@dataclass(frozen=True)
class Evidence:
    """One release at one channel, with what proves it."""

    channel: str
    row: Mapping[str, Any]
    state: str
    icon: str
    tone: Tone
    released: int | None
    requested: int | None
    received: int | None
    url: str
    hashes: tuple[tuple[str, str], ...]


def evidence(detail: Mapping[str, Any], channels: Mapping[str, str]) -> list[Evidence]:
    """Every delivery, older releases too, in the order of waves and, within one, of ``channels``."""
    made = []
    place = {channel: index for index, channel in enumerate(channels)}
    rows = sorted(
        detail["deliveries"],
        key=lambda r: (r["wave"], place.get(r["channel"], len(place)), r["release"]),
    )
    for row in rows:
        word = word_of(row["state"])
        hashes = [("渠道稿", row["payload_sha256"]), ("发出的文字", row["text_sha256"])]
        hashes += [(m["address"] or m["placeholder"], m["sha256"]) for m in row["media"]]
        url = row["url"] or ""
        made.append(
            Evidence(
                channel=channels.get(row["channel"], row["channel"]),
                row=row,
                state=word.chinese,
                icon=word.icon,
                tone=word.tone,
                released=_ms(row["released_at"]),
                requested=_ms(row["requested_at"]),
                received=_ms(row["received_at"]),
                url=url if url.startswith(("http://", "https://")) else "",
                hashes=tuple((name, digest) for name, digest in hashes if digest),
            )
        )
    return made


def _ms(text: str | None) -> int | None:
    return None if text is None else _need(text)


def _need(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
