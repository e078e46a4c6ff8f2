"""三审: who may sign what. Pure rules over sign-offs; a record on a topic approves nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from schemas.errors import Fault

Level = Literal[1, 2, 3]
LEVEL_NAMES = {1: "初审", 2: "复审", 3: "终审"}
REQUIRED: tuple[Level, ...] = (1, 2, 3)


@dataclass(frozen=True)
class Signature:
    """One valid sign-off: by whom, at which level, over which copies."""

    level: int
    person_id: str
    person_name: str
    copies_sha256: str
    urgent: bool = False
    """先发后补: this one 终审 stands alone; the reason is in the record."""


def missing_levels(signatures: Iterable[Signature], copies_sha256: str) -> tuple[int, ...]:
    """Levels still to be signed for exactly these copies; empty means approved.

    Three levels by three distinct persons, or one urgent 终审.
    """
    valid = [s for s in signatures if s.copies_sha256 == copies_sha256]
    if any(s.urgent and s.level == 3 for s in valid):
        return ()
    by_level: dict[int, str] = {}
    for signature in sorted(valid, key=lambda s: s.level):
        if signature.person_id not in by_level.values():
            by_level.setdefault(signature.level, signature.person_id)
    return tuple(level for level in REQUIRED if level not in by_level)


def may_sign(
    signatures: Iterable[Signature],
    *,
    level: int,
    person_id: str,
    roles: Iterable[str],
    current_copies: str | None,
    signed_copies: str,
    urgent: bool = False,
) -> Fault | None:
    """Why this person may not sign at this level now, or None."""
    if level not in REQUIRED:
        return Fault("level_unknown", "level", f"没有第 {level} 审 / there is no level {level}")
    if f"reviewer{level}" not in set(roles):
        return Fault(
            "role_missing",
            "level",
            f"您没有{LEVEL_NAMES[level]}权限 / you may not sign level {level}",
            "请有该级权限的人签 / ask a person with that role",
        )
    if current_copies is None:
        return Fault(
            "copies_not_ready",
            "copies_sha256",
            "渠道稿还没有生成 / the channel copies are not made yet",
            "稍候几秒再签 / try again in a few seconds",
        )
    if signed_copies != current_copies:
        return Fault(
            "copies_changed",
            "copies_sha256",
            "稿件已改动, 签的不是现在的渠道稿 / the story changed; these are not the present copies",
            "重新读取渠道稿后再签 / read the copies again, then sign",
        )
    valid = [s for s in signatures if s.copies_sha256 == current_copies]
    if any(s.level == level for s in valid):
        return Fault(
            "already_signed",
            "level",
            f"{LEVEL_NAMES[level]}已签 / level {level} is signed already",
        )
    if any(s.person_id == person_id for s in valid):
        return Fault(
            "same_person",
            "person",
            "同一人不能签两级 / one person cannot sign two levels",
            "请另一人签 / ask another person",
        )
    if urgent:
        if level == 3:
            return None
        return Fault(
            "urgent_is_final", "level", "先发后补只能由终审签 / only 终审 may sign urgently"
        )
    todo = missing_levels(valid, current_copies)
    if todo and level != todo[0]:
        return Fault(
            "level_order",
            "level",
            f"还差{LEVEL_NAMES[todo[0]]} / level {todo[0]} comes first",
            f"先完成{LEVEL_NAMES[todo[0]]} / sign level {todo[0]} first",
        )
    return None
