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


def time_of_day(ms: int) -> str:
    """``HH:MM``."""
    return at(ms).strftime("%H:%M")


def span(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} 秒"
    if seconds < 5400:
        return f"{round(seconds / 60)} 分钟"
    hours = seconds / 3600
    return f"{hours:.0f} 小时" if round(hours, 1) == round(hours) else f"{hours:.1f} 小时"
