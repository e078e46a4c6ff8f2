"""``multipart/form-data`` read as a stream: small fields to memory, files to an upload."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from schemas.errors import Fault, InvalidInput


class FileSink(Protocol):
    """Where a file part's bytes go."""

    async def write(self, chunk: bytes) -> None: ...


@dataclass
class Part:
    """One part while it is read."""

    headers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    file_name: str | None = None
    data: bytearray = field(default_factory=bytearray)
    sink: FileSink | None = None


OpenFile = Callable[[str, str, str], Awaitable[FileSink]]
"""(part name, file name, content type) → sink; raises InvalidInput."""


async def read_multipart(
    content_type: str,
    body: AsyncIterator[bytes],
    open_file: OpenFile,
    *,
    field_limit_bytes: int,
) -> dict[str, bytes]:
    """Read a whole request; returns the plain fields. Files went to their sinks in order.

    Raises InvalidInput: no boundary, broken framing, all fields together over the limit (413).
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidInput(
            Fault("no_boundary", "Content-Type", "缺少 boundary / the boundary is missing")
        )
    events: list[tuple[str, bytes]] = []
    parser = _parser(boundary, events)
    fields: dict[str, bytes] = {}
    state = _State(open_file, field_limit_bytes, fields)
    try:
        async for chunk in body:
            if chunk:
                parser.write(chunk)
            for name, data in events:
                await state.take(name, data)
            events.clear()
        parser.finalize()
    except FormParserError as error:
        raise InvalidInput(
            Fault("broken_form", "body", f"表单数据残缺 / the form is broken: {error}")
        ) from error
    if not state.ended:
        raise InvalidInput(
            Fault("broken_form", "body", "请求没有传完 / the request ended too early")
        )
    return fields


def _parser(boundary: bytes, events: list[tuple[str, bytes]]) -> MultipartParser:
    def told(name: str) -> Callable[[], None]:
        return lambda: events.append((name, b""))

    def data(name: str) -> Callable[[bytes, int, int], None]:
        return lambda chunk, start, end: events.append((name, chunk[start:end]))

    callbacks: Any = {
        "on_part_begin": told("begin"),
        "on_header_field": data("header"),
        "on_header_value": data("value"),
        "on_header_end": told("header_end"),
        "on_headers_finished": told("headers"),
        "on_part_data": data("data"),
        "on_part_end": told("part_end"),
        "on_end": told("end"),
    }
    return MultipartParser(boundary, callbacks)


class _State:
    def __init__(self, open_file: OpenFile, limit: int, fields: dict[str, bytes]) -> None:
        self.open_file = open_file
        self.limit = limit
        self.fields = fields
        self.ended = False
        self.field_bytes = 0
        self.part = Part()
        self._header = b""
        self._value = b""

    async def take(self, name: str, data: bytes) -> None:
        match name:
            case "begin":
                self.part = Part()
            case "header":
                self._header += data
            case "value":
                self._value += data
            case "header_end":
                key = self._header.decode("latin-1").lower()
                self.part.headers[key] = self._value.decode("utf-8", "replace")
                self._header = self._value = b""
            case "headers":
                await self._open()
            case "data":
                await self._data(data)
            case "part_end":
                if self.part.file_name is None:
                    self.fields[self.part.name] = bytes(self.part.data)
            case "end":
                self.ended = True

    async def _open(self) -> None:
        part = self.part
        _, options = parse_options_header(part.headers.get("content-disposition", "").encode())
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        raw = options.get(b"filename")
        if raw is not None:
            part.file_name = raw.decode("utf-8", "replace")
            kind = part.headers.get("content-type", "application/octet-stream")
            part.sink = await self.open_file(part.name, part.file_name, kind)
        elif part.name in self.fields:
            raise InvalidInput(
                Fault("field_twice", part.name or "body", "字段重复 / the field is given twice")
            )

    async def _data(self, data: bytes) -> None:
        part = self.part
        if part.sink is not None:
            await part.sink.write(data)
            return
        part.data += data
        self.field_bytes += len(data)
        if self.field_bytes > self.limit:
            raise InvalidInput(
                Fault(
                    "too_large",
                    part.name or "body",
                    f"超过 {self.limit} 字节上限 / longer than {self.limit} bytes",
                ),
                status=413,
            )
