"""Forms read as a stream: the same however the bytes are cut, and never more in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.multipart import FileSink, read_multipart
from schemas.errors import Fault, InvalidInput
from tests.strategies import examples

TYPE = "multipart/form-data; boundary=XX"


@dataclass
class Sink:
    name: str
    file_name: str
    kind: str
    data: bytearray = field(default_factory=bytearray)

    async def write(self, chunk: bytes) -> None:
        self.data += chunk


def part(name: str, data: bytes, file_name: str | None = None, kind: str | None = None) -> bytes:
    shown = f'; filename="{file_name}"' if file_name is not None else ""
    head = f'Content-Disposition: form-data; name="{name}"{shown}\r\n'
    head += f"Content-Type: {kind}\r\n" if kind else ""
    return b"--XX\r\n" + head.encode() + b"\r\n" + data + b"\r\n"


def read(
    body: bytes, *, cut: list[int] | None = None, limit: int = 1000, kind: str = TYPE
) -> tuple[dict[str, bytes], list[Sink]]:
    sinks: list[Sink] = []

    async def open_file(name: str, file_name: str, content_type: str) -> FileSink:
        if file_name == "refused":
            raise InvalidInput(Fault("bad_file_name", name, "不收"))
        sinks.append(Sink(name, file_name, content_type))
        return sinks[-1]

    async def chunks() -> AsyncIterator[bytes]:
        places = sorted({0, len(body), *(c % (len(body) + 1) for c in cut or ())})
        for start, end in pairwise(places):
            yield body[start:end]
        yield b""

    fields = asyncio.run(read_multipart(kind, chunks(), open_file, field_limit_bytes=limit))
    return fields, sinks


def code(body: bytes, **more: Any) -> tuple[int, str]:
    with pytest.raises(InvalidInput) as refused:
        read(body, **more)
    return refused.value.status, refused.value.faults[0].code


END = b"--XX--\r\n"
FORM = (
    part("story", '{"标":"题"}'.encode(), kind="application/json")
    + part("file", b"\r\n--X\r\n--XY" + bytes(range(256)), "图 一.jpg", "image/jpeg")
    + part("file", b"", "empty.bin")
    + END
)


@examples(60)
@given(st.lists(st.integers(0, len(FORM)), max_size=12))
def test_it_reads_the_same_however_the_bytes_are_cut(cut: list[int]) -> None:
    fields, sinks = read(FORM, cut=cut)
    assert fields == {"story": '{"标":"题"}'.encode()}
    assert [(s.name, s.file_name, s.kind, bytes(s.data)) for s in sinks] == [
        ("file", "图 一.jpg", "image/jpeg", b"\r\n--X\r\n--XY" + bytes(range(256))),
        ("file", "empty.bin", "application/octet-stream", b""),
    ]


@given(st.binary(max_size=200).filter(lambda data: b"--XX" not in data))
def test_any_bytes_come_through_as_they_are(data: bytes) -> None:
    _, (sink,) = read(part("file", data, "a") + END, cut=[7, 60, 61, 62, 90])
    assert bytes(sink.data) == data


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=3))
def test_broken_forms_are_refused_never_more(data: bytes, cut: list[int]) -> None:
    for body in (data, b"--XX\r\n" + data, FORM[: len(data)], part("a", b"b") + data):
        with suppress(InvalidInput):
            read(body, cut=cut)


@pytest.mark.parametrize("cut_at", [5, 30, 80, len(FORM) - len(END), len(FORM) - 5])
def test_a_request_that_ends_early_is_broken(cut_at: int) -> None:
    assert code(FORM[:cut_at]) == (422, "broken_form")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_form_without_a_boundary_cannot_be_read(kind: str) -> None:
    assert code(FORM, kind=kind) == (422, "no_boundary")


def test_a_field_is_given_once() -> None:
    assert code(part("story", b"1") + part("story", b"2") + END) == (422, "field_twice")


def test_fields_together_stay_below_the_limit_files_do_not_count() -> None:
    fine = part("story", b"x" * 500) + part("plan", b"y" * 500) + part("f", b"z" * 5000, "z") + END
    assert len(read(fine)[0]) == 2
    assert code(part("story", b"x" * 1001) + END) == (413, "too_large")
    many = b"".join(part(f"f{n}", b"x" * 100) for n in range(11))
    assert code(many + END) == (413, "too_large")


def test_headers_of_a_part_are_bounded() -> None:
    long = b"--XX\r\nContent-Disposition: form-data; name=" + b"n" * 100_000 + b"\r\n\r\nx\r\n"
    assert code(long + END) == (422, "broken_form")


def test_a_file_that_is_refused_ends_the_reading() -> None:
    assert code(part("file", b"x", "refused") + END) == (422, "bad_file_name")
