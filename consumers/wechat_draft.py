"""Making a draft: its pictures uploaded, its placeholders filled, the marker in its address.

Shows nothing to anybody: a lost answer leaves an unused draft behind and no more.
"""

from html import escape
from pathlib import Path
from typing import Any, Protocol

from pydantic import JsonValue

from consumers.wechat_api import WechatApi
from consumers.wechat_codes import NO_SUCH_MEDIA
from consumers.wechat_copy import PICTURE, Article, Limits, too_large
from consumers.wechat_uploads import WechatUploads
from schemas.channel import Attempt, MediaFile
from schemas.errors import Fault, PermanentError, TransientError
from schemas.hashing import sha256
from schemas.receipt import Substitution


class DraftSpec(Protocol):
    """The fields of the channel's entry that a draft depends on."""

    @property
    def default_cover(self) -> Path: ...
    @property
    def limits(self) -> Limits: ...


def make_draft(
    spec: DraftSpec, api: WechatApi, uploads: WechatUploads, payload: Article, attempt: Attempt
) -> dict[str, JsonValue]:
    """A new draft: ``media_id``, ``payload_sha256``, ``text_sha256`` (of the content as sent) and
    ``media`` (substitutions). Raises PermanentError for what WeChat refuses."""
    content, media = _filled(spec, uploads, payload, attempt)
    cover = _cover_file(spec, payload, attempt)
    if cover.size_bytes > spec.limits.cover_bytes:
        raise too_large("cover", cover.size_bytes, spec.limits.cover_bytes)
    cover_id = uploads.address("cover", cover, attempt)
    article = _article(payload, content, cover_id, attempt.marker)
    try:
        said = api.call("/cgi-bin/draft/add", {"articles": [article]}, attempt, "draft_add")
    except PermanentError as error:
        refused_media = error.faults[0].code == NO_SUCH_MEDIA
        if refused_media and uploads.forget("cover", cover.sha256):
            # the operator has cleared the library: upload the cover once more
            raise TransientError(
                "封面不在素材库了 / the cover left the library", retry_after_s=1.0
            ) from error
        raise
    draft_id = said.get("media_id")
    if not isinstance(draft_id, str) or not draft_id:
        raise TransientError("微信的回答缺草稿编号 / draft/add answered without a media_id")
    media.append(_substitution(payload.cover or "spec://default_cover", cover, cover_id))
    return {
        "media_id": draft_id,
        "payload_sha256": attempt.payload_sha256,
        "text_sha256": sha256(content.encode()),
        "media": media,
    }


def _filled(
    spec: DraftSpec, uploads: WechatUploads, payload: Article, attempt: Attempt
) -> tuple[str, list[JsonValue]]:
    """The content with the pictures' addresses at WeChat, and what each placeholder became."""
    most_bytes = spec.limits.picture_bytes - 1
    addresses: dict[str, str] = {}
    media: list[JsonValue] = []
    for found in dict.fromkeys(PICTURE.findall(payload.content)):
        file = attempt.media.files(found)[0]
        if file.size_bytes > most_bytes:
            raise too_large("media", file.size_bytes, most_bytes)
        addresses[found] = uploads.address("picture", file, attempt)
        media.append(_substitution(found, file, addresses[found]))
    return PICTURE.sub(lambda m: escape(addresses[m.group()]), payload.content), media


def _article(payload: Article, content: str, cover_id: str, marker: str) -> dict[str, Any]:
    article: dict[str, Any] = {
        "article_type": "news",
        "title": payload.title,
        "content": content,
        "content_source_url": _marked(payload.source_url, marker),
        "thumb_media_id": cover_id,
        "need_open_comment": payload.need_open_comment,
        "only_fans_can_comment": payload.only_fans_can_comment,
    }
    if payload.author:
        article["author"] = payload.author
    if payload.digest:
        article["digest"] = payload.digest
    return article


def _cover_file(spec: DraftSpec, payload: Article, attempt: Attempt) -> MediaFile:
    if payload.cover:
        return attempt.media.files(payload.cover)[0]
    path = spec.default_cover
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PermanentError(
            Fault("no_cover", "default_cover", f"读不到默认封面 {path.name} / cannot read it")
        ) from error
    kind = "image/png" if path.suffix.lower() == ".png" else "image/jpeg"
    return MediaFile(path, path.name, sha256(data), len(data), kind)


def _substitution(found: str, file: MediaFile, address: str) -> JsonValue:
    made = Substitution(placeholder=found, sha256=file.sha256, address=address)
    return made.model_dump(mode="json")


def _marked(url: str, marker: str) -> str:
    """The story's address with the marker of the release; readers come to the same page."""
    return f"{url}{'&' if '?' in url else '?'}r={marker}"
