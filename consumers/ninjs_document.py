"""An article as an IPTC ninjs 3.1 item, for layout systems that take JSON. Pure.

Schema: http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumers.article import PrintCopy, text_document
from consumers.story_lines import Picture


@dataclass(frozen=True)
class PictureFile:
    """A picture's file in the package."""

    name: str
    content_type: str
    size_bytes: int


def ninjs_document(
    copy: PrintCopy, story_id: str, version: int, files: Mapping[int, PictureFile]
) -> bytes:
    """UTF-8 JSON; ``files``: picture number → file."""
    uri = f"urn:uuid:{story_id}"
    text = text_document(copy, {number: file.name for number, file in files.items()})
    characters = sum(len(piece.text) for piece in copy.pieces)
    item: dict[str, Any] = {
        "uri": uri,
        "standard": {
            "name": "ninjs",
            "version": "3.1",
            "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#",
        },
        "type": "composite" if copy.pictures else "text",
        "version": str(version),
        "firstCreated": copy.created_at,
        "versionCreated": copy.updated_at,
        "pubStatus": "usable",
        "urgency": copy.urgency,
        "language": copy.language,
        "headlines": [{"role": "main", "value": copy.headline}],
        "descriptions": [
            {"role": piece.role, "contentType": "text/plain", "value": piece.text}
            for piece in copy.pieces
            if piece.role in {"lead", "correction", "asked"}
        ],
        "bodies": [
            {"role": "main", "contentType": "text/plain", "charCount": characters, "value": text}
        ],
        "subjects": [{"name": word, "rel": "keyword"} for word in copy.keywords],
        "genres": [{"name": name} for name in copy.columns],
        "associations": [_picture(uri, p, files[p.number]) for p in copy.pictures],
    }
    if copy.byline:
        item["by"] = copy.byline
    if copy.source:
        item["copyrightHolder"] = copy.source
    if copy.digital_source_type:
        item["digitalSourceType"] = {"literal": copy.digital_source_type}
    return json.dumps(item, ensure_ascii=False, indent=1).encode() + b"\n"


def _picture(uri: str, picture: Picture, file: PictureFile) -> dict[str, Any]:
    rendition: dict[str, Any] = {
        "name": "print",
        "title": file.name,
        "contentType": file.content_type,
        "sizeInBytes": file.size_bytes,
    }
    if picture.width and picture.height:
        rendition |= {"width": picture.width, "height": picture.height}
    made: dict[str, Any] = {
        "name": f"picture-{picture.number}",
        "uri": f"{uri}#picture-{picture.number}",
        "type": "picture",
        "renditions": [rendition],
    }
    if picture.caption:
        made["descriptions"] = [{"role": "caption", "value": picture.caption}]
    if picture.credit:
        made["by"] = picture.credit
    return made
