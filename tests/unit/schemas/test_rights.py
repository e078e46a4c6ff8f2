"""Roles, acts and desks: the table, and that nothing else is allowed."""

import pytest

from schemas.newsroom import Person
from schemas.rights import (
    ACT_NAMES,
    ACTS,
    RIGHTS,
    ROLE_NAMES,
    ROLES,
    Act,
    Role,
    desks_for,
    fault_of,
    may,
    may_with,
)
from stores.ledger.people import Caller, caller_of_file

# by hand, so that a slip in the table shows: role → what it may do on (own desk, another desk)
OWN_ONLY = {"contributor": {"story.look", "story.revise"}, "reporter": {"story.revise"}}
EVERYWHERE = {
    "contributor": {"story.file"},
    "reporter": {"story.file", "story.look", "house.look"},
    "editor": {"story.file", "story.look", "story.revise", "house.look", "delivery.hand_off"},
    "reviewer1": {"story.look", "house.look", "story.review", "story.sign.1"},
    "reviewer2": {"story.look", "house.look", "story.review", "story.sign.2"},
    "reviewer3": {
        "story.look", "house.look", "story.review", "story.sign.3", "story.withdraw", "story.hold", "story.resume",
        "wave.open", "delivery.resend", "delivery.settle", "delivery.hand_off",
    },
    "duty": {
        "story.look", "house.look", "story.withdraw", "story.hold", "story.resume", "wave.open",
        "delivery.resend", "delivery.settle", "delivery.hand_off", "letters.look", "letters.act",
        "audit.look",
    },
    "operator": {
        "story.look", "house.look", "letters.look", "letters.act", "people.look", "audit.look",
    },
    "administrator": {"people.look", "people.change", "audit.look"},
}  # fmt: skip


def person(*roles: str, **more: object) -> Caller:
    fields = {"id": "someone", "name": "某人", "desk": "采访部", "roles": roles, **more}
    return caller_of_file(Person.model_validate(fields))


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: Role, act: Act) -> None:
    who = person(role)
    own = may_with(who, act, desk="采访部", by="another")
    other = may_with(who, act, desk="编辑部", by="another")
    assert other == (act in EVERYWHERE[role])
    assert own == (other or act in OWN_ONLY.get(role, ()))
    assert may_with(who, act, desk="编辑部", by="someone") == may(who, act) == own


def test_every_role_and_act_has_a_name_and_a_place() -> None:
    assert set(ROLE_NAMES) == set(RIGHTS) == set(ROLES)
    assert set(ACT_NAMES) == set(ACTS) == set().union(*RIGHTS.values())
    for act in ACTS:
        for other_desk in (False, True):
            fault = fault_of(act, other_desk=other_desk)
            assert " / " in fault.reason
            assert " / " in fault.next_step


def test_a_role_bound_to_desks_reaches_these_alone() -> None:
    who = person("reviewer1", "editor", bound={"reviewer1": ["县水利局", "采访部"]})
    assert desks_for(who, "story.sign.1") == frozenset({"县水利局", "采访部"})
    assert may_with(who, "story.sign.1", desk="县水利局", by="x")
    assert not may_with(who, "story.sign.1", desk="编辑部", by="x")
    assert desks_for(who, "story.revise") is None, "the other role is not bound"


def test_a_contributor_bound_to_another_desk_is_there_and_no_longer_at_home() -> None:
    who = person("contributor", bound={"contributor": ["县水利局"]})
    assert may_with(who, "story.look", desk="县水利局", by="x")
    assert not may_with(who, "story.look", desk="采访部", by="x")


def test_no_desk_is_nobodys_desk() -> None:
    who = person("contributor", desk="")
    assert desks_for(who, "story.look") == frozenset()
    assert not may_with(who, "story.look", desk="", by="another")
    assert may_with(who, "story.look", desk="", by="someone")


def test_an_unknown_role_opens_nothing() -> None:
    who = person("editor")
    object.__setattr__(who, "roles", ("chief", "root"))
    assert not any(may(who, act) for act in ACTS)
