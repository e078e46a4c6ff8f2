"""Who may do what: roles (权限), acts, and how far each reaches. Pure; whatever is not here is
forbidden.

A role does an act on the stories of its desks (部门). Which those are: the ones that the person's
role is bound to; else, by the table, the person's own desk or the whole house. What somebody filed
is always their own.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, get_args

from schemas.errors import Fault

Role = Literal[
    "contributor",
    "reporter",
    "editor",
    "reviewer1",
    "reviewer2",
    "reviewer3",
    "duty",
    "operator",
    "administrator",
]
ROLES: tuple[Role, ...] = get_args(Role)
ROLE_NAMES: dict[Role, str] = {
    "contributor": "通讯员",
    "reporter": "记者",
    "editor": "编辑",
    "reviewer1": "初审",
    "reviewer2": "复审",
    "reviewer3": "终审",
    "duty": "值班调度",
    "operator": "运维",
    "administrator": "管理员",
}
ROLE_ENGLISH: dict[Role, str] = {
    "contributor": "contributor",
    "reporter": "reporter",
    "editor": "editor",
    "reviewer1": "first reviewer",
    "reviewer2": "second reviewer",
    "reviewer3": "final reviewer",
    "duty": "duty editor",
    "operator": "operator",
    "administrator": "administrator",
}

Act = Literal[
    "story.file",
    "story.look",
    "story.revise",
    "story.review",
    "story.sign.1",
    "story.sign.2",
    "story.sign.3",
    "story.withdraw",
    "story.hold",
    "story.resume",
    "wave.open",
    "delivery.resend",
    "delivery.settle",
    "delivery.hand_off",
    "house.look",
    "letters.look",
    "letters.act",
    "people.look",
    "people.change",
    "audit.look",
]
ACTS: tuple[Act, ...] = get_args(Act)
ACT_NAMES: dict[Act, str] = {
    "story.file": "交稿 / file a story",
    "story.look": "看这篇稿件 / look at this story",
    "story.revise": "修改这篇稿件 / revise this story",
    "story.review": "进审核页 / open the review pages",
    "story.sign.1": "初审 / sign level 1",
    "story.sign.2": "复审 / sign level 2",
    "story.sign.3": "终审 / sign level 3",
    "story.withdraw": "撤稿 / withdraw",
    "story.hold": "暂缓 / hold",
    "story.resume": "恢复 / resume",
    "wave.open": "开闸 / open a wave",
    "delivery.resend": "重发 / resend",
    "delivery.settle": "登记 / settle",
    "delivery.hand_off": "登记投递 / settle a hand-off",
    "house.look": "看全台 / look at the whole house",
    "letters.look": "看死信 / dead letters",
    "letters.act": "处理死信 / act on dead letters",
    "people.look": "看人员 / look at people",
    "people.change": "管人员 / change people",
    "audit.look": "查操作记录 / search the audit trail",
}

Reach = Literal["desk", "house"]

_READS: dict[Act, Reach] = {"story.look": "house", "house.look": "house"}
_FILES: dict[Act, Reach] = {"story.file": "house", "story.look": "desk", "story.revise": "desk"}
_DISPATCH: dict[Act, Reach] = {
    "story.withdraw": "house",
    "story.hold": "house",
    "story.resume": "house",
    "wave.open": "house",
    "delivery.resend": "house",
    "delivery.settle": "house",
    "delivery.hand_off": "house",
}
_LETTERS: dict[Act, Reach] = {"letters.look": "house", "letters.act": "house"}
RIGHTS: Mapping[Role, Mapping[Act, Reach]] = {
    "contributor": _FILES,
    "reporter": {**_FILES, **_READS},
    "editor": {
        **_FILES,
        **_READS,
        "story.revise": "house",
        "delivery.hand_off": "house",
    },
    "reviewer1": {**_READS, "story.review": "house", "story.sign.1": "house"},
    "reviewer2": {**_READS, "story.review": "house", "story.sign.2": "house"},
    "reviewer3": {**_READS, **_DISPATCH, "story.review": "house", "story.sign.3": "house"},
    "duty": {**_READS, **_DISPATCH, **_LETTERS, "audit.look": "house"},
    "operator": {
        **_READS,
        **_LETTERS,
        "people.look": "house",
        "audit.look": "house",
    },
    "administrator": {"people.look": "house", "people.change": "house", "audit.look": "house"},
}
"""Role → act → how far it reaches by itself."""


class Who(Protocol):
    """A person with their roles."""

    @property
    def id(self) -> str: ...
    @property
    def desk(self) -> str: ...
    @property
    def roles(self) -> Sequence[str]: ...
    @property
    def bound(self) -> Mapping[str, Sequence[str]]:
        """Role → the desks that it is bound to; a role that is not here goes by the table."""
        ...


def roles_for(act: Act) -> list[Role]:
    """The roles that may do it at all, in the order of the table."""
    return [role for role in ROLES if act in RIGHTS[role]]


def may(who: Who, act: Act) -> bool:
    """Whether they may do it to some story, or, where it is about none, at all."""
    return any(act in RIGHTS[role] for role in ROLES if role in who.roles)


def desks_for(who: Who, act: Act) -> frozenset[str] | None:
    """The desks whose stories they may do it to; None is the whole house. Their own stories come
    on top, if :func:`may`."""
    found: set[str] = set()
    for role in ROLES:
        if role not in who.roles or act not in RIGHTS[role]:
            continue
        bound = who.bound.get(role)
        if bound:
            found |= set(bound)
        elif RIGHTS[role][act] == "house":
            return None
        else:
            found.add(who.desk)
    return frozenset(found - {""})


def may_with(who: Who, act: Act, *, desk: str, by: str) -> bool:
    """Whether they may do it to a story of that desk, filed by that person."""
    if not may(who, act):
        return False
    desks = desks_for(who, act)
    return desks is None or desk in desks or by == who.id


def fault_of(act: Act, *, other_desk: bool = False) -> Fault:
    """What is said to who may not."""
    roles = "、".join(ROLE_NAMES[role] for role in roles_for(act))
    if other_desk:
        return Fault(
            "other_desk",
            "story",
            f"这是别的部门的稿件, 您不能{ACT_NAMES[act]} (a story of another desk)",
            "请该部门的人, 或管全台的人操作 / ask somebody of that desk",
        )
    return Fault(
        "role_missing",
        "Authorization",
        f"您没有这项权限: {ACT_NAMES[act]} (you may not do this)",
        f"请有 {roles} 权限的人操作 / ask a person with such a role",
    )
