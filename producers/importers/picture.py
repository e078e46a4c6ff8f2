"""A picture with what its maker wrote into it (IPTC-IIM, XMP, EXIF): headline, caption, by-line,
credit, place, keywords. Every field is data from outside: tidied, cut, never trusted.
"""

import io
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import ExifTags, ImageFile, IptcImagePlugin
from PIL import Image as Pictures

from producers.import_contract import Enclosed, Imported, Notes
from producers.import_story import draft
from producers.markup import Markup
from producers.markup_text import tidy, tolerant
from schemas.body import Block, Image, Paragraph, Span
from schemas.errors import Fault, InvalidInput

FORMAT = "picture"
READERS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\x00", b"MM\x00*", b"BM")
_IIM = {5: "title", 25: "keywords", 40: "instructions", 55: "created", 80: "byline", 90: "city",
        95: "province", 101: "country", 105: "headline", 110: "credit", 115: "source",
        116: "copyright", 120: "caption"}  # fmt: skip
_XMP = {"title": "title", "subject": "keywords", "creator": "byline", "City": "city",
        "State": "province", "Country": "country", "Headline": "headline", "Credit": "credit",
        "Source": "source", "rights": "copyright", "description": "caption",
        "DateCreated": "created", "AltTextAccessibility": "alt",
        "DigitalSourceType": "digital_source_type"}  # fmt: skip
_MOST = {"caption": 300, "alt": 300, "headline": 200, "title": 200, "byline": 60, "source": 60}
_EMPTY = re.compile(
    r"^(?:OLYMPUS DIGITAL CAMERA|SONY DSC|DCIM|IMG_\d+|MVIMG.*|Screenshot.*)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Written:
    """What stands in a picture beside its pixels."""

    texts: dict[str, str] = field(default_factory=dict)
    """headline, caption, alt, byline, credit, source, copyright, city, province, country, created,
    instructions, digital_source_type; each once, one line."""
    keywords: tuple[str, ...] = ()
    gps: bool = False
    """It says where it was taken."""


def fits(head: bytes, name: str) -> bool:
    del name
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def read(data: bytes, name: str) -> Imported:
    """A story of one picture: headline and caption as written in it."""
    notes = Notes()
    try:
        found = written(io.BytesIO(data), notes)
    except (OSError, SyntaxError, ValueError) as error:
        told = f"图片读不出来 ({type(error).__name__}) / the picture cannot be read"
        raise InvalidInput(Fault("bad_picture", name, told)) from error
    texts = found.texts
    caption, credit = texts.get("caption", ""), texts.get("credit") or texts.get("byline", "")
    block = Image(media="p1", caption=caption, alt=texts.get("alt", ""), credit=credit[:100])
    body: list[Block] = [block]
    if caption:
        body.insert(0, Paragraph(spans=(Span(text=caption),)))
    place = "".join(texts.get(part, "") for part in ("province", "city"))
    if place:
        notes.add("left_out", f"拍摄地: {place} / the place")
    if texts.get("copyright"):
        notes.add("left_out", f"版权声明: {texts['copyright'][:80]} / copyright notice")
    if found.gps:
        notes.add(
            "kept",
            "图片里有拍摄位置 (GPS), 可要求去掉 / it holds where it was taken; can be removed",
        )
    fields: dict[str, Any] = {
        "headline": texts.get("headline") or texts.get("title") or "",
        "byline": texts.get("byline", ""),
        "source": texts.get("source", ""),
        "digital_source_type": texts.get("digital_source_type", ""),
        "keywords": list(found.keywords),
    }
    fields = {k: v for k, v in fields.items() if v}
    return draft(
        FORMAT, Markup(body=body), notes, enclosed=(Enclosed("p1", name, data),), fields=fields
    )


def written(source: "Path | io.BytesIO", notes: Notes) -> Written:
    """What stands in the picture; its pixels are not decoded. Raises OSError, SyntaxError,
    ValueError of a file that is no picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a broken field is no field
        with Pictures.open(source, formats=READERS) as picture:
            raw: dict[str, list[str]] = {}
            _merge(raw, _of_exif(picture))
            _merge(raw, _of_iim(picture))
            xmp, xmp_gps = _of_xmp(picture)
            _merge(raw, xmp)
            gps = xmp_gps or bool(_exif(picture).get_ifd(ExifTags.IFD.GPSInfo))
    texts = {}
    for key, values in raw.items():
        if key == "keywords":
            continue
        most = _MOST.get(key, 100)
        text = tidy(tolerant("、".join(values) if key == "byline" else values[0], notes))
        if text and not _EMPTY.match(text):
            texts[key] = text[:most].strip()
            notes.add("kept", f"图片自带的{_NAMED.get(key, key)}")
            if len(text) > most:
                notes.add("changed", f"{_NAMED.get(key, key)}超过 {most} 字, 截短了 / was cut")
    words = [tidy(tolerant(word, notes))[:60] for word in raw.get("keywords", ())]
    return Written(texts, tuple(dict.fromkeys(w for w in words if w))[:16], gps)


_NAMED = {"headline": "标题 / headline", "caption": "说明 / caption", "alt": "替代文字 / alt text",
          "byline": "作者 / by-line", "credit": "署名 / credit", "source": "来源 / source",
          "copyright": "版权 / copyright", "city": "城市 / city", "title": "题名 / title",
          "created": "拍摄时间 / time taken", "province": "省份 / province", "country": "国家 / country",
          "instructions": "使用要求 / instructions",
          "digital_source_type": "生成方式 / digital source type"}  # fmt: skip


def _merge(into: dict[str, list[str]], more: dict[str, list[str]]) -> None:
    """The later source wins: XMP over IIM over EXIF, as the IPTC's mapping guidelines advise."""
    into.update({key: values for key, values in more.items() if any(v.strip() for v in values)})


def _exif(picture: Pictures.Image) -> Pictures.Exif:
    try:
        return picture.getexif()
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, EOFError, OverflowError):
        return Pictures.Exif()


def _of_exif(picture: Pictures.Image) -> dict[str, list[str]]:
    exif = _exif(picture)
    named = {ExifTags.Base.ImageDescription: "caption", ExifTags.Base.Artist: "byline",
             ExifTags.Base.Copyright: "copyright", ExifTags.Base.DateTime: "created"}  # fmt: skip
    found = {}
    for tag, key in named.items():
        value = exif.get(tag)
        if isinstance(value, str):
            found[key] = [_again(value)]
    return found


def _again(text: str) -> str:
    """EXIF's ASCII fields in fact hold UTF-8 or GB18030; Pillow reads them as Latin-1."""
    try:
        return _decoded(text.encode("latin-1"))
    except UnicodeEncodeError:
        return text


def _of_iim(picture: ImageFile.ImageFile) -> dict[str, list[str]]:
    try:
        blocks = IptcImagePlugin.getiptcinfo(picture) or {}
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, IndexError):
        return {}
    found: dict[str, list[str]] = {}
    for (record, number), value in blocks.items():
        if record == 2 and number in _IIM:
            values = value if isinstance(value, list) else [value]
            found[_IIM[number]] = [_decoded(v) for v in values]
    return found


def _decoded(data: bytes) -> str:
    data = data.rstrip(b"\x00")
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _of_xmp(picture: Pictures.Image) -> tuple[dict[str, list[str]], bool]:
    try:
        whole = picture.getxmp()  # by defusedxml: entities and document types raise
    except Exception:  # noqa: BLE001  # whatever a hostile packet makes a parser say: it is no XMP
        return {}, False
    found: dict[str, list[str]] = {}
    gps = False
    level: list[Any] = [whole]
    for _ in range(12):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                for key, inner in value.items():
                    gps = gps or key.startswith("GPS")
                    if key in _XMP and (texts := _texts(inner)):
                        found.setdefault(_XMP[key], texts)
                    else:
                        below.append(inner)
            elif isinstance(value, list):
                below += value
        level = below[:5000]
    return found, gps


def _texts(value: Any, depth: int = 0) -> list[str]:
    """The texts of a property: plain, of a language alternative, or of a bag."""
    if isinstance(value, str):
        return [value]
    if depth > 6:
        return []
    if isinstance(value, list):
        return [text for inner in value[:40] for text in _texts(inner, depth + 1)]
    if isinstance(value, dict):
        inner = value.get(
            "text", value.get("li", value.get("Alt", value.get("Bag", value.get("Seq"))))
        )
        return _texts(inner, depth + 1)
    return []
