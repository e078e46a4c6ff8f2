"""Douyin's uploads: whole up to 128 MB, or in parts; each clip is looked into.

Source: open.douyin.com ".../video-management/douyin/create/upload/" and the part interfaces in
zhangshuai/douyin-go video.go: the field is ``video``, an upload id is good for two hours, parts
count from 1 and are at least 5 MB but for the last.
"""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from anyio import to_thread
from starlette.datastructures import UploadFile
from starlette.requests import Request

from deploy.simulators.douyin_account import Account
from deploy.simulators.douyin_rules import MIB, Refusal
from deploy.simulators.platform_state import keep_file, transaction
from deploy.simulators.probe import NotAVideo, VideoFacts
from deploy.simulators.shell import note


async def upload_video(account: Account, request: Request) -> dict[str, Any]:
    """``POST upload_video/`` multipart ``video`` → ``{"video": {video_id, width, height}}``."""
    name = f"{secrets.token_hex(16)}.mp4"
    file, _size = await _receive(account, request, name, account.limits.whole_bytes)
    return await _take_clip(account, request, file)


async def init_part_upload(account: Account, request: Request) -> dict[str, Any]:
    """``POST init_video_part_upload/`` → ``{"upload_id"}``."""
    upload_id = _encrypted_id(30)
    with transaction(account.platform) as db:
        db.execute(
            "INSERT INTO uploads(upload_id, at) VALUES(?,?)",
            (upload_id, account.platform.clock()),
        )
    note(request, upload_id=upload_id)
    return {"upload_id": upload_id}


async def upload_part(account: Account, request: Request) -> dict[str, Any]:
    """``POST upload_video_part/?upload_id&part_number``; a part sent again replaces the former."""
    upload_id = _open_upload(account, request)
    number = request.query_params.get("part_number", "")
    if not number.isdecimal() or int(number) < 1:
        raise Refusal(28001007, "part_number counts from 1")
    name = f"{secrets.token_hex(16)}.part-{int(number)}"
    file, size = await _receive(account, request, name, account.limits.part_bytes_most)
    with transaction(account.platform) as db:
        db.execute(
            "INSERT OR REPLACE INTO parts VALUES(?,?,?,?)",
            (upload_id, int(number), file.name, size),
        )
    note(request, part_number=int(number))
    return {}


async def complete_part_upload(account: Account, request: Request) -> dict[str, Any]:
    """``POST complete_video_part_upload/?upload_id``: parts 1..n → one clip."""
    upload_id = _open_upload(account, request)
    rows = account.platform.db.execute(
        "SELECT * FROM parts WHERE upload_id=? ORDER BY part_number", (upload_id,)
    ).fetchall()
    if not rows or [row["part_number"] for row in rows] != list(range(1, len(rows) + 1)):
        raise Refusal(28001007, "parts are missing")
    if any(row["size"] < account.limits.part_bytes_least for row in rows[:-1]):
        raise Refusal(28001007, "a part is smaller than 5 MB")
    if sum(row["size"] for row in rows) > account.limits.total_bytes:
        raise Refusal(28001007, "the clip is larger than 4 GB")
    files = [account.platform.folder / "media" / row["file"] for row in rows]
    name = f"{secrets.token_hex(16)}.mp4"
    file = await to_thread.run_sync(keep_file, account.platform, name, _joined(files))
    answer = await _take_clip(account, request, file)
    with transaction(account.platform) as db:
        db.execute("UPDATE uploads SET done=1 WHERE upload_id=?", (upload_id,))
        db.execute("DELETE FROM parts WHERE upload_id=?", (upload_id,))
    for part in files:
        part.unlink(missing_ok=True)
    return answer


async def _receive(
    account: Account, request: Request, name: str, most_bytes: int
) -> tuple[Path, int]:
    """The multipart field ``video`` in a file of its own, and its size."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > most_bytes + MIB:
        async for _chunk in request.stream():
            pass
        raise Refusal(28001007, "the file is too large for one request")
    async with request.form() as form:
        video = form.get("video")
        if not isinstance(video, UploadFile) or not video.size:
            raise Refusal(28001007, "video is missing")
        if video.size > most_bytes:
            raise Refusal(28001007, "the file is too large for one request")
        chunks = _chunks(video.file)
        file = await to_thread.run_sync(keep_file, account.platform, name, chunks)
        return file, video.size


async def _take_clip(account: Account, request: Request, file: Path) -> dict[str, Any]:
    """Look into the clip and give it an id; what the platform would not show is not kept."""
    facts, digest, size = await to_thread.run_sync(_inspect, account, file)
    video_id = _encrypted_id(36)
    duration_ms = round(facts.duration_s * 1000)
    row = (video_id, file.name, digest, size, facts.width, facts.height, duration_ms)
    with transaction(account.platform) as db:
        db.execute("INSERT INTO videos VALUES(?,?,?,?,?,?,?,?)", (*row, account.platform.clock()))
    note(request, video_id=video_id, sha256=digest)
    return {"video": {"video_id": video_id, "width": facts.width, "height": facts.height}}


def _inspect(account: Account, file: Path) -> tuple[VideoFacts, str, int]:
    """Picture, length, SHA-256 and size of a clip that may be shown; else it is removed, 28001007."""
    try:
        facts = account.probe(file)
        if facts.duration_s > account.limits.duration_s:
            raise NotAVideo("the clip is longer than 15 minutes")
        if min(facts.width, facts.height) < account.limits.short_side_px:
            raise NotAVideo("the picture is smaller than 720p")
    except NotAVideo as error:
        file.unlink()
        raise Refusal(28001007, f"unsupported video: {error}") from None
    with file.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return facts, digest, file.stat().st_size


def _open_upload(account: Account, request: Request) -> str:
    upload_id = request.query_params.get("upload_id", "")
    note(request, upload_id=upload_id)
    since = account.platform.clock() - account.limits.upload_life_s * 1000
    row = account.platform.db.execute(
        "SELECT 1 FROM uploads WHERE upload_id=? AND done=0 AND at>?", (upload_id, since)
    ).fetchone()
    if row is None:
        raise Refusal(28001007, "upload_id is unknown, used or expired")
    return upload_id


def _encrypted_id(size_bytes: int) -> str:
    """An opaque id as the platform makes them, with characters that a URL must escape."""
    return "@" + b64encode(secrets.token_bytes(size_bytes)).decode()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(MIB):
        yield chunk


def _joined(files: list[Path]) -> Iterator[bytes]:
    for file in files:
        with file.open("rb") as part:
            yield from _chunks(part)
