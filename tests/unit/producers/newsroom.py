"""The HTTP API over a centre in memory, called as a newsroom's program calls it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import ClientError, EndpointConnectionError
from fastapi import FastAPI
from sqlalchemy import func, select

from producers.api import make_api
from schemas.errors import Fault, InvalidInput
from stores.ledger import people, transaction
from stores.ledger.tables import metadata
from tests.centre import PEOPLE, CentreInMemory, MemoryS3, Outlet

STORY: dict[str, Any] = {
    "headline": "梯田开镰",
    "body": [{"kind": "paragraph", "spans": [{"text": "清晨六点。"}]}],
}
PICTURED: dict[str, Any] = {
    **STORY,
    "body": [*STORY["body"], {"kind": "image", "media": "p1"}],
    "media": [{"ref": "p1", "file": "a.jpg"}],
}


class BusyS3(MemoryS3):
    """With multipart uploads; goes away, or runs full, after so many calls."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[str, dict[int, bytes]] = {}
        self.made = 0
        self.calls_left: int | None = None
        self.lose_next_end = False
        """The answer to the next completion is lost: the object is there."""
        self.full = False
        self.largest = 0

    def _call(self) -> None:
        if self.calls_left is None:
            return
        if self.calls_left <= 0:
            if self.full:
                raise ClientError(
                    {"Error": {"Code": "InsufficientStorage", "Message": "no room"}}, "PutObject"
                )
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        self.calls_left -= 1

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **more: Any) -> None:  # noqa: N803
        self._call()
        super().put_object(Bucket=Bucket, Key=Key, Body=Body, **more)

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        if self.calls_left == 0 and not self.full:
            self._call()
        super().delete_object(Bucket=Bucket, Key=Key)

    def create_multipart_upload(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self._call()
        self.made += 1
        upload = f"{Key}#{self.made}"
        self.parts[upload] = {}
        return {"UploadId": upload}

    def upload_part(self, *, UploadId: str, PartNumber: int, Body: bytes, **_: Any) -> Any:  # noqa: N803
        self._call()
        self._known(UploadId)[PartNumber] = Body
        self.largest = max(self.largest, len(Body))
        return {"ETag": f"{UploadId}/{PartNumber}"}

    def complete_multipart_upload(self, *, UploadId: str, MultipartUpload: Any, **_: Any) -> None:  # noqa: N803
        self._call()
        parts = self._known(UploadId)
        named = [(part["PartNumber"], part["ETag"]) for part in MultipartUpload["Parts"]]
        if named != [(n, f"{UploadId}/{n}") for n in sorted(parts)]:
            raise ClientError({"Error": {"Code": "InvalidPart"}}, "CompleteMultipartUpload")
        self.objects[UploadId.partition("#")[0]] = b"".join(parts[n] for n, _ in named)
        del self.parts[UploadId]
        if self.lose_next_end:
            self.lose_next_end = False
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    def _known(self, upload: str) -> dict[int, bytes]:
        if upload not in self.parts:
            raise ClientError({"Error": {"Code": "NoSuchUpload"}}, "UploadPart")
        return self.parts[upload]

    def upload_file(self, path: str, bucket: str, key: str, **_: Any) -> None:
        self._call()
        assert bucket
        self.objects[key] = Path(path).read_bytes()

    def get_paginator(self, name: str) -> Any:
        assert name == "list_parts"
        return self

    def paginate(self, *, UploadId: str, **_: Any) -> list[dict[str, Any]]:  # noqa: N803
        self._call()
        parts = self._known(UploadId)
        return [
            {"Parts": [{"PartNumber": n, "Size": len(d), "ETag": f"{UploadId}/{n}"}]}
            for n, d in parts.items()
        ]

    def abort_multipart_upload(self, *, UploadId: str, **_: Any) -> None:  # noqa: N803
        self.parts.pop(UploadId, None)


@dataclass(frozen=True)
class Look:
    kind: Any
    content_type: str
    width: int | None = 1600
    height: int | None = 900
    duration_s: float | None = None
    told: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def inspect(path: Path, field: str, name: str) -> Look:
    """By the bytes, as the real look does: ``GIF`` pictures, ``MOV`` clips of so many seconds."""
    data = path.read_bytes()
    if data.startswith(b"GIF"):
        return Look("image", "image/gif")
    if data.startswith(b"MOV"):
        return Look("video", "video/quicktime", duration_s=float(data[3:7] or b"12"))
    if data.startswith(b"BUG"):
        raise RuntimeError("a bug in the look")
    told = "文件是空的" if not data else f"{name} 不是图片或视频"
    raise InvalidInput(Fault("bad_file", field, f"{told} / not a picture or a clip"))


class Newsroom:
    """``call`` answers as httpx does; ``state`` is all that a refusal must leave unchanged."""

    app: FastAPI

    def __init__(self, folder: Path, outlets: list[Outlet] | None = None, **spec: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.centre = CentreInMemory(folder, outlets or [Outlet("web", 1), Outlet("tv", 2)], **spec)
        self.s3 = BusyS3()
        settings = self.centre.settings.model_copy(update={"keep_free_bytes": 0})
        store = replace(self.centre.store, client=self.s3)  # type: ignore[arg-type]
        self.centre.store = self.centre.adapter.store = store
        self.centre.desk = replace(
            self.centre.desk, settings=settings, store=store, inspect=inspect
        )
        for publisher in self.centre.publishers.values():
            publisher.store = store
        with self.centre.ledger.transaction() as tx:
            for person in PEOPLE:
                people.put(tx, person, f"key-of-{person.id}")
        self.remake()

    def remake(self, **settings: Any) -> None:
        """The application anew, with other settings."""
        changed = self.centre.desk.settings.model_copy(update=settings)
        self.centre.desk = replace(self.centre.desk, settings=changed)
        if hasattr(self, "app"):
            self.app.state.uploads.close()
        self.app: FastAPI = make_api(self.centre.desk, lag=dict)

    def close(self) -> None:
        self.app.state.uploads.close()
        self.app.state.pool.shutdown()
        self.centre.close()

    def call(
        self, method: str, path: str, *, who: str | None = "reporter", **options: Any
    ) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer key-of-{who}"

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
                return await client.request(method, f"/v1{path}", headers=headers, **options)

        return asyncio.run(ask())

    def upload(self, name: str, data: bytes) -> httpx.Response:
        """One file as a body that comes in pieces, as from a network."""

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(data), 256 * 1024):
                yield data[at : at + 256 * 1024]

        return self.call("POST", f"/assets?name={name}", content=pieces())

    def file(self, story: Any, *files: tuple[str, bytes], **options: Any) -> httpx.Response:
        """One multipart request, as ``./run submit`` makes it."""
        parts: list[tuple[str, Any]] = [
            ("story", (None, json.dumps(story, ensure_ascii=False), "application/json"))
        ]
        parts += [("file", (name, data, "application/octet-stream")) for name, data in files]
        method, path = options.pop("to", ("POST", "/stories"))
        return self.call(method, path, files=parts, **options)

    def raw(self, path: str, body: bytes, **options: Any) -> httpx.Response:
        headers = {"content-type": "application/json", **options.pop("headers", {})}
        return self.call("POST", path, content=body, headers=headers, **options)

    def state(self) -> dict[str, Any]:
        """Rows of every table, objects, unfinished uploads, spooled files."""
        with self.centre.ledger.snapshot() as view:
            rows = {
                name: view.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }
        spool = self.centre.desk.settings.spool_dir
        return {
            **rows,
            "objects": sorted(self.s3.objects),
            "unfinished": sorted(self.s3.parts),
            "spooled": sorted(p.name for p in spool.rglob("*.part")),
        }

    @contextmanager
    def locked_ledger(self) -> Iterator[None]:
        """Somebody else writes, and does not end."""
        engine = self.centre.ledger.engine
        patience, transaction.BUSY_TIMEOUT_S = transaction.BUSY_TIMEOUT_S, 0.05
        other = sqlite3.connect(str(engine.url.database), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.rollback()
            other.close()
            transaction.BUSY_TIMEOUT_S = patience


def faults(answer: httpx.Response) -> dict[str, str]:
    """Field → code, of an answer in the one error shape; Chinese stands first in each reason."""
    told = answer.json()
    assert {"code", "field", "reason", "next_step", "faults"} == set(told)
    assert told["reason"] == told["faults"][0]["reason"]
    for fault in told["faults"]:
        assert set(fault) == {"code", "field", "reason", "next_step"}
        chinese, _, english = fault["reason"].partition(" / ")
        assert any("一" <= c <= "鿿" for c in chinese), fault["reason"]
        assert english, fault["reason"]
    return {fault["field"]: fault["code"] for fault in told["faults"]}


def filed(desk: Newsroom, story: Any = STORY, *files: tuple[str, bytes]) -> Any:
    answer = desk.file(story, *files)
    assert answer.status_code == 201, answer.text
    desk.centre.pump()
    return answer.json()


def revise(desk: Newsroom, story: Any, *files: tuple[str, bytes], version: int = 1) -> Any:
    headers = {"If-Match": f'"{version}"'}
    return desk.file(story, *files, to=("PUT", "/stories/1"), headers=headers)
