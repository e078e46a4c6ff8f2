"""What only a person can tell of a delivery, and what follows from the answer. Pure.

A row that says ``needs_person`` or ``awaiting_person`` asks one of four questions; each has its
answers, and each answer leads to a state from which the system goes on by itself.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from schemas.channel import ChannelSpec
from schemas.errors import Fault

Question = Literal["published", "handed_off", "corrected", "taken_down"]
Answer = Literal["live", "absent", "still_up", "give_up"]

QUESTIONS: dict[Question, str] = {
    "published": "是否已发布 / is it live?",
    "handed_off": "投递好了吗 / was it handed in and published?",
    "corrected": "更正没有做成, 现在是哪一版 / the correction failed: what stands there?",
    "taken_down": "撤下了吗 / is it down?",
}
ANSWERS: dict[Question, dict[Answer, str]] = {
    "published": {
        "live": "已上线, 地址或编号是 / it is live at",
        "absent": "不在, 重新发送 / it is not there: send it again",
        "give_up": "放弃, 理由 / give up, why",
    },
    "handed_off": {
        "live": "已发布, 地址或编号是 / done, it is live at",
        "absent": "没有发, 重做一份 / not done: make the package anew",
        "give_up": "放弃, 理由 / give up, why",
    },
    "corrected": {
        "live": "新版已上线, 地址或编号是 / the newer version is live at",
        "absent": "已经不在了 / nothing is there any more",
        "give_up": "保留旧版, 理由 / the older version stays, why",
    },
    "taken_down": {
        "absent": "已撤下 / it is down now",
        "still_up": "还在, 再撤一次 / still up: try again",
        "give_up": "不撤了, 保留旧版, 理由 / leave it up, why",
    },
}


def question_of(
    state: str, verb: str, settled: Mapping[str, Any], *, was_live: bool
) -> Question | None:
    """What a row asks of a person, or None. ``settled``: the last answer that was given."""
    if state == "awaiting_person":
        return "handed_off"
    if state == "cancelled" and fate_unknown(settled):
        return "published"
    if state != "needs_person":
        return None
    if verb == "create" and was_live:  # withdrawn, and its channel left the channels file
        return "taken_down"
    asks: dict[str, Question] = {"update": "corrected", "recall": "taken_down"}
    return asks.get(verb, "published")


def fate_unknown(settled: Mapping[str, Any]) -> bool:
    """Somebody gave up on a delivery of which nobody knows whether it is there."""
    return settled.get("answer") == "give_up" and settled.get("question") == "published"


def given_up(settled: Mapping[str, Any]) -> int | None:
    """The version whose correction a person gave up: the older item stays."""
    if settled.get("answer") != "give_up":
        return None
    if settled.get("question") not in {"corrected", "taken_down"}:
        return None
    version: int = settled["version"]
    return version


def answers_of(question: Question, *, withdrawn: bool) -> dict[Answer, str]:
    """Answer → what it means here. What was withdrawn has to come down."""
    found = dict(ANSWERS[question])
    if question == "taken_down" and withdrawn:
        del found["give_up"]
    return found


def becomes(question: Question, answer: Answer, *, withdrawn: bool) -> str:
    """The state that an answer leads to; the conductor goes on from there."""
    match question, answer:
        case (("published" | "handed_off"), "absent"):
            return "cancelled" if withdrawn else "planned"
        case (("published" | "handed_off"), "give_up"):
            return "cancelled"
        case "corrected", "absent":
            return "recalled" if withdrawn else "removed_by_platform"
        case "taken_down", "absent":
            return "recalled"
    return "live"


@dataclass(frozen=True)
class Look:
    """What a person has to look at."""

    question: Question
    asks: str
    answers: dict[Answer, str]
    contact: str
    outlet: str
    address: str
    """Where the outlet is to be looked at: its address or its folder."""
    hosts: tuple[str, ...]
    """Where a typed address must lie."""


def look(
    spec: ChannelSpec | None,
    channel: str,
    question: Question,
    *,
    withdrawn: bool,
) -> Look:
    """``spec`` is None where the channel left the channels file."""
    hosts = hosts_of(spec)
    place = getattr(spec, "draft_box", "") or getattr(spec, "public_url", "")
    place = place or getattr(spec, "folder", "") or (hosts[0] if hosts else "")
    return Look(
        question=question,
        asks=QUESTIONS[question],
        answers=answers_of(question, withdrawn=withdrawn),
        contact=spec.contact if spec else "值班编辑",
        outlet=spec.name if spec else channel,
        address=str(place),
        hosts=hosts,
    )


def with_looks(
    deliveries: list[dict[str, Any]], specs: Mapping[str, ChannelSpec]
) -> list[dict[str, Any]]:
    """Deliveries (``stores.ledger.views.delivery``) with ``look``: what a person has to look at
    and may answer; None where nobody is asked."""
    return [{**d, "look": _look(d, specs)} for d in deliveries]


def _look(d: Mapping[str, Any], specs: Mapping[str, ChannelSpec]) -> dict[str, Any] | None:
    if d["asks"] is None:
        return None
    found = look(specs.get(d["channel"]), d["channel"], d["asks"], withdrawn=d["withdrawn"])
    return {
        **asdict(found),
        "headline": d["headline"],
        "marker": d["marker"],
        "sent_at": d["requested_at"],
        "as_of": d["updated_at"],
    }


def hosts_of(spec: ChannelSpec | None) -> tuple[str, ...]:
    """Hosts (``host`` or ``host:port``) at which an outlet's items appear."""
    given = spec.hosts if spec is not None else ()
    if not given:
        given = tuple(filter(None, [str(getattr(spec, "public_url", "") or "")]))
    return tuple(_host(entry) for entry in given)


def _host(entry: str) -> str:
    if "://" not in entry:
        return entry.lower().rstrip("/")
    parts = urlsplit(entry)
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, ":")
    return parts.netloc.rpartition("@")[2].lower().removesuffix(usual)


def address_fault(spec: ChannelSpec | None, url: str, field: str = "url") -> Fault | None:
    """Why this cannot be the address of an item of this outlet, or None."""
    hosts = hosts_of(spec)
    try:
        parts = urlsplit(url)
        host = _host(url)
        readable = parts.scheme in {"http", "https"} and "@" not in parts.netloc and bool(host)
    except ValueError:
        readable = False
    name = spec.name if spec else "渠道"
    if not hosts:
        told = f"{name}的条目没有网址 / items of this outlet have no address"
        return Fault("no_addresses", field, told, "填写编号 item_id / give its own id: item_id")
    where = "、".join(hosts)
    if not readable:
        told = "不是网址 / not an http address"
        return Fault("not_an_address", field, told, f"应在 {where} / it must lie at {where}")
    if host not in hosts:
        told = f"{host} 不是{name}的网址 / {host} is not where this outlet's items appear"
        return Fault("other_outlet", field, told, f"应在 {where}; 或改渠道的 hosts / or mend hosts")
    if parts.path in {"", "/"} and not parts.query:
        told = "这是首页, 不是一篇的地址 / the front page is no item's address"
        return Fault(
            "not_an_item", field, told, "打开那一篇再复制地址 / copy the item's own address"
        )
    return None
