"""Jinja templates and static files of the desk, loaded once a process."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from desk.words import KINDS, in_chinese
from schemas.beijing import at, span
from schemas.rights import Act

_HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


ROOMS: tuple[tuple[str, str, str, str, Act], ...] = (
    ("/", "layers", "看板", "board", "house.look"),
    ("/needs", "alert", "要人处理", "needs a person", "house.look"),
    ("/review", "check", "审核", "review", "story.review"),
    ("/mine", "pencil", "我的稿件", "my stories", "story.file"),
    ("/compose", "pencil", "写稿", "write", "story.file"),
    ("/upload", "queue", "上传", "upload", "story.file"),
    ("/lag", "queue", "积压", "what waits", "house.look"),
    ("/board/letters", "ban", "死信", "dead letters", "letters.look"),
    ("/people", "person", "人员", "people", "people.look"),
    ("/audit", "search", "操作记录", "audit", "audit.look"),
)
"""What leads from page to page: address, icon, word, English, the right that it needs."""


@cache
def environment() -> Environment:
    """Autoescaping everywhere: text of a story never becomes markup."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "clock": lambda ms: at(ms).strftime("%H:%M:%S"),
        "minute": lambda ms: at(ms).strftime("%-m月%-d日 %H:%M"),
        "moment": lambda ms: at(ms).strftime("%Y-%m-%d %H:%M:%S"),
        "stamp": lambda ms: at(ms).strftime("%m-%d %H:%M:%S"),
        "iso": lambda ms: at(ms).isoformat(timespec="milliseconds"),
        "chinese": in_chinese,
        "kind": _kind,
        "seconds": _seconds,
        "span": span,
    }
    made.filters |= filters
    made.globals["static"] = _addresses()
    made.globals["rooms"] = ROOMS
    return made


def render(template: str, **context: Any) -> str:
    return environment().get_template(template).render(**context)


@cache
def static_files() -> dict[str, tuple[str, bytes]]:
    """File name → (content type, content)."""
    return {
        path.name: (_TYPES[path.suffix], path.read_bytes())
        for path in sorted((_HERE / "static").iterdir())
        if path.suffix in _TYPES
    }


@cache
def look() -> str:
    """Changes with every template and static file: an open page of an older look reloads."""
    digest = hashlib.sha256()
    for path in sorted((_HERE / "templates").iterdir()):
        digest.update(path.read_bytes())
    for _, content in static_files().values():
        digest.update(content)
    return digest.hexdigest()[:12]


def _addresses() -> dict[str, str]:
    """File name → address with a hash of the content, so that it may be kept for ever."""
    return {
        name: f"/board/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"
        for name, (_, content) in static_files().items()
    }


def _kind(kind: str) -> str:
    return KINDS.get(kind, kind)


def _seconds(ms: int) -> str:
    """A span as people say it: ``0.8 秒``, ``2 分 05 秒``, ``3 小时 10 分``."""
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} 秒"
    if seconds < 3600:
        return f"{int(seconds // 60)} 分 {int(seconds % 60):02d} 秒"
    return f"{int(seconds // 3600)} 小时 {int(seconds % 3600 // 60):02d} 分"
