"""Jinja templates and static files of the web site, loaded once a process."""

import hashlib
import json
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from schemas.beijing import SHANGHAI

_HERE = Path(__file__).parent
_STATIC = ("site.css", "site.js", "hls.min.js", "hls.LICENSE.txt")
"""``hls.min.js`` is hls.js 1.7.4 as its npm package has it (Apache-2.0, Dailymotion)."""


@cache
def environment() -> Environment:
    """Autoescaping everywhere: text of a story never becomes markup."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates" / "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "lines": _lines,
        "day": lambda at: _beijing(at).strftime("%Y年%-m月%-d日"),
        "minute": lambda at: _beijing(at).strftime("%Y年%-m月%-d日 %H:%M"),
        "short": lambda at: _beijing(at).strftime("%-m月%-d日 %H:%M"),
        "iso": lambda at: _beijing(at).isoformat(timespec="seconds"),
        "rfc822": lambda at: format_datetime(_beijing(at)),
        "length_of": _length_of,
        "data": _data,
    }
    return made


def page(template: str, **context: Any) -> bytes:
    return environment().get_template(template).render(**context).encode()


@cache
def static_files() -> dict[str, tuple[str, bytes]]:
    """Own name → (path below the root with a hash of the content in it, content)."""
    found = {}
    for name in _STATIC:
        content = (_HERE / "static" / name).read_bytes()
        stem, ending = name.split(".", 1)
        digest = hashlib.sha256(content).hexdigest()[:10]
        found[name] = (f"static/{stem}-{digest}.{ending}", content)
    return found


@cache
def look() -> str:
    """Changes with every template and static file."""
    digest = hashlib.sha256()
    for path in sorted((_HERE / "templates" / "web").iterdir()):
        digest.update(path.read_bytes())
    digest.update("".join(path for path, _ in static_files().values()).encode())
    return digest.hexdigest()


def _beijing(at: datetime) -> datetime:
    return at.astimezone(SHANGHAI)


def _lines(text: str) -> Markup:
    return Markup("<br>").join(escape(text).split("\n"))


def _length_of(seconds: float | None) -> str:
    """``75.2`` → ``1:15``; nothing for an unknown length."""
    return "" if not seconds else f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def _data(value: Any) -> Markup:
    """JSON for a ``script`` data block: no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  # every sign that HTML reads was replaced above
