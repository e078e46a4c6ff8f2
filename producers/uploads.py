"""Bytes on their way in: streamed to S3 in parts with a running SHA-256, never whole in memory.

A copy is spooled to local disk beside it, because the picture or clip is looked into before it
counts, and ffprobe is never handed an address.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas import keys
from schemas.errors import Fault, InvalidInput, StorageFull
from schemas.settings import Settings
from stores import objects
from stores.objects import PART_BYTES, Objects

IN_FLIGHT = 3
"""Parts of one upload between memory and S3: at most (IN_FLIGHT + 1) x 8 MiB in memory."""


def check_room(settings: Settings, expected_bytes: int) -> None:
    """Raises StorageFull when taking this much would leave less than the reserve.

    Spool and local S3 share the disk: an upload needs its size twice.
    """
    folder = settings.data if settings.data.exists() else settings.data.parent
    free = shutil.disk_usage(folder).free
    if free - 2 * expected_bytes < settings.keep_free_bytes:
        raise StorageFull(f"{free} bytes free, {settings.keep_free_bytes} are kept")


class Upload:
    """One file on its way. ``write`` from the event loop, then ``finish`` or ``abort``."""

    def __init__(
        self,
        store: Objects,
        pool: ThreadPoolExecutor,
        asset_id: UUID,
        spool: Path,
        *,
        field: str,
        most_bytes: int,
    ) -> None:
        self.key = keys.original(asset_id)
        self.asset_id = asset_id
        self.size_bytes = 0
        self.path = spool / f"{asset_id}.part"
        self._store = store
        self._pool = pool
        self._field = field
        self._most = most_bytes
        self._digest = hashlib.sha256()
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._parts: list[asyncio.Future[dict[str, Any]]] = []
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._hashing: asyncio.Future[None] | None = None
        spool.mkdir(parents=True, exist_ok=True)
        with objects.spoken():
            self._file = self.path.open("wb")

    async def write(self, chunk: bytes) -> None:
        """Take some bytes; waits while too many parts are under way.

        Raises InvalidInput (413) over the limit, Unavailable or StorageFull from S3.
        """
        self.size_bytes += len(chunk)
        if self.size_bytes > self._most:
            raise InvalidInput(
                Fault(
                    "too_large",
                    self._field,
                    f"文件超过 {self._most} 字节上限 / larger than {self._most} bytes",
                    "压缩或裁短后再传 / make it smaller or shorter",
                ),
                status=413,
            )
        self._buffer += chunk
        if len(self._buffer) >= PART_BYTES:
            await self._flush()

    async def finish(self) -> str:
        """Store what is left; returns the SHA-256 (hex) of all bytes."""
        if self._upload_id is None:
            data = bytes(self._buffer)
            await self._digest_and_spool(data)
            await self._run(objects.put, self._store, self.key, data, "application/octet-stream")
        else:
            if self._buffer:
                await self._flush()
            parts = await asyncio.gather(*self._parts)
            if self._hashing is not None:
                await self._hashing
            await self._run(self._complete, parts)
        await self._run(self._file.close)
        return self._digest.hexdigest()

    async def abort(self) -> None:
        """Leave nothing behind, whatever state the upload is in."""
        pending: list[asyncio.Future[Any]] = [*self._parts]
        if self._hashing is not None:
            pending.append(self._hashing)
        await asyncio.gather(*pending, return_exceptions=True)
        await self._run(self._discard)

    def forget_spool(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    async def _flush(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        if self._upload_id is None:
            self._upload_id = await self._run(self._create)
        await self._room.acquire()
        number = len(self._parts) + 1
        before = self._hashing
        self._hashing = asyncio.ensure_future(self._digest_and_spool(data, before))
        self._parts.append(asyncio.ensure_future(self._send(number, data, self._hashing)))
        failed = next((p for p in self._parts if p.done() and p.exception()), None)
        if failed is not None:
            raise failed.exception() or RuntimeError

    async def _send(
        self, number: int, data: bytes, hashing: "asyncio.Future[None]"
    ) -> dict[str, Any]:
        try:
            part: dict[str, Any] = await self._run(self._put_part, number, data)
            await hashing
            return part
        finally:
            self._room.release()

    async def _digest_and_spool(
        self, data: bytes, before: "asyncio.Future[None] | None" = None
    ) -> None:
        if before is not None:
            await before

        def work() -> None:
            self._digest.update(data)
            with objects.spoken():
                self._file.write(data)

        await self._run(work)

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def _create(self) -> str:
        with objects.spoken():
            made = self._store.client.create_multipart_upload(
                Bucket=self._store.bucket, Key=self.key
            )
        return made["UploadId"]

    def _put_part(self, number: int, data: bytes) -> dict[str, Any]:
        with objects.spoken():
            made = self._store.client.upload_part(
                Bucket=self._store.bucket,
                Key=self.key,
                UploadId=self._upload_id or "",
                PartNumber=number,
                Body=data,
            )
        part: dict[str, Any] = {"PartNumber": number, "ETag": made["ETag"]}
        part |= {k: v for k, v in made.items() if k.startswith("Checksum") and k != "ChecksumType"}
        return part

    def _complete(self, parts: list[Any]) -> None:
        with objects.spoken():
            self._store.client.complete_multipart_upload(
                Bucket=self._store.bucket,
                Key=self.key,
                UploadId=self._upload_id or "",
                MultipartUpload={"Parts": parts},
            )
        self._upload_id = None

    def _discard(self) -> None:
        self.forget_spool()
        with objects.spoken():
            if self._upload_id is not None:
                self._store.client.abort_multipart_upload(
                    Bucket=self._store.bucket, Key=self.key, UploadId=self._upload_id
                )
            self._store.client.delete_object(Bucket=self._store.bucket, Key=self.key)
