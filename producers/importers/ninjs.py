"""IPTC ninjs 1.0 to 3.1 (news as JSON): read tolerantly, violations of the standard told.

Source of the rules: the schemas and guidelines of github.com/iptc/newsinjson. 1.x names a body
``body_xhtml``, 2.x and 3.x hold lists (``bodies``, ``headlines``); 3.x writes names in camel case.
"""

import json
from datetime import UTC, datetime
from typing import Any

from producers.import_contract import Imported, Notes
from producers.import_story import draft
from producers.markup import Markup, read_markup
from producers.markup_text import tidy, tolerant
from producers.ninjs_schema import version_of, violations
from schemas.body import Block
from schemas.errors import Fault, InvalidInput
from schemas.story import paragraphs

FORMAT = "ninjs"
MOST_DEPTH = 60
_USED = {
    "uri", "headline", "headlines", "body_xhtml", "body_text", "bodies", "byline", "by", "slugline",
    "urgency", "language", "embargoed", "embargoeduntil", "pubstatus", "ednote", "subject", "subjects",
    "digitalsourcetype", "copyrightholder", "description_text", "descriptions", "renditions",
    "associations", "standard", "standards", "$standard", "type", "version", "title", "infosources",
    "infosource", "description_caption", "description_usage", "creditline",
}  # fmt: skip


def fits(head: bytes, name: str) -> bool:
    """JSON that speaks of a news item, unlike our own manifests."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text.startswith(b"{") or name.lower().endswith((".txt", ".html", ".htm")):
        return False
    return b'"uri"' in text or b'"$standard"' in text or b'"standard"' in text or b"ninjs" in text


def read(data: bytes, name: str) -> Imported:
    try:
        raw = json.loads(data.decode("utf-8-sig"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        told = f"不是合法的 JSON (UTF-8) / not valid JSON: {str(error)[:200]}"
        raise InvalidInput(Fault("json_invalid", name, told)) from error
    if not isinstance(raw, dict):
        raise InvalidInput(Fault("not_an_object", name, "应为一个 ninjs 对象 / must be one object"))
    if _too_deep(raw):
        raise InvalidInput(Fault("too_deep", name, "嵌套太深 / nested too deep"))
    return of_item(raw)


def of_item(raw: dict[str, Any], *, version: str | None = None) -> Imported:
    """One item; ``version``: of the standard, where it is known from elsewhere."""
    notes = Notes()
    version = version or version_of(raw)
    broken = violations(raw, version)
    for told in broken:
        notes.add("changed", f"不合 ninjs {version} 标准, 照收 / not as the standard says: {told}")
    found = _body(raw, notes)
    told_fields = _fields(raw, notes)
    _media(raw, found, notes)
    unused = sorted(k for k in raw if k.lower() not in _USED and raw[k] not in (None, "", [], {}))
    for key in unused[:20]:
        notes.add("left_out", f"字段 {tidy(tolerant(key, notes))[:60]} 没有用处 / field not used")
    return draft(FORMAT, found, notes, fields=told_fields)


def _body(raw: dict[str, Any], notes: Notes) -> Markup:
    html, text = _text(raw, "bodies", "body", ("xhtml", "html5", "html", "richhtml5"))
    if html:
        return read_markup(html, notes)
    blocks: list[Block] = list(paragraphs(tolerant(text.replace("\t", " "), notes)))
    return Markup(body=blocks)


def _text(raw: dict[str, Any], listed: str, flat: str, rich: tuple[str, ...]) -> tuple[str, str]:
    """(HTML, plain text) of a body or description, in whichever of the three forms it comes."""
    html = text = ""
    for entry in _rows(raw.get(listed)):
        value = entry.get("value")
        kind = f"{entry.get('contentType', entry.get('contenttype', ''))} {entry.get('role', '')}".lower()
        if not isinstance(value, str) or not value.strip():
            continue
        if "html" in kind and not html:
            html = value
        elif "xml" not in kind and not text:
            text = value
    for key, value in raw.items():
        if isinstance(value, str) and value.strip() and key.startswith(f"{flat}_"):
            if key.removeprefix(f"{flat}_").startswith(rich):
                html = html or value
            elif "nitf" not in key and "xml" not in key:
                text = text or value
    if text.lstrip().startswith("<") and not html:
        return text, ""
    return html, text


def _fields(raw: dict[str, Any], notes: Notes) -> dict[str, Any]:
    def line(value: Any, most: int) -> str:
        text = tidy(tolerant(value, notes)) if isinstance(value, str) else ""
        if len(text) > most:
            notes.add(
                "changed", f"超过 {most} 字的字段截短了 / a field was cut to {most} characters"
            )
        return text[:most].strip()

    heads = sorted(_rows(raw.get("headlines")), key=lambda row: row.get("role") != "main")
    head = next((r["value"] for r in heads if isinstance(r.get("value"), str)), "")
    html, plain = _text(raw, "descriptions", "description", ("xhtml", "html"))
    lead = plain or " ".join(
        getattr(b, "text", "") or "".join(s.text for s in getattr(b, "spans", ()))
        for b in read_markup(html, notes).body
    )  # fmt: skip
    found: dict[str, Any] = {
        "headline": line(raw.get("headline") or head or raw.get("title"), 200),
        "byline": line(raw.get("byline") or raw.get("by"), 60),
        "source": line(_source(raw), 60),
        "lead": line(lead, 600),
        "digital_source_type": line(
            _named(raw.get("digitalSourceType", raw.get("digitalsourcetype"))), 100
        ),
        "keywords": [w for w in (line(_named(s), 60) for s in _subjects(raw)) if w][:16],
    }
    urgency = raw.get("urgency")
    if isinstance(urgency, int) and not isinstance(urgency, bool) and 1 <= urgency <= 9:
        found["urgency"] = urgency
    if str(raw.get("language", "")).lower().startswith("en"):
        found["language"] = "en"
    _embargo(raw, found, notes)
    state = str(raw.get("pubStatus", raw.get("pubstatus", "usable")))
    if state.lower() != "usable":
        notes.add(
            "changed", f"来稿状态是 {line(state, 20)}, 请先核对 / its status says: not to be used"
        )
    note = line(raw.get("edNote", raw.get("ednote")), 200)
    if note:
        notes.add("left_out", f"编者按: {note} / note to editors")
    return {k: v for k, v in found.items() if v not in ("", [])}


def _embargo(raw: dict[str, Any], found: dict[str, Any], notes: Notes) -> None:
    text = raw.get("embargoedUntil", raw.get("embargoed"))
    if not isinstance(text, str) or not text:
        return
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        notes.add("left_out", "定时发布的时间读不懂, 请自己填 / the embargo could not be read")
        return
    if at.tzinfo is None:
        notes.add("left_out", "定时发布的时间没有时区, 请自己填 / the embargo has no time zone")
    elif at > datetime.now(UTC):
        found["embargoed_until"] = at.isoformat()
        notes.add("kept", "定时发布 / embargo")


def _source(raw: dict[str, Any]) -> Any:
    listed = raw.get("infoSources", raw.get("infosources", raw.get("infosource")))
    name = next((row.get("name") for row in _rows(listed) if row.get("name")), None)
    return name or raw.get("copyrightHolder", raw.get("copyrightholder"))


def _subjects(raw: dict[str, Any]) -> list[Any]:
    return _rows(raw.get("subjects", raw.get("subject")))


def _named(value: Any) -> Any:
    return value.get("name") or value.get("uri") if isinstance(value, dict) else value


def _rows(value: Any) -> list[dict[str, Any]]:
    """A list of objects, or 1.x' object of objects."""
    if isinstance(value, dict):
        value = list(value.values())
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _media(raw: dict[str, Any], found: Markup, notes: Notes) -> None:
    """Pictures and clips at an address: named, with their captions, for a person to attach."""
    for place in [raw, *_rows(raw.get("associations"))]:
        for rendition in _rows(place.get("renditions"))[:1]:
            href = rendition.get("href")
            name = tidy(tolerant(str(href or "?").split("?")[0].rsplit("/", 1)[-1], notes))[:80]
            _, caption = _text(place, "descriptions", "description", ("xhtml", "html"))
            shown = tidy(tolerant(caption, notes))[:60]
            found.wanted.append(name)
            notes.add(
                "left_out",
                f"素材没有带进来, 请另传: {name} {shown} / media at an address is not fetched",
            )


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            c
            for v in level
            for c in (v.values() if isinstance(v, dict) else v if isinstance(v, list) else ())
        ]
        if not level:
            return False
    return True


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")
