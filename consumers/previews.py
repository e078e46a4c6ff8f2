"""How each outlet shows a copy, as one page without scripts, from the copy alone. Pure.

The site's page and WeChat's article are the very markup that goes out; short video, television and
newspaper, whose pages are not ours, are drawn after their screens. Placeholders of media stay.
"""

import html
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from consumers import web_templates
from consumers.public_url import base_path
from consumers.static_records import Record
from consumers.web_copy import Payload as WebPayload
from consumers.web_pages import WebPages
from schemas.channel import ChannelSpec
from schemas.copy import ChannelCopy
from schemas.hashing import fingerprint
from schemas.rendition import placeholders

_HEAD = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>{style}</style></head><body>{body}</body></html>"""
_TEXT = "body{margin:0;font:16px/1.75 system-ui,'Noto Sans CJK SC',sans-serif;color:#222;background:#fff}"


def web(copy: ChannelCopy, spec: Any) -> str:
    """The article page of the site itself."""
    now = datetime.now(UTC)
    record = Record(
        number=copy.number, story_id=copy.story_id, release=1, version=copy.version, state="live",
        payload_sha256=fingerprint(copy.payload), published_at=now, updated_at=now,
    )  # fmt: skip
    media = {name: name for name in placeholders(copy.payload)}
    payload = WebPayload.model_validate(copy.payload)
    page = WebPages(spec).story(payload, record, media).decode()
    base = base_path(spec.public_url)
    for before in (spec.public_url, base):
        page = page.replace(f"{before}/asset://", "asset://")
    for name, (path, _) in web_templates.static_files().items():
        page = page.replace(f'"{base}/{path}"', f'"/preview/style/{name}"')
    return page


def wechat(copy: ChannelCopy, _spec: Any) -> str:
    """The article with its own inline styles, in WeChat's narrow column."""
    told = _dict(copy)
    style = (
        _TEXT
        + "main{max-width:677px;margin:0 auto;padding:20px 16px}h1{font-size:22px;line-height:1.4}.by{color:#888;font-size:15px}"
    )
    body = f"<main><h1>{_e(told, 'title')}</h1><p class=by>{_e(told, 'author')}</p>{told.get('content', '')}</main>"
    return _page(told.get("title", ""), style, body)


def douyin(copy: ChannelCopy, _spec: Any) -> str:
    """A vertical screen of 9:16 with the areas that the platform's own words and buttons cover."""
    told = _dict(copy)
    words = told.get("text") or told.get("title") or copy.headline
    style = (
        "body{margin:0;background:#111;color:#fff;font:15px/1.5 system-ui,sans-serif}"
        ".s{position:relative;width:min(100vw,360px);aspect-ratio:9/16;margin:0 auto;background:#333;overflow:hidden}"
        ".s img{width:100%;height:100%;object-fit:contain}.a{position:absolute;border:1px dashed #fff9;background:#0005;font-size:12px;padding:2px 4px}"
        ".top{inset:0 0 auto 0;height:9%}.right{right:0;top:38%;bottom:22%;width:16%}.low{left:0;right:0;bottom:0;height:22%;font-size:14px;padding:8px}"
    )
    cover = next((str(told[key]) for key in ("cover", "clip") if told.get(key)), "")
    picture = f'<img src="{html.escape(cover)}" alt="">' if cover else ""
    body = (
        f"<div class=s>{picture}<div class='a top'>状态栏, 不放字</div><div class='a right'>按钮</div>"
        f"<div class='a low'>{html.escape(str(words))}</div></div>"
    )
    return _page(copy.headline, style, body)


def tv(copy: ChannelCopy, _spec: Any) -> str:
    """The slip as the announcer reads it, with its length at 4.5 characters a second."""
    told = _dict(copy)
    slip = str(told.get("slip", ""))
    seconds = round(len("".join(slip.split())) / 4.5)
    style = (
        _TEXT
        + "main{max-width:40em;margin:0 auto;padding:20px}pre{white-space:pre-wrap;font:22px/1.8 system-ui,sans-serif}.n{color:#666}"
    )
    notes = "".join(f"<li>{html.escape(str(note))}</li>" for note in told.get("notes", ()))
    body = (
        f"<main><h1>{_e(told, 'title')}</h1><p class=n>口播约 {seconds} 秒 / about {seconds} s · "
        f"{_e(told, 'programme')} {_e(told, 'slot')}</p><pre>{html.escape(slip)}</pre><ul>{notes}</ul></main>"
    )
    return _page(told.get("title", ""), style, body)


def newspaper(copy: ChannelCopy, spec: Any) -> str:
    """A column as wide as the slot, 9 pt on 13 pt, with the lines and characters it takes."""
    told = _dict(copy)
    lines = [_line(piece) for piece in told.get("pieces", ())]
    text = [line for line in lines if line]
    width = getattr(spec, "print_width_mm", 120.0) or 120.0
    per_line = max(8, int(width / 3.175))  # 9 pt is 3.175 mm, one Han character an em
    taken = sum(-(-(len(line) + 2) // per_line) for line in text)
    style = (
        _TEXT
        + f"main{{width:{width:g}mm;margin:16px auto;padding:0 4mm}}h1{{font:700 min(20pt,5.2vw)/1.3 serif;text-align:center}}p{{font:9pt/13pt serif;text-indent:2em;margin:0;text-align:justify}}.n{{font:13px/1.5 system-ui;color:#666;text-indent:0}}"
    )
    count = sum(len(line) for line in text)
    body = (
        f"<main><p class=n>{_e(told, 'edition')} {_e(told, 'page')} · 栏宽 {width:g} mm · {count} 字, 约 {taken} 行 / lines</p>"
        f"<h1>{_e(told, 'headline')}</h1><p class=n>{_e(told, 'byline')}</p>"
        + "".join(f"<p>{html.escape(line)}</p>" for line in text)
        + "</main>"
    )
    return _page(told.get("headline", ""), style, body)


PREVIEWS: Mapping[str, Callable[[ChannelCopy, Any], str]] = {
    "web": web,
    "wechat": wechat,
    "douyin": douyin,
    "tv": tv,
    "newspaper": newspaper,
}


def views(spec: ChannelSpec) -> tuple[str, ...]:
    """At which widths an outlet is shown."""
    return {"web": ("wide", "phone"), "wechat": ("phone",), "douyin": ("phone",)}.get(
        spec.module, ("",)
    )


def styles() -> dict[str, bytes]:
    return {n: data for n, (_, data) in web_templates.static_files().items() if n.endswith(".css")}


def _page(title: Any, style: str, body: str) -> str:
    return _HEAD.format(title=html.escape(str(title)), style=style, body=body)


def _dict(copy: ChannelCopy) -> dict[str, Any]:
    return copy.payload if isinstance(copy.payload, dict) else {}


def _e(told: Mapping[str, Any], key: str) -> str:
    return html.escape(str(told.get(key, "")))


def _line(piece: Any) -> str:
    """The text of one piece of a print copy, whatever its kind."""
    if isinstance(piece, dict):
        spans = piece.get("spans")
        if isinstance(spans, list):
            return "".join(str(s.get("text", "")) for s in spans if isinstance(s, dict))
        return str(piece.get("text", ""))
    return ""
