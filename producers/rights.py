"""Who may do what: a role of the person whose key it is."""

from collections.abc import Collection

from schemas.errors import Fault, NotApproved
from stores.ledger.people import Caller


def needs(caller: Caller, roles: Collection[str], act: str) -> None:
    """Raises NotApproved (403) when the caller has none of these roles."""
    if not set(roles) & set(caller.roles):
        raise NotApproved(
            Fault(
                "role_missing",
                "Authorization",
                f"您没有这项权限: {act} / you may not do this",
                f"请有 {'、'.join(sorted(roles))} 权限的人操作 / ask a person with such a role",
            )
        )
