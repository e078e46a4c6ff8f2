"""An alarm: something that is, or was, wrong, and whether anybody was told."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["page", "editor", "ticket"]
"""Now, to whoever is on duty · to the duty editor · in working hours."""


@dataclass(frozen=True)
class Alarm:
    """``key`` names it for as long as it lasts; times are UTC milliseconds."""

    key: str
    kind: str
    severity: Severity
    sentence: str
    """Plain Chinese; up to its colon it names the place."""
    began_at: int
    seen_at: int
    """When it was last true."""
    told_at: int | None = None
    ended_at: int | None = None
