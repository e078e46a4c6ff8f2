"""One resumable upload in this process: the spool file, its running SHA-256, its parts at S3.

The spool file is what an upload rests on: an offset is told only after its bytes are surely on
disk, parts go to S3 from it as they fill, and the file itself is looked into at the end. hashlib's
state cannot be stored and S3 shows nothing of an unfinished multipart upload, so after a restart
the spool is read once and hashed again, 1.7 GB a second on one core where the processor helps.
"""

import asyncio
import contextlib
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

from producers.tus import Checksum, mismatch
from schemas import keys
from schemas.errors import Fault, InvalidInput, PipelineError
from stores import objects
from stores.objects import PART_BYTES, Objects

IN_FLIGHT = 3
CHECKPOINT_S = 1.0
"""So often a long PATCH makes sure of what it has; a crash costs a sender this much at the most."""

Durable = Callable[[int], None]
"""Told an offset whose bytes are surely on disk; blocks."""


def spool_path(folder: Path, upload_id: str) -> Path:
    return folder / "tus" / f"{upload_id}.part"


class Writer:
    """Used from the event loop; one PATCH at a time holds ``lock``."""

    def __init__(
        self,
        store: Objects,
        pool: ThreadPoolExecutor,
        path: Path,
        *,
        upload_id: str,
        length: int,
        durable: Durable,
        begun_at_s3: Callable[[str], None],
    ) -> None:
        self.key = keys.original(UUID(upload_id))
        self.path = path
        self.length = length
        self.offset = 0
        self.lock = asyncio.Lock()
        self.writing: asyncio.Future[None] | None = None
        """The PATCH that has the lock: ended by who wants it, when a sender comes back while its
        old connection still hangs."""
        self._store, self._pool = store, pool
        self._durable, self._begun = durable, begun_at_s3
        self._digest = hashlib.sha256()
        self._s3: str | None = None
        self._etags: dict[int, str] = {}
        self._whole = False
        """The object is at S3, whatever the ledger knows of it yet."""
        self._sending: dict[int, asyncio.Future[None]] = {}
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._at_s3 = threading.Lock()
        self._file: Any = None
        self._pending = bytearray()
        self._checking: asyncio.Future[None] | None = None

    # -- life ------------------------------------------------------------------------------------

    async def open(self, offset: int, s3_upload: str | None) -> None:
        """Begin, or go on at what the ledger knows to be on disk. Raises InvalidInput (410) when
        the spool does not hold that much: it lay on another host or disk."""
        self._s3 = s3_upload
        await self._run(self._open, offset)

    def _open(self, offset: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if offset and (not self.path.exists() or self.path.stat().st_size < offset):
            told = (
                "先前传的部分不在这台机器上了, 请重新上传 / what came before is not here any more"
            )
            raise InvalidInput(Fault("gone", "upload", told, "重新上传 / begin anew"), status=410)
        with objects.spoken():
            self._file = self.path.open("r+b" if self.path.exists() else "w+b", buffering=0)
            self._file.truncate(offset)
            while chunk := self._file.read(4 * 1024**2):
                self._digest.update(chunk)
        self.offset = offset
        if self._s3 is not None:
            self._etags = self._listed()

    def let_go(self) -> None:
        """Close the spool file; what is told of it is on disk already."""
        if self._file is not None:
            self._file.close()

    # -- bytes -----------------------------------------------------------------------------------

    async def write(self, stream: AsyncIterator[bytes], checksum: Checksum | None) -> None:
        """Take a PATCH's bytes; what came before the sender went away is kept, unless a checksum
        was promised. Raises InvalidInput (413 past the length, 460), StorageFull, Unavailable."""
        began, digest = self.offset, self._digest.copy()
        check = checksum.hasher() if checksum is not None else None
        try:
            await self._take(stream, check)
            if checksum is not None and check is not None and check.digest() != checksum.digest:
                raise mismatch()
        except BaseException:
            if check is not None or self.offset > self.length:
                await asyncio.shield(self._run(self._back, began, digest))
            else:
                with contextlib.suppress(PipelineError):
                    await asyncio.shield(self._keep())
            raise
        await self._made_sure()
        self._send_full(began)

    async def _keep(self) -> None:
        await self._append(None)
        await self._made_sure()

    async def _take(self, stream: AsyncIterator[bytes], check: Any) -> None:
        self._pending = bytearray()
        sure_at = time.monotonic()
        async for chunk in stream:
            self._pending += chunk
            if self.offset + len(self._pending) > self.length:
                self._pending.clear()
                told = f"超过说好的 {self.length} 字节 / more bytes than were announced"
                raise InvalidInput(Fault("too_long", "body", told), status=413)
            left = PART_BYTES - self.offset % PART_BYTES
            if len(self._pending) < left:
                continue
            await self._append(check)
            if check is None:
                if time.monotonic() - sure_at > CHECKPOINT_S and self._checked():
                    self._checking = asyncio.ensure_future(self._run(self._sure, self.offset))
                    sure_at = time.monotonic()
                self._send_full(self.offset - PART_BYTES)
                await self._room.acquire()
                self._room.release()
        await self._append(check)

    async def _append(self, check: Any) -> None:
        data, self._pending = self._pending, bytearray()
        if not data:
            return

        def work() -> None:
            with objects.spoken():
                self._file.seek(self.offset)
                left = memoryview(data)
                while left:
                    left = left[self._file.write(left) :]
            self._digest.update(data)
            if check is not None:
                check.update(data)

        job = asyncio.ensure_future(self._run(work))
        try:
            await asyncio.shield(job)
        finally:  # also when this PATCH is ended meanwhile: digest and offset stay together
            await asyncio.wait({job})
            if not job.cancelled() and job.exception() is None:
                self.offset += len(data)

    def _checked(self) -> bool:
        """Whether the last checkpoint is over; it runs beside the stream. Raises what it met."""
        if self._checking is None:
            return True
        if not self._checking.done():
            return False
        self._checking.result()
        return True

    def _sure(self, offset: int) -> None:
        """The bytes are on disk before anybody is told so."""
        with objects.spoken():
            os.fdatasync(self._file.fileno())
        self._durable(offset)

    async def _made_sure(self) -> None:
        if self._checking is not None:
            await asyncio.wait({self._checking})
            self._checking = None
        await self._run(self._sure, self.offset)

    def _back(self, offset: int, digest: Any) -> None:
        with objects.spoken():
            self._file.truncate(offset)
        self.offset, self._digest = offset, digest

    # -- parts -----------------------------------------------------------------------------------

    def _send_full(self, began: int) -> None:
        """Parts that have filled since ``began`` go to S3 while more bytes come."""
        if self.length <= PART_BYTES:
            return
        for number in range(max(began, 0) // PART_BYTES + 1, self.offset // PART_BYTES + 1):
            if number not in self._etags and number not in self._sending:
                self._sending[number] = asyncio.ensure_future(self._send(number))

    async def _send(self, number: int) -> None:
        async with self._room:
            try:
                if self._s3 is None:
                    await self._begin()
                self._etags[number] = await self._run(self._put_part, number)
            except PipelineError:
                return  # S3 is away: sent again before the upload is complete
            finally:
                self._sending.pop(number, None)

    async def _begin(self) -> None:
        await self._run(self._begin_once)

    def _begin_once(self) -> None:
        """Several parts are on their way at once: one upload for all of them. In the thread to its
        end, so that one whose PATCH is ended meanwhile is known and not left at S3."""
        with self._at_s3:
            if self._s3 is None:
                self._s3 = self._create()
                self._begun(self._s3)

    def _create(self) -> str:
        with objects.spoken():
            made = self._store.client.create_multipart_upload(
                Bucket=self._store.bucket, Key=self.key
            )
        return made["UploadId"]

    def _put_part(self, number: int) -> str:
        size = min(PART_BYTES, self.length - (number - 1) * PART_BYTES)
        with objects.spoken():
            data = os.pread(self._file.fileno(), size, (number - 1) * PART_BYTES)
            made = self._store.client.upload_part(
                Bucket=self._store.bucket,
                Key=self.key,
                UploadId=self._s3 or "",
                PartNumber=number,
                Body=data,
            )
        return made["ETag"]

    def _listed(self) -> dict[int, str]:
        """What S3 holds already after a restart; nothing where it cannot tell."""
        found: dict[int, str] = {}
        try:
            with objects.spoken():
                pages = self._store.client.get_paginator("list_parts").paginate(
                    Bucket=self._store.bucket, Key=self.key, UploadId=self._s3 or ""
                )
                for page in pages:
                    for part in page.get("Parts", []):
                        whole = part["Size"] == PART_BYTES
                        if whole and part["PartNumber"] * PART_BYTES <= self.offset:
                            found[part["PartNumber"]] = part["ETag"]
        except PipelineError:
            self._s3 = None
        return found

    # -- the end ---------------------------------------------------------------------------------

    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def store(self) -> None:
        """All bytes as one object under ``key``. Raises Unavailable, StorageFull."""
        await asyncio.gather(*self._sending.values(), return_exceptions=True)
        if self.length <= PART_BYTES:
            kind = "application/octet-stream"
            await self._run(objects.put_file, self._store, self.key, self.path, kind)
            return
        if self._whole:
            return
        await self._begin()
        last = -(-self.length // PART_BYTES)
        for number in range(1, last + 1):
            if number not in self._etags:
                self._etags[number] = await self._run(self._put_part, number)
        try:
            await self._run(self._complete, last)
        except PipelineError:
            # done or not, S3 may not know this upload any more: the next try sends all parts anew
            self._s3, self._etags = None, {}
            raise
        self._whole = True

    def _complete(self, last: int) -> None:
        parts: Any = [{"PartNumber": n, "ETag": self._etags[n]} for n in range(1, last + 1)]
        with objects.spoken():
            self._store.client.complete_multipart_upload(
                Bucket=self._store.bucket,
                Key=self.key,
                UploadId=self._s3 or "",
                MultipartUpload={"Parts": parts},
            )

    async def forget(self) -> None:
        """Nothing is left of it here or unfinished at S3."""
        await asyncio.gather(*self._sending.values(), return_exceptions=True)
        self.let_go()
        await self._run(self._drop)

    def _drop(self) -> None:
        with self._at_s3:  # one that is just begun is ended too
            drop(self._store, self.path, self.key, None if self._whole else self._s3)

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)


def drop(store: Objects, path: Path, key: str, s3_upload: str | None) -> None:
    """Remove a spool file and an unfinished multipart upload."""
    path.unlink(missing_ok=True)
    if s3_upload is not None:
        with contextlib.suppress(PipelineError), objects.spoken():
            store.client.abort_multipart_upload(Bucket=store.bucket, Key=key, UploadId=s3_upload)
