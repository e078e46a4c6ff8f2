"""WeChat's uploads: ``media/uploadimg`` for pictures in the text, ``material/add_material``.

Sources: api_uploadimage, api_addmaterial. Voice material and the library's capacity (100,000
pictures, 1,000 of another kind) are not simulated: voice is refused with 40004.
"""

import hashlib
import json
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import FormData, UploadFile

from deploy.simulators.pictures import picture_kind
from deploy.simulators.platform_state import keep_file, transaction
from deploy.simulators.shell import note
from deploy.simulators.wechat_account import Account, Call
from deploy.simulators.wechat_rules import Refusal, text_field

_PICTURE_PATH = re.compile(r"/mmbiz_(?:jpg|png|gif|bmp)/([A-Za-z0-9_-]+)/0")


async def uploadimg(account: Account, call: Call) -> dict[str, Any]:
    """``POST cgi-bin/media/uploadimg``: a picture below 1 MB, JPEG or PNG → its address."""
    async with call.request.form() as form:
        data = await _media(form, account.limits.body_image_bytes_below - 1, too_big=40009)
    kind = picture_kind(data)
    if kind not in {"jpg", "png"}:
        raise Refusal(40005)
    image_id = _store_image(account, call, data, kind, for_body=True)
    return {"url": picture_url(call, image_id, kind), "errcode": 0, "errmsg": "ok"}


async def add_material(account: Account, call: Call) -> dict[str, Any]:
    """``POST cgi-bin/material/add_material?type=image|thumb|video`` → a permanent media id."""
    kind = call.request.query_params.get("type", "")
    if kind not in {"image", "thumb", "video"}:
        raise Refusal(40004)
    limits = account.limits
    allowed = {
        "image": (limits.material_image_bytes, 40009),
        "thumb": (limits.material_thumb_bytes, 45001),
        "video": (limits.material_video_bytes, 45001),
    }
    most_bytes, too_big = allowed[kind]
    async with call.request.form() as form:
        data = await _media(form, most_bytes, too_big=too_big)
        description = _description(form) if kind == "video" else {}
    if kind == "video":
        return _add_video(account, call, data, description)
    found = picture_kind(data)
    if found is None or (kind == "thumb" and found != "jpg"):
        raise Refusal(40005)
    image_id = _store_image(account, call, data, found, for_body=False)
    media_id = _add_row(account, call, kind, data, image_id, {})
    answer = {"media_id": media_id, "item": []}
    if kind == "image":
        answer["url"] = picture_url(call, image_id, found)
    return answer


async def _media(form: FormData, most_bytes: int, *, too_big: int) -> bytes:
    media = form.get("media")
    if not isinstance(media, UploadFile) or not media.filename:
        raise Refusal(41005)
    if media.size is not None and media.size > most_bytes:
        raise Refusal(too_big)
    data = await media.read()
    if not data:
        raise Refusal(41005)
    return data


def _description(form: FormData) -> dict[str, str]:
    """``{"title", "introduction"}`` in the field ``description``; without it the call fails 41005."""
    raw = form.get("description")
    if not isinstance(raw, str):
        raise Refusal(41005)
    try:
        value = json.loads(raw)
    except ValueError:
        raise Refusal(47001) from None
    if not isinstance(value, dict):
        raise Refusal(47001)
    return {key: text_field(value, key) for key in ("title", "introduction")}


def _add_video(
    account: Account, call: Call, data: bytes, description: dict[str, str]
) -> dict[str, Any]:
    if data[4:8] != b"ftyp":
        raise Refusal(40005)
    media_id = _add_row(account, call, "video", data, None, description)
    return {"media_id": media_id}


def _store_image(account: Account, call: Call, data: bytes, kind: str, *, for_body: bool) -> str:
    image_id = secrets.token_urlsafe(32)
    keep_file(account.platform, f"{image_id}.{kind}", [data])
    digest = hashlib.sha256(data).hexdigest()
    host = urlsplit(call.base_url).netloc
    with transaction(account.platform) as db:
        db.execute(
            "INSERT INTO images VALUES(?,?,?,?,?,?,?)",
            (image_id, kind, host, for_body, digest, len(data), account.platform.clock()),
        )
    note(call.request, image_id=image_id, sha256=digest)
    return image_id


def _add_row(
    account: Account,
    call: Call,
    kind: str,
    data: bytes,
    image_id: str | None,
    description: dict[str, str],
) -> str:
    media_id = secrets.token_urlsafe(48)
    digest = hashlib.sha256(data).hexdigest()
    if kind == "video":
        keep_file(account.platform, f"{media_id}.mp4", [data])
    with transaction(account.platform) as db:
        db.execute(
            "INSERT INTO materials VALUES(?,?,?,?,?,?,?)",
            (
                media_id,
                kind,
                image_id,
                digest,
                len(data),
                json.dumps(description, ensure_ascii=False),
                account.platform.clock(),
            ),
        )
    note(call.request, media_id=media_id, sha256=digest)
    return media_id


def picture_url(call: Call, image_id: str, kind: str) -> str:
    """The address the platform gives a picture."""
    return f"{call.base_url}/mmbiz_{kind}/{image_id}/0?wx_fmt={'jpeg' if kind == 'jpg' else kind}"


def body_picture_id(account: Account, url: str) -> str | None:
    """The id of a picture that came through ``uploadimg``; None for any other address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    match = _PICTURE_PATH.fullmatch(parts.path)
    if match is None or parts.scheme not in {"http", "https"}:
        return None
    row = account.platform.db.execute(
        "SELECT image_id FROM images WHERE image_id=? AND for_body=1"
        " AND ? IN (SELECT host FROM images)",
        (match[1], parts.netloc),
    ).fetchone()
    return None if row is None else str(row["image_id"])


def cover_picture(account: Account, media_id: str) -> tuple[str, str] | None:
    """(image id, kind) of a permanent picture that may be a cover; None when it is none."""
    row = account.platform.db.execute(
        "SELECT images.image_id, images.kind FROM materials JOIN images USING(image_id)"
        " WHERE media_id=? AND type IN ('image', 'thumb')",
        (media_id,),
    ).fetchone()
    return None if row is None else (row["image_id"], row["kind"])
