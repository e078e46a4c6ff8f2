"""Who may do what, as the ways in ask for it: 403 with whom to ask instead."""

from typing import Any

from schemas.errors import NotApproved
from schemas.rights import Act, desks_for, fault_of, may, may_with
from stores.ledger.people import Caller
from stores.ledger.stories import Seen


def needs(caller: Caller, act: Act, story: Any = None) -> None:
    """Raises NotApproved (403) unless they may do it, to this story (a row of ``stories``)."""
    if not may(caller, act):
        raise NotApproved(fault_of(act))
    if story is not None and not may_with(caller, act, desk=story.desk, by=story.by):
        raise NotApproved(fault_of(act, other_desk=True))


def seen_by(caller: Caller) -> Seen | None:
    """Whose stories a list for them may hold; None is all. Raises NotApproved (403) when none."""
    needs(caller, "story.look")
    desks = desks_for(caller, "story.look")
    return None if desks is None else Seen(desks, caller.id)
