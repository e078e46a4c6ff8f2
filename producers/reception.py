"""Receiving one request: its story and plan as plain JSON, its files stored and looked into."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from starlette.requests import Request

from producers import intake
from producers.filing import Desk, Received, discard
from producers.multipart import read_multipart
from producers.uploads import Upload, check_room
from schemas.errors import Fault, InvalidInput, PipelineError
from schemas.hashing import canonical
from schemas.story import Filing
from stores.ledger.ids import new_id


@dataclass
class Reception:
    """What a request brought."""

    story: Any = None
    plan: Any = None
    files: list[Received] = field(default_factory=list)


@dataclass
class _Open:
    upload: Upload
    file_name: str
    field: str


async def receive(request: Request, desk: Desk, *, raw_file_name: str | None = None) -> Reception:
    """Read the whole body. ``raw_file_name``: the body is one file, not a form.

    Raises InvalidInput, StorageFull, Unavailable; then nothing is kept.
    """
    check_room(desk.settings, _declared(request))
    kind = request.headers.get("content-type", "")
    if raw_file_name is None and not kind.startswith("multipart/form-data"):
        return await _json(request, desk)
    opened: list[_Open] = []
    received: list[Received] = []
    pool: ThreadPoolExecutor = request.app.state.pool
    try:
        found = Reception(files=received)
        if raw_file_name is not None:
            await _raw(request, desk, pool, opened, raw_file_name)
        else:
            await _form(request, desk, pool, opened, found)
        for one in opened:
            received += [await _complete(desk, one)]
    except BaseException:
        await asyncio.shield(_undo(desk, opened, received))
        raise
    return found


async def receive_files(
    request: Request, desk: Desk, files: Sequence[tuple[str, bytes]]
) -> list[Received]:
    """Store and look into files that came inside a document: (name, bytes). Raises as
    :func:`receive` does; then nothing is kept."""
    check_room(desk.settings, sum(len(data) for _, data in files))
    opened: list[_Open] = []
    received: list[Received] = []
    try:
        for name, data in files:
            upload = _open(desk, request.app.state.pool, opened, name, f"file.{name}")
            await upload.write(data)
        for one in opened:
            received += [await _complete(desk, one)]
    except BaseException:
        await asyncio.shield(_undo(desk, opened, received))
        raise
    return received


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, never more than ``limit`` bytes of it. Raises InvalidInput (413)."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise InvalidInput(
                Fault("too_large", "body", f"超过 {limit} 字节上限 / longer than {limit} bytes"),
                status=413,
            )
    return bytes(body)


async def read_json(request: Request, desk: Desk) -> Any:
    """The whole body as JSON, never more of it than a story may have. Raises InvalidInput."""
    kind = request.headers.get("content-type", "")
    body = await read_body(request, desk.newsroom.uploads.story_json_bytes)
    if kind.partition(";")[0].strip() != "application/json":
        raise InvalidInput(
            Fault(
                "content_type",
                "Content-Type",
                "应为 application/json 或 multipart/form-data / must be one of these two",
            ),
            status=415,
        )
    return _parse(body, "body")


async def _json(request: Request, desk: Desk) -> Reception:
    whole = await read_json(request, desk)
    if not isinstance(whole, dict):
        raise InvalidInput(Fault("not_an_object", "body", "应为对象 / must be an object"))
    extra = sorted(set(whole) - set(Filing.model_fields))
    if extra:
        raise InvalidInput(
            *(
                Fault("extra_forbidden", name, "没有这个字段 / there is no such field")
                for name in extra
            )
        )
    if "story" not in whole:
        raise InvalidInput(Fault("missing", "story", "缺少此项 / is missing"))
    return Reception(whole["story"], whole.get("plan"))


async def _form(
    request: Request, desk: Desk, pool: ThreadPoolExecutor, opened: list[_Open], found: Reception
) -> None:
    async def open_file(name: str, file_name: str, _kind: str) -> Upload:
        place = f"{name or 'file'}[{len(opened)}]"
        return _open(desk, pool, opened, file_name, place)

    fields = await read_multipart(
        request.headers["content-type"],
        request.stream(),
        open_file,
        field_limit_bytes=desk.newsroom.uploads.story_json_bytes,
    )
    extra = sorted(set(fields) - {"story", "plan"})
    if extra:
        raise InvalidInput(
            *(
                Fault("extra_forbidden", name, "没有这个字段 / there is no such field")
                for name in extra
            )
        )
    if "story" not in fields:
        raise InvalidInput(Fault("missing", "story", "缺少此项 / is missing"))
    found.story = _parse(fields["story"], "story")
    if "plan" in fields:
        found.plan = _parse(fields["plan"], "plan")


async def _raw(
    request: Request, desk: Desk, pool: ThreadPoolExecutor, opened: list[_Open], file_name: str
) -> None:
    upload = _open(desk, pool, opened, file_name, "name")
    stream: AsyncIterator[bytes] = request.stream()
    async for chunk in stream:
        if chunk:
            await upload.write(chunk)


def _open(
    desk: Desk, pool: ThreadPoolExecutor, opened: list[_Open], file_name: str, place: str
) -> Upload:
    fault = intake.file_name_fault(file_name, place)
    if fault is not None:
        raise InvalidInput(fault)
    if len(opened) >= desk.newsroom.uploads.files:
        most = desk.newsroom.uploads.files
        raise InvalidInput(
            Fault("too_many", place, f"最多 {most} 个文件 / at most {most} files"), status=413
        )
    identity: UUID = new_id()
    limits = desk.newsroom.uploads
    upload = Upload(
        desk.store,
        pool,
        identity,
        desk.settings.spool_dir / "uploads",
        field=place,
        most_bytes=max(limits.video_bytes, limits.image_bytes),
    )
    opened.append(_Open(upload, file_name, place))
    return upload


async def _complete(desk: Desk, one: _Open) -> Received:
    digest = await one.upload.finish()
    try:
        facts = await asyncio.to_thread(
            desk.inspect, one.upload.path, f"file.{one.file_name}", one.file_name
        )
    finally:
        one.upload.forget_spool()
    return Received(
        asset_id=one.upload.asset_id,
        object_key=one.upload.key,
        sha256=digest,
        size_bytes=one.upload.size_bytes,
        file_name=one.file_name,
        facts=facts,
    )


async def _undo(desk: Desk, opened: list[_Open], received: list[Received]) -> None:
    for one in opened:
        try:
            await one.upload.abort()
        except PipelineError:
            continue  # S3 is away; the orphan is swept later
    await asyncio.to_thread(discard, desk, received)


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def _parse(data: bytes, name: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON number")

    try:
        value = json.loads(data.decode("utf-8"), parse_constant=refuse)
        canonical(value)  # 1e999 and lone surrogates are read, but cannot be written again
        return value
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            Fault(
                "json_invalid",
                name,
                f"不是合法的 JSON (UTF-8) / not valid JSON: {str(error)[:200]}",
            )
        ) from error
