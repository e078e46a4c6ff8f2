"""三审: three levels by three people over the very same copies, or one urgent 终审."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Fault
from schemas.review import Signature, may_sign, missing_levels
from tests.strategies import signatures

COPIES = "1" * 64
ALL = ("reviewer1", "reviewer2", "reviewer3")


def signed(level: int, person: str, copies: str = COPIES, *, urgent: bool = False) -> Signature:
    return Signature(level, person, "王芳", copies, urgent)


def asking(
    held: list[Signature],
    level: int,
    person: str,
    *,
    roles: tuple[str, ...] = ALL,
    urgent: bool = False,
    current: str | None = COPIES,
    over: str = COPIES,
) -> Fault | None:
    return may_sign(
        held,
        level=level,
        person_id=person,
        roles=roles,
        current_copies=current,
        signed_copies=over,
        urgent=urgent,
    )


def code(fault: Fault | None) -> str:
    return fault.code if fault else ""


@given(st.lists(signatures, max_size=8))
def test_nothing_is_approved_by_fewer_than_three_people(held: list[Signature]) -> None:
    """Whatever rows are there, even such that may_sign would never have let in."""
    if missing_levels(held, COPIES):
        return
    valid = [s for s in held if s.copies_sha256 == COPIES]
    urgent = any(s.urgent and s.level == 3 for s in valid)
    people = {s.person_id for s in valid}
    assert urgent or (len(people) >= 3 and {s.level for s in valid} == {1, 2, 3})


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from("abcd"), st.booleans(), st.booleans()),
        max_size=12,
    )
)
def test_whatever_people_try_approval_needs_the_right_ones(
    tries: list[tuple[int, str, bool, bool]],
) -> None:
    held: list[Signature] = []
    for level, person, urgent, stale in tries:
        over = "2" * 64 if stale else COPIES
        if asking(held, level, person, urgent=urgent, over=over) is None:
            held.append(signed(level, person, urgent=urgent))
    assert len({s.level for s in held}) == len(held)
    assert len({s.person_id for s in held}) == len(held)
    if not any(s.urgent for s in held):
        assert [s.level for s in held] == [1, 2, 3][: len(held)]
        assert missing_levels(held, COPIES) == (1, 2, 3)[len(held) :]
    else:
        assert missing_levels(held, COPIES) == ()


def test_the_levels_come_in_order_and_the_next_one_is_named() -> None:
    assert asking([], 1, "a") is None
    fault = asking([signed(1, "a")], 3, "c")
    assert code(fault) == "level_order"
    assert fault is not None
    assert "复审" in fault.next_step


def test_one_person_signs_one_level_even_with_every_role() -> None:
    assert code(asking([signed(1, "a")], 2, "a")) == "same_person"


def test_two_people_of_the_same_name_are_two_people() -> None:
    assert asking([signed(1, "wang-fang-1")], 2, "wang-fang-2") is None


def test_a_level_is_signed_once() -> None:
    assert code(asking([signed(1, "a")], 1, "b")) == "already_signed"


def test_a_role_is_needed_for_each_level() -> None:
    assert code(asking([], 1, "a", roles=("reviewer2", "editor"))) == "role_missing"


def test_only_levels_one_to_three_exist() -> None:
    assert {code(asking([], level, "a")) for level in (0, 4, -1)} == {"level_unknown"}


def test_what_is_signed_is_what_stands_there_now() -> None:
    assert code(asking([], 1, "a", over="2" * 64)) == "copies_changed"
    assert code(asking([], 1, "a", current=None)) == "copies_not_ready"


def test_signatures_over_other_copies_count_for_nothing() -> None:
    old = [signed(1, "a", "2" * 64), signed(2, "b", "2" * 64), signed(3, "c", "2" * 64)]
    assert missing_levels(old, COPIES) == (1, 2, 3)
    assert asking(old, 1, "a") is None


def test_one_urgent_final_signature_stands_alone_and_the_others_follow() -> None:
    assert code(asking([], 1, "a", urgent=True)) == "urgent_is_final"
    assert asking([], 3, "c", urgent=True) is None
    held = [signed(3, "c", urgent=True)]
    assert missing_levels(held, COPIES) == ()
    assert asking(held, 1, "a") is None
    assert code(asking(held, 1, "c")) == "same_person"
    assert missing_levels([signed(1, "c", urgent=True)], COPIES) == (2, 3)
