"""``/v1/uploads``: the tus protocol word by word, breaks and restarts, quotas, refusals in time."""

import asyncio
import base64
import hashlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect

from producers import filing, tus, tus_uploads, tus_writer
from schemas.errors import Unavailable
from tests.unit.producers.importers.test_picture import jpeg, xmp
from tests.unit.producers.newsroom import Look, Newsroom, faults

CLIP = b"MOV0012" + bytes(range(256)) * 20
PART = 1000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tus_writer, "PART_BYTES", PART)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def ask(desk: Newsroom, method: str, path: str, data: bytes | None = None, **headers: str) -> Any:
    sent = {"Tus-Resumable": "1.0.0"} | {k.replace("_", "-"): v for k, v in headers.items()}
    who = sent.pop("who", "reporter")
    more = {} if data is None else {"content": data}
    return desk.call(method, path, headers=sent, who=who, **more)


def begin(desk: Newsroom, length: int, name: str = "秋收.mp4", **more: str) -> httpx.Response:
    metadata = ",".join(f"{k} {b64(v)}" for k, v in {"filename": name, **more}.items())
    answer: httpx.Response = ask(
        desk, "POST", "/uploads", Upload_Length=str(length), Upload_Metadata=metadata
    )
    return answer


def begun(desk: Newsroom, length: int, name: str = "秋收.mp4", **more: str) -> str:
    answer = begin(desk, length, name, **more)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].removeprefix("/v1")


def patch(desk: Newsroom, at: str, offset: int, data: bytes, **headers: str) -> Any:
    kind = {"Content_Type": tus.CONTENT_TYPE, "Upload_Offset": str(offset)}
    return ask(desk, "PATCH", at, data, **{**kind, **headers})


def head(desk: Newsroom, at: str) -> int:
    answer = ask(desk, "HEAD", at)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def test_it_says_what_it_can(calm: Newsroom) -> None:
    answer = calm.call("OPTIONS", "/uploads", who=None)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "checksum", "expiration", "termination",
    }  # fmt: skip
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert int(answer.headers["Tus-Max-Size"]) == calm.centre.desk.newsroom.uploads.video_bytes


@pytest.mark.parametrize(
    "sizes", [[5127], [1, 5126], [999, 1, 1, 4126], [1000] * 5 + [127], [300] * 17 + [27]]
)
def test_in_whatever_pieces_it_comes_it_is_one_object(desk: Newsroom, sizes: list[int]) -> None:
    at, offset = begun(desk, len(CLIP)), 0
    for size in sizes:
        assert head(desk, at) == offset
        answer = patch(desk, at, offset, CLIP[offset : offset + size])
        offset += size
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(offset))
    told = desk.call("GET", at).json()
    assert (told["state"], told["sha256"]) == ("done", hashlib.sha256(CLIP).hexdigest())
    assert (told["kind"], told["duration_s"], told["linked"]) == ("video", 12.0, False)
    assert told["receipt"] == "S000001"
    assert desk.s3.objects == {f"originals/{told['id']}": CLIP}
    assert desk.s3.largest <= PART
    assert (desk.s3.parts, desk.state()["spooled"]) == ({}, [])
    assert head(desk, at) == len(CLIP)


@pytest.mark.parametrize("cut", [0, 1, 999, 1000, 2500, 5126])
def test_a_restart_in_the_middle_costs_nothing(desk: Newsroom, cut: int) -> None:
    at = begun(desk, len(CLIP))
    if cut:
        patch(desk, at, 0, CLIP[:cut])
    desk.remake()
    assert head(desk, at) == cut
    assert patch(desk, at, cut, CLIP[cut:]).status_code == 204
    told = desk.call("GET", at).json()
    assert told["sha256"] == hashlib.sha256(CLIP).hexdigest()
    assert desk.s3.objects == {f"originals/{told['id']}": CLIP}


def test_what_was_written_and_not_told_is_asked_for_again(desk: Newsroom) -> None:
    """After a power cut the spool may hold more, or rubbish, past what was made sure."""
    at = begun(desk, len(CLIP))
    patch(desk, at, 0, CLIP[:1500])
    (spool,) = (desk.centre.desk.settings.spool_dir / "tus").iterdir()
    with spool.open("ab") as file:
        file.write(b"\x00" * 700)
    desk.remake()
    assert head(desk, at) == 1500
    patch(desk, at, 1500, CLIP[1500:])
    assert list(desk.s3.objects.values()) == [CLIP]


def test_a_spool_that_is_gone_is_told(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    patch(desk, at, 0, CLIP[:1500])
    (spool,) = (desk.centre.desk.settings.spool_dir / "tus").iterdir()
    spool.unlink()
    desk.remake()
    assert ask(desk, "HEAD", at).status_code == 410


def stream(desk: Newsroom, at: str, offset: int, pieces: list[bytes], **headers: str) -> None:
    """A PATCH whose sender goes away after these pieces."""
    messages: list[Any] = [{"type": "http.request", "body": p, "more_body": True} for p in pieces]
    names = {"authorization": "Bearer key-of-reporter", "tus-resumable": "1.0.0",
             "content-type": tus.CONTENT_TYPE, "upload-offset": str(offset), **headers}  # fmt: skip
    scope = {
        "type": "http", "http_version": "1.1", "method": "PATCH", "path": f"/v1{at}",
        "raw_path": f"/v1{at}".encode(), "query_string": b"", "scheme": "http",
        "headers": [(k.encode(), v.encode()) for k, v in names.items()],
        "server": ("desk", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        return

    async def play() -> None:
        try:
            await desk.app(scope, receive, send)
        except ClientDisconnect:
            return

    asyncio.run(play())


def test_what_came_before_the_sender_went_away_is_kept(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    stream(desk, at, 0, [CLIP[:700], CLIP[700:1900]])
    assert head(desk, at) == 1900
    patch(desk, at, 1900, CLIP[1900:])
    assert list(desk.s3.objects.values()) == [CLIP]


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_part_whose_checksum_differs_is_not_taken(desk: Newsroom, algorithm: str) -> None:
    at = begun(desk, len(CLIP))
    first, second = CLIP[:2100], CLIP[2100:]
    assert patch(desk, at, 0, first, Upload_Checksum=checksum(first, algorithm)).status_code == 204
    answer = patch(desk, at, 2100, b"x" * len(second), Upload_Checksum=checksum(second, algorithm))
    assert answer.status_code == 460
    assert head(desk, at) == 2100
    stream(desk, at, 2100, [second[:100]], **{"upload-checksum": checksum(second)})
    assert head(desk, at) == 2100
    assert (
        patch(desk, at, 2100, second, Upload_Checksum=checksum(second, algorithm)).status_code
        == 204
    )
    assert list(desk.s3.objects.values()) == [CLIP]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus_Resumable": "0.2.2"}, 412),
        ({"Content_Type": "application/octet-stream"}, 415),
        ({"Upload_Offset": "3"}, 409),
        ({"Upload_Offset": "-1"}, 422),
        ({"Upload_Checksum": "md5 AAAA"}, 400),
        ({"Upload_Checksum": "sha256 !"}, 400),
    ],
)
def test_a_patch_that_is_none(desk: Newsroom, headers: dict[str, str], status: int) -> None:
    at = begun(desk, len(CLIP))
    assert patch(desk, at, 0, b"x", **headers).status_code == status
    assert head(desk, at) == 0


def test_more_bytes_than_announced_are_refused(desk: Newsroom) -> None:
    at = begun(desk, 10)
    assert patch(desk, at, 0, b"x" * 11).status_code == 413
    assert head(desk, at) <= 10


@pytest.mark.parametrize(
    ("length", "name", "more", "status", "code"),
    [
        (0, "a.mp4", {}, 422, "empty_file"),
        (5 * 1024**3, "a.mp4", {}, 413, "too_large"),
        (41 * 1024**2, "a.JPG", {}, 413, "too_large"),
        (10, "a.docx", {}, 415, "wrong_kind"),
        (10, "a.exe", {"filetype": "video/mp4"}, 415, "wrong_kind"),
        (10, "../a.mp4", {}, 422, "bad_file_name"),
        (10, "a\u202e4pm.mp4", {}, 422, "bad_file_name"),
    ],
)
def test_what_cannot_be_taken_is_refused_before_a_byte_is_sent(
    desk: Newsroom, length: int, name: str, more: dict[str, str], status: int, code: str
) -> None:
    before = desk.state()
    answer = begin(desk, length, name, **more)
    assert (answer.status_code, set(faults(answer).values())) == (status, {code})
    assert desk.state() == before


@pytest.mark.parametrize(
    "metadata", ["filename !", "filename YQ==,filename YQ==", "x" * 9000, "f\u00fc YQ=="]
)
def test_metadata_that_cannot_be_read(calm: Newsroom, metadata: str) -> None:
    answer = calm.call(
        "POST", "/uploads",
        headers={"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": metadata.encode()},
    )  # fmt: skip
    assert (answer.status_code, faults(answer)) == (422, {"Upload-Metadata": "bad_metadata"})


def test_a_length_must_be_known(calm: Newsroom) -> None:
    assert ask(calm, "POST", "/uploads", Upload_Defer_Length="1").status_code == 422
    assert ask(calm, "POST", "/uploads").status_code == 422


def limits(desk: Newsroom, **changed: Any) -> None:
    newsroom = desk.centre.desk.newsroom
    made = newsroom.uploads.model_copy(update=changed)
    newsroom = newsroom.model_copy(update={"uploads": made})
    desk.centre.desk = replace(desk.centre.desk, newsroom=newsroom)
    desk.remake()


@pytest.mark.parametrize(
    "changed", [{"person_bytes_day": 100}, {"desk_bytes_day": 100}, {"open_uploads": 2}]
)
def test_a_quota_is_told_before_a_byte_is_sent(desk: Newsroom, changed: dict[str, int]) -> None:
    limits(desk, **changed)
    at = begun(desk, 40)
    begun(desk, 40)
    answer = begin(desk, 40)
    assert answer.status_code == 429
    assert ask(desk, "DELETE", at).status_code == 204
    assert begin(desk, 40).status_code == 201


def test_what_others_announced_counts_for_the_room_on_the_disk(desk: Newsroom) -> None:
    free = shutil.disk_usage(desk.centre.desk.settings.data.parent).free
    limits(desk, video_bytes=10**15, person_bytes_day=10**15, desk_bytes_day=10**15)
    assert begin(desk, free // 3).status_code == 201
    assert begin(desk, free // 3).status_code == 507


def test_the_same_bytes_again_are_linked_and_not_stored(desk: Newsroom) -> None:
    for _ in range(2):
        at = begun(desk, len(CLIP))
        patch(desk, at, 0, CLIP)
    told = desk.call("GET", at).json()
    assert told["linked"] is True
    assert list(desk.s3.objects.values()) == [CLIP]
    assert desk.s3.parts == {}


def test_a_file_that_is_none_is_refused_in_words_and_gone(desk: Newsroom) -> None:
    at = begun(desk, 3000)
    answer = patch(desk, at, 0, b"no clip" + bytes(2993))
    assert (answer.status_code, faults(answer)) == (422, {"file.秋收.mp4": "bad_file"})
    assert (desk.s3.objects, desk.s3.parts, desk.state()["spooled"]) == ({}, {}, [])
    assert ask(desk, "HEAD", at).status_code == 410
    assert desk.call("GET", at).json()["faults"][0]["code"] == "bad_file"


def test_while_s3_is_away_bytes_are_kept_and_the_end_waits(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    desk.s3.calls_left = 0
    assert patch(desk, at, 0, CLIP[:3000]).status_code == 204
    assert patch(desk, at, 3000, CLIP[3000:]).status_code == 503
    assert ask(desk, "HEAD", at).status_code == 503
    desk.s3.calls_left = None
    assert head(desk, at) == len(CLIP)
    assert desk.call("GET", at).json()["state"] == "done"
    assert list(desk.s3.objects.values()) == [CLIP]


def test_an_end_whose_answer_was_lost_comes_to_its_end(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    desk.s3.lose_next_end = True
    assert patch(desk, at, 0, CLIP).status_code == 503
    assert desk.s3.objects  # it had been carried out
    assert head(desk, at) == len(CLIP)
    assert desk.call("GET", at).json()["state"] == "done"
    assert (list(desk.s3.objects.values()), desk.s3.parts) == ([CLIP], {})


def test_a_ledger_that_was_away_at_the_end_is_told_later(
    desk: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("ledger", "away")

    at = begun(desk, len(CLIP))
    with monkeypatch.context() as patched:
        patched.setattr(filing, "keep_asset", away)
        assert patch(desk, at, 0, CLIP).status_code == 503
        assert list(desk.s3.objects.values()) == [CLIP]
    assert head(desk, at) == len(CLIP)
    assert desk.call("GET", at).json()["state"] == "done"
    assert (list(desk.s3.objects.values()), desk.s3.parts) == ([CLIP], {})


def test_somebody_elses_upload_is_not_there(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    for method in ("HEAD", "DELETE"):
        assert ask(desk, method, at, who="one").status_code == 404
    assert patch(desk, at, 0, CLIP, who="one").status_code == 404
    assert desk.call("GET", at, who="one").status_code == 404
    assert desk.call("GET", "/uploads", who="one").json() == {"uploads": []}


def test_an_upload_that_is_ended_leaves_nothing(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    patch(desk, at, 0, CLIP[:3500])
    assert ask(desk, "DELETE", at).status_code == 204
    assert (desk.s3.objects, desk.s3.parts, desk.state()["spooled"]) == ({}, {}, [])
    for answer in (ask(desk, "HEAD", at), ask(desk, "DELETE", at), patch(desk, at, 0, CLIP)):
        assert answer.status_code == 410


def test_what_nobody_goes_on_with_expires(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    answer = patch(desk, at, 0, CLIP[:3500])
    assert "GMT" in answer.headers["Upload-Expires"]
    held = desk.app.state.uploads
    assert tus_uploads.sweep(held) == 0
    desk.centre.now += timedelta(hours=25)
    assert tus_uploads.sweep(held) == 1
    assert (desk.s3.parts, desk.state()["spooled"]) == ({}, [])
    assert ask(desk, "HEAD", at).status_code == 410


def test_a_proxy_that_knows_no_patch(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    answer = ask(desk, "POST", at, CLIP, Content_Type=tus.CONTENT_TYPE, Upload_Offset="0",
                 X_HTTP_Method_Override="PATCH")  # fmt: skip
    assert answer.status_code == 204
    assert list(desk.s3.objects.values()) == [CLIP]
    assert ask(desk, "POST", at, X_HTTP_Method_Override="PUT").status_code == 405


def test_a_sender_that_comes_back_ends_its_own_hanging_connection(desk: Newsroom) -> None:
    at = begun(desk, len(CLIP))
    arrived = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield CLIP[:1200]
        arrived.set()
        await asyncio.sleep(60)

    async def play() -> list[int]:
        transport = httpx.ASGITransport(desk.app)
        named = {"Authorization": "Bearer key-of-reporter", "Tus-Resumable": "1.0.0"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://desk/v1", headers=named
        ) as client:
            kind = {"Content-Type": tus.CONTENT_TYPE}
            first = asyncio.ensure_future(
                client.patch(at, content=hanging(), headers={**kind, "Upload-Offset": "0"})
            )
            await arrived.wait()
            found = await client.head(at)
            offset = int(found.headers["Upload-Offset"])
            rest = await client.patch(
                at, content=CLIP[offset:], headers={**kind, "Upload-Offset": str(offset)}
            )
            await first
            return [offset, rest.status_code]

    assert asyncio.run(play()) == [1200, 204]
    assert list(desk.s3.objects.values()) == [CLIP]


def test_a_pictures_own_words_are_told_and_its_place_can_be_removed(
    desk: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = replace(desk.centre.desk, inspect=lambda *_: Look("image", "image/jpeg"))
    desk.centre.desk = look
    desk.remake()
    data = jpeg(
        xmp(
            "<exif:GPSLatitude>30,1N</exif:GPSLatitude><photoshop:Credit>青禾融媒</photoshop:Credit>"
        )
    )
    at = begun(desk, len(data), "a.jpg", place="remove")
    assert patch(desk, at, 0, data).status_code == 204
    told = desk.call("GET", at).json()
    assert told["picture"] == {
        "credit": "青禾融媒",
        "keywords": [],
        "place": False,
        "place_removed": True,
    }
    (kept,) = desk.s3.objects.values()
    assert b"30,1N" not in kept
    assert told["sha256"] == hashlib.sha256(kept).hexdigest()
    assert kept[-300:] == data[-300:]
    at = begun(desk, len(data), "a.jpg")
    patch(desk, at, 0, data)
    assert desk.call("GET", at).json()["picture"]["place"] is True
