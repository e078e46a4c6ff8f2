"""What people do from the desk: the API's own functions, passed in, since the ways in and the desk
do not know each other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stores.ledger.people import Caller

Act = Callable[[Caller, str, Mapping[str, Any]], dict[str, Any]]
"""(who, story id or number, what the API's body would hold) → the story as it is then. Raises as
the API's functions do."""


@dataclass(frozen=True)
class Acts:
    sign: Act
    hold: Act
    resume: Act
    withdraw: Act
    open_wave: Act
    resend: Act
