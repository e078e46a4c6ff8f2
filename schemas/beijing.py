"""Beijing time: quota days, cut-offs, and whatever a person of the newsroom reads."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(ms: int) -> datetime:
    """UTC milliseconds as Beijing time."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone(SHANGHAI)


def clock(ms: int) -> str:
    """``HH:MM:SS``, as a duty editor reads it."""
    return at(ms).strftime("%H:%M:%S")
