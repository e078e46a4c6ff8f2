"""The HTTP API: what it takes, and every reason not to take it, with nothing changed."""

import asyncio
import hashlib
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from starlette.requests import ClientDisconnect

from schemas.errors import Unavailable
from stores.ledger import views
from tests.unit.producers.newsroom import PICTURED, STORY, Newsroom, faults, filed, revise

PICTURE = b"GIF picture"
CLIP = b"MOV0012 clip"


# -- who calls ---------------------------------------------------------------------------------

ROUTES = [
    ("POST", "/stories"),
    ("PUT", "/stories/1"),
    ("POST", "/assets"),
    ("POST", "/imports"),
    ("POST", "/drafts"),
    ("GET", "/drafts"),
    ("GET", "/drafts/1"),
    ("PUT", "/drafts/1"),
    ("DELETE", "/drafts/1"),
    ("POST", "/drafts/1/hold"),
    ("POST", "/drafts/1/check"),
    ("POST", "/drafts/1/file"),
    ("POST", "/uploads"),
    ("GET", "/uploads"),
    ("GET", "/uploads/1"),
    ("HEAD", "/uploads/1"),
    ("PATCH", "/uploads/1"),
    ("DELETE", "/uploads/1"),
    ("POST", "/stories/1/signatures"),
    ("POST", "/stories/1/withdraw"),
    ("POST", "/stories/1/hold"),
    ("POST", "/stories/1/resume"),
    ("POST", "/stories/1/waves"),
    ("POST", "/stories/1/resend"),
    ("POST", "/deliveries/1/web/1/settle"),
    ("POST", "/dead-letters/replay"),
    ("POST", "/dead-letters/discard"),
    ("GET", "/dead-letters"),
    ("GET", "/dead-letters/0a1b2c3d"),
    ("GET", "/stories"),
    ("GET", "/stories/1"),
    ("GET", "/stories/1/explain"),
    ("GET", "/stories/1/trace"),
    ("GET", "/stories/1/copies"),
    ("GET", "/deliveries"),
    ("GET", "/status"),
    ("GET", "/lag"),
]


def test_these_are_all_the_routes(calm: Newsroom) -> None:
    paths = calm.call("GET", "/openapi.json", who=None).json()["paths"]
    told = {(method.upper(), path) for path, ways in paths.items() for method in ways}
    found = {
        (m, t)
        for method, path in ROUTES
        for m, t in told
        if m == method and re.fullmatch(re.sub(r"\{\w+\}", r"\\w+", t), f"/v1{path}")
    }
    assert (found, len(told)) == (told, len(ROUTES))


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("key", [None, "Bearer wrong", "Bearer ", "Basic a2V5", "key-of-reporter"])
def test_without_a_key_nothing_is_told_or_changed(
    calm: Newsroom, method: str, path: str, key: str | None
) -> None:
    before = calm.state()
    headers = {"If-Match": "1"} | ({"Authorization": key} if key else {})
    for body in (b'{"reason":"x"}', b"{"):
        headers["content-type"] = "application/json"
        answer = calm.call(method, path, who=None, headers=headers, content=body)
        assert answer.status_code == 401
        if method != "HEAD":
            assert faults(answer) == {"Authorization": "not_signed_in"}
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert calm.state() == before


@pytest.mark.parametrize("act", ["withdraw", "hold", "resume", "waves"])
def test_dispatch_is_for_those_who_may(calm: Newsroom, act: str) -> None:
    before = calm.state()
    answer = calm.call("POST", f"/stories/1/{act}", json={"reason": "有误", "wave": 2})
    if act != "waves":
        answer = calm.call("POST", f"/stories/1/{act}", json={"reason": "有误"})
    assert answer.status_code == 403
    assert faults(answer) == {"Authorization": "role_missing"}
    assert calm.state() == before


# -- what a story may be -------------------------------------------------------------------------


def with_(**changes: Any) -> dict[str, Any]:
    return {"story": {**STORY, **changes}}


PARAGRAPH = {"kind": "paragraph", "spans": [{"text": "字"}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "story"),
        ({"story": {}}, "story.headline"),
        ({"story": None}, "story"),
        ({"story": "标题"}, "story"),
        ({"story": [STORY]}, "story"),
        ({"story": STORY, "storys": 1}, "storys"),
        (with_(colour="red"), "story.colour"),
        (with_(id="01930000-0000-7000-8000-000000000001"), "story.id"),
        (with_(headline=5), "story.headline"),
        (with_(headline=""), "story.headline"),
        (with_(headline="\u3000"), "story.headline"),
        (with_(headline="字" * 201), "story.headline"),
        (with_(headline="一\n二"), "story.headline"),
        (with_(headline="一\u0000二"), "story.headline"),
        (with_(headline="一\u202e二"), "story.headline"),
        (with_(urgency=0), "story.urgency"),
        (with_(urgency="high"), "story.urgency"),
        (with_(body=[]), "story.body"),
        (with_(body="文"), "story.body"),
        (with_(body=[{"kind": "html", "html": "<b>"}]), "story.body.0"),
        (with_(body=[{**PARAGRAPH, "style": "x"}]), "story.body.0.paragraph.style"),
        (with_(body=[PARAGRAPH, {"kind": "image", "media": "p1"}]), "story"),
        (with_(media=[{"ref": "p1"}]), "story.media.0"),
        (with_(media=[{"ref": "../p", "file": "a.jpg"}]), "story.media.0.ref"),
        (with_(embargoed_until="2026-12-01T08:00"), "story.embargoed_until"),
        (with_(embargoed_until="2026-11-24T08:00:00+08:00"), "story.embargoed_until"),
        (with_(variants={"nosuch": {}}), "story.variants.nosuch"),
        ({"story": STORY, "plan": []}, "plan"),
        ({"story": STORY, "plan": {"channels": ["nosuch"]}}, "plan.channels.0"),
        ({"story": STORY, "plan": {"channels": []}}, "plan.channels"),
        ({"story": STORY, "plan": {"waves": {"nosuch": 1}}}, "plan.waves.nosuch"),
        ({"story": STORY, "plan": {"waves": {"tv": 0}}}, "plan.waves.tv"),
        ({"story": STORY, "plan": {"waves": {"tv": 10**30}}}, "plan.waves.tv"),
        ({"story": STORY, "plan": {"release_at": "2026-11-23T09:00:00+08:00"}}, "plan.release_at"),
        ({"story": STORY, "plan": {"release": 1}}, "plan.release"),
    ],
)
def test_a_filing_with_a_fault_names_its_field_and_changes_nothing(
    calm: Newsroom, body: dict[str, Any], field: str
) -> None:
    before = calm.state()
    answer = calm.call("POST", "/stories", json=body)
    assert answer.status_code == 422, answer.text
    assert field in faults(answer)
    assert calm.state() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"story":{"urgency":NaN}}',
        b'{"story":{"urgency":Infinity}}',
        b'{"story":{"urgency":1e999}}',
        b'{"story":{"headline":"\\ud800"}}',
        b'{"story":{"\\udfff":1}}',
        b'{"\\ud800":1,"story":{}}',
        b'{"story":{"urgency":' + b"9" * 5000 + b"}}",
        *(b'{"story":' + b"[" * depth + b"]" * depth + b"}" for depth in (50, 900, 100_000)),
        b'{"story":' + b'{"a":' * 900 + b"1" + b"}" * 901,
    ],
)
@pytest.mark.parametrize("path", ["/stories", "/stories/1/signatures"])
def test_json_that_is_none_or_no_story_is_refused(calm: Newsroom, body: bytes, path: str) -> None:
    before = calm.state()
    answer = calm.raw(path, body)
    assert answer.status_code == 422, answer.text
    assert faults(answer)
    assert calm.state() == before


def test_a_body_is_never_read_past_its_limit(calm: Newsroom) -> None:
    large = b'{"story":"' + b"x" * (3 * 1024**2) + b'"}'
    for path in ("/stories", "/stories/1/signatures"):
        answer = calm.raw(path, large)
        assert (answer.status_code, faults(answer)) == (413, {"body": "too_large"})


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", ""])
def test_another_kind_of_body_is_refused(calm: Newsroom, kind: str) -> None:
    answer = calm.raw("/stories", b"{}", headers={"content-type": kind})
    assert (answer.status_code, faults(answer)) == (415, {"Content-Type": "content_type"})


def test_a_headline_over_every_outlets_limit_is_refused_and_over_one_is_a_warning(
    tmp_path: Path,
) -> None:
    desk = Newsroom(tmp_path)
    long = {"web": "标题超过 20 字 / over 20", "tv": "标题超过 10 字 / over 10"}
    refused = dict(long)
    desk.centre.desk = replace(desk.centre.desk, refusals=lambda _s, _c: refused)
    desk.remake()
    answer = desk.call("POST", "/stories", json={"story": STORY})
    assert answer.status_code == 422
    assert faults(answer) == {"channels.web": "refused_by_all", "channels.tv": "refused_by_all"}
    del refused["web"]
    answer = desk.call("POST", "/stories", json={"story": STORY})
    assert answer.status_code == 201
    assert answer.json()["warnings"] == [{"channel": "tv", "reason": long["tv"]}]
    desk.close()


def test_html_and_script_are_text_like_any_other(desk: Newsroom) -> None:
    text = "<script>alert('1')</script> & <b>"
    body = [{"kind": "paragraph", "spans": [{"text": text}]}]
    filed(desk, {**STORY, "headline": text, "body": body})
    story = desk.call("GET", "/stories/1").json()["story"]
    assert (story["headline"], story["body"][0]["spans"][0]["text"]) == (text, text)


# -- media ---------------------------------------------------------------------------------------


def test_an_upload_is_stored_with_its_hash_and_told_to_the_topic(desk: Newsroom) -> None:
    told = filed(desk, PICTURED, ("a.jpg", PICTURE))
    shown = desk.call("GET", f"/stories/{told['number']}").json()
    (asset,) = shown["story"]["assets"]
    assert asset["sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert desk.s3.objects[f"originals/{asset['id']}"] == PICTURE
    assert desk.state()["spooled"] == []


def test_the_same_bytes_again_are_linked_not_stored_twice(desk: Newsroom) -> None:
    filed(desk, PICTURED, ("a.jpg", PICTURE))
    before = [k for k in desk.s3.objects if k.startswith("originals/")]
    again = {**PICTURED, "media": [*PICTURED["media"], {"ref": "p2", "file": "b.jpg"}]}
    filed(desk, again, ("a.jpg", PICTURE), ("b.jpg", PICTURE))
    asset = desk.call("POST", "/assets?name=c.jpg", content=PICTURE).json()
    assert asset["linked"] is True
    assert [k for k in desk.s3.objects if k.startswith("originals/")] == before
    by_reference = {**PICTURED, "media": [{"ref": "p1", "asset_id": asset["id"]}]}
    filed(desk, by_reference)


def test_two_references_may_share_one_file(desk: Newsroom) -> None:
    media = [{"ref": "p1", "file": "a.jpg"}, {"ref": "p2", "file": "a.jpg"}]
    filed(desk, {**PICTURED, "media": media}, ("a.jpg", PICTURE))
    first, second = desk.call("GET", "/stories/1").json()["story"]["assets"]
    assert first["id"] == second["id"]
    assert desk.s3.objects[f"originals/{first['id']}"] == PICTURE


def test_a_large_clip_goes_in_parts_and_comes_out_whole(desk: Newsroom) -> None:
    data = b"MOV0012" + bytes(range(256)) * (20 * 4096)  # 20 MiB and a little
    answer = desk.upload("a.mp4", data)
    assert answer.status_code == 201
    told = answer.json()
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    assert told["size_bytes"] == len(data)
    assert desk.s3.objects[f"originals/{told['id']}"] == data
    assert desk.s3.largest < 9 * 1024**2
    assert desk.state()["unfinished"] == desk.state()["spooled"] == []


@pytest.mark.parametrize(
    ("story", "files", "code"),
    [
        (PICTURED, [], "file_missing"),
        (PICTURED, [("b.jpg", PICTURE)], "file_missing"),
        (PICTURED, [("a.jpg", PICTURE), ("a.jpg", CLIP)], "file_twice"),
        (PICTURED, [("a.jpg", PICTURE), ("b.jpg", CLIP)], "file_unused"),
        (STORY, [("a.jpg", PICTURE)], "file_unused"),
        (PICTURED, [("a.jpg", b"")], "bad_file"),
        (PICTURED, [("a.jpg", b"<svg onload=x>")], "bad_file"),
        (PICTURED, [("a.jpg", CLIP)], "wrong_kind"),
        (PICTURED, [("..", PICTURE)], "bad_file_name"),
        (PICTURED, [("../../etc/passwd", PICTURE)], "bad_file_name"),
        (PICTURED, [("x\\..\\a.jpg", PICTURE)], "bad_file_name"),
        (PICTURED, [("a\u202egpj.exe", PICTURE)], "bad_file_name"),
        (PICTURED, [("字" * 100 + ".jpg", PICTURE)], "bad_file_name"),
        ({**PICTURED, "urgency": 99}, [("a.jpg", PICTURE)], "less_than_equal"),
    ],
)
def test_media_with_a_fault_leave_nothing_behind(
    calm: Newsroom, story: Any, files: list[tuple[str, bytes]], code: str
) -> None:
    before = calm.state()
    answer = calm.file(story, *files)
    assert answer.status_code == 422, answer.text
    assert code in faults(answer).values()
    assert calm.state() == before


@pytest.mark.parametrize("name", ["../a.jpg", "a%00b", "a%0Ab", "", "%2e%2e", "a%2Fb"])
def test_the_name_of_a_single_upload_is_no_path_either(calm: Newsroom, name: str) -> None:
    before = calm.state()
    answer = calm.call("POST", f"/assets?name={name}", content=PICTURE)
    assert (answer.status_code, faults(answer)) == (422, {"name": "bad_file_name"})
    assert calm.state() == before


def test_a_clip_too_long_or_too_large_is_refused_with_the_limit(desk: Newsroom) -> None:
    before = desk.state()
    answer = desk.call("POST", "/assets?name=a.mp4", content=b"MOV9999")
    assert (answer.status_code, "3600" in answer.text) == (422, True)
    limits = desk.centre.newsroom.uploads.model_copy(
        update={"video_bytes": 5000, "image_bytes": 1000}
    )
    newsroom = desk.centre.newsroom.model_copy(update={"uploads": limits})
    desk.centre.desk = replace(desk.centre.desk, newsroom=newsroom)
    desk.remake()
    answer = desk.call("POST", "/assets?name=a.mp4", content=b"MOV0012" + b"x" * 6000)
    assert (answer.status_code, "5000" in answer.text) == (413, True)
    answer = desk.call("POST", "/assets?name=a.jpg", content=PICTURE + b"x" * 2000)
    assert (answer.status_code, "1000" in answer.text) == (413, True)
    assert desk.state() == before


def test_an_asset_that_was_never_uploaded_is_named(calm: Newsroom) -> None:
    gone = "01930000-0000-7000-8000-000000000001"
    answer = calm.file({**PICTURED, "media": [{"ref": "p1", "asset_id": gone}]})
    assert (answer.status_code, faults(answer)) == (422, {"media.p1.asset_id": "no_such_asset"})


@pytest.mark.parametrize("calls", [0, 1, 2, 3])
def test_s3_going_away_in_the_middle_keeps_nothing(desk: Newsroom, calls: int) -> None:
    before = desk.state()
    desk.s3.calls_left = calls
    answer = desk.upload("a.mp4", b"MOV0012" + b"x" * (20 * 1024**2))
    assert answer.status_code == 503
    assert faults(answer) == {"s3": "unavailable"}
    assert answer.headers["Retry-After"] == "5"
    desk.s3.calls_left = None
    after = desk.state()
    assert {**after, "unfinished": []} == before


def test_s3_running_full_is_told_as_such(desk: Newsroom) -> None:
    before = desk.state()
    desk.s3.calls_left, desk.s3.full = 0, True
    answer = desk.file(PICTURED, ("a.jpg", PICTURE))
    assert (answer.status_code, faults(answer)) == (507, {"": "storage_full"})
    assert desk.state() == before


def test_a_disk_below_its_reserve_takes_nothing(desk: Newsroom) -> None:
    before = desk.state()
    desk.remake(keep_free_bytes=2**60)
    for answer in (desk.file(PICTURED, ("a.jpg", PICTURE)), desk.file(STORY)):
        assert (answer.status_code, faults(answer)) == (507, {"": "storage_full"})
    assert desk.state() == before


def test_a_full_ledger_takes_nothing(desk: Newsroom) -> None:
    before = desk.state()
    engine = desk.centre.ledger.engine

    def no_more_pages(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=1")

    event.listen(engine, "connect", no_more_pages)
    engine.dispose()
    long = [{"kind": "paragraph", "spans": [{"text": "长" * 1000}]}] * 300
    answer = desk.file({**PICTURED, "body": [*PICTURED["body"], *long]}, ("a.jpg", PICTURE))
    event.remove(engine, "connect", no_more_pages)
    engine.dispose()
    assert (answer.status_code, faults(answer)) == (507, {"": "storage_full"})
    assert desk.state() == before


def test_a_locked_ledger_takes_nothing_and_works_again_afterwards(desk: Newsroom) -> None:
    before = desk.state()
    with desk.locked_ledger():
        answer = desk.file(PICTURED, ("a.jpg", PICTURE))
    assert (answer.status_code, faults(answer)) == (503, {"ledger": "unavailable"})
    assert desk.state() == before
    filed(desk, PICTURED, ("a.jpg", PICTURE))


def test_a_bug_on_the_way_in_leaves_nothing_and_tells_no_story_text(desk: Newsroom) -> None:
    before = desk.state()
    with structlog.testing.capture_logs() as logged:
        answer = desk.file({**PICTURED, "headline": "机密"}, ("a.jpg", b"BUG"))
    assert (answer.status_code, faults(answer)) == (500, {"": "internal"})
    assert "RuntimeError" in str(logged)
    assert "机密" not in str(logged)
    assert desk.state() == before


def test_an_answer_lost_at_the_commit_keeps_what_the_ledger_names(desk: Newsroom) -> None:
    """The connection breaks after the commit was carried out: no story without its picture."""
    engine = desk.centre.ledger.engine
    once = [True]

    def break_after(connection: Any) -> None:
        if once and connection.connection.dbapi_connection.in_transaction:
            rows = connection.exec_driver_sql("SELECT count(*) FROM stories").scalar()
            if rows:
                once.clear()
                connection.connection.dbapi_connection.execute("COMMIT")
                raise OperationalError("COMMIT", None, sqlite3.OperationalError("gone away"))

    event.listen(engine, "commit", break_after)
    answer = desk.file(PICTURED, ("a.jpg", PICTURE))
    event.remove(engine, "commit", break_after)
    assert answer.status_code == 503
    (asset,) = desk.call("GET", "/stories/1").json()["story"]["assets"]
    assert desk.s3.objects[f"originals/{asset['id']}"] == PICTURE


@pytest.mark.parametrize(
    ("act", "body"), [("withdraw", {"reason": "有误"}), ("waves", {"wave": 2, "reason": "防汛"})]
)
def test_what_was_done_is_not_called_unavailable_when_it_cannot_be_shown(
    desk: Newsroom, monkeypatch: pytest.MonkeyPatch, act: str, body: dict[str, Any]
) -> None:
    filed(desk)
    with monkeypatch.context() as broken:

        def away(*_: object) -> None:
            raise Unavailable("ledger", "gone away")

        broken.setattr(views, "story_detail", away)
        answer = desk.call("POST", f"/stories/1/{act}", who="three", json=body)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["number"], told["deliveries"]) == (1, [])
    assert "已办妥" in told["unread"]
    shown = desk.call("GET", "/stories/1").json()
    if act == "withdraw":
        assert shown["withdrawn_reason"] == "有误"


def test_a_client_that_goes_away_leaves_no_object(desk: Newsroom) -> None:
    before = desk.state()
    chunk = b"MOV0012" + b"x" * (9 * 1024**2)
    messages = [
        {"type": "http.request", "body": chunk, "more_body": True},
        {"type": "http.request", "body": chunk, "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/assets",
        "raw_path": b"/v1/assets",
        "query_string": b"name=a.mp4",
        "headers": [(b"authorization", b"Bearer key-of-reporter")],
        "scheme": "http",
        "server": ("desk", 80),
        "client": ("127.0.0.1", 1),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def play() -> None:
        try:
            await desk.app(scope, receive, send)
        except ClientDisconnect:
            return  # what the server's log would say

    asyncio.run(play())
    assert desk.state() == before
    assert not [m for m in sent if m.get("status", 500) < 400]


# -- the same again, and newer versions ------------------------------------------------------------


def test_the_same_key_with_the_same_content_answers_as_before(desk: Newsroom) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = desk.file(PICTURED, ("a.jpg", PICTURE), headers=headers)
    before = desk.state()
    again = desk.file(PICTURED, ("a.jpg", PICTURE), headers=headers)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert desk.state() == before


@pytest.mark.parametrize(
    ("story", "data"), [({**PICTURED, "headline": "另"}, PICTURE), (PICTURED, b"GIF other")]
)
def test_the_same_key_with_another_content_is_a_conflict(
    desk: Newsroom, story: Any, data: bytes
) -> None:
    headers = {"Idempotency-Key": "k1"}
    desk.file(PICTURED, ("a.jpg", PICTURE), headers=headers)
    before = desk.state()
    answer = desk.file(story, ("a.jpg", data), headers=headers)
    assert (answer.status_code, faults(answer)) == (409, {"Idempotency-Key": "key_reused"})
    assert desk.state() == before


def test_a_key_is_one_persons_own(desk: Newsroom) -> None:
    headers = {"Idempotency-Key": "k1"}
    numbers = {
        desk.file(STORY, headers=headers, who=who).json()["number"] for who in ("reporter", "one")
    }
    assert numbers == {1, 2}


def test_a_newer_version_rests_on_the_one_that_was_edited(desk: Newsroom) -> None:
    filed(desk)
    assert revise(desk, {**STORY, "headline": "二"}).headers["ETag"] == '"2"'
    before = desk.state()
    answer = revise(desk, {**STORY, "headline": "三"})
    assert (answer.status_code, faults(answer)) == (409, {"If-Match": "version_moved"})
    assert "2" in answer.json()["reason"]
    assert desk.state() == before


@pytest.mark.parametrize("tag", ["", "x", "1.5", "*", "一", "-1"])
def test_what_was_edited_is_a_version(calm: Newsroom, tag: str) -> None:
    answer = calm.call(
        "PUT", "/stories/1", json={"story": STORY}, headers={"If-Match": tag.encode()}
    )
    assert answer.status_code == 422
    assert "If-Match" in faults(answer)


def test_a_newer_version_needs_to_say_what_it_rests_on(calm: Newsroom) -> None:
    answer = calm.call("PUT", "/stories/1", json={"story": STORY})
    assert (answer.status_code, faults(answer)) == (422, {"If-Match": "missing"})


def test_a_newer_version_keeps_its_media_but_not_those_taken_out_of_the_text(
    desk: Newsroom,
) -> None:
    body = [*STORY["body"], {"kind": "image", "media": "p1"}, {"kind": "video", "media": "v1"}]
    media = [
        {"ref": "p1", "file": "a.jpg"},
        {"ref": "v1", "file": "v.mp4"},
        {"ref": "x1", "file": "x.mp4"},
    ]
    files = (("a.jpg", PICTURE), ("v.mp4", CLIP), ("x.mp4", b"MOV0009 beside the text"))
    filed(desk, {**STORY, "body": body, "media": media}, *files)
    assert revise(desk, {**STORY, "body": body[:2], "headline": "撤下视频"}).status_code == 200
    story = desk.call("GET", "/stories/1").json()["story"]
    assert [asset["ref"] for asset in story["assets"]] == ["p1", "x1"]


def test_a_story_can_be_corrected_after_one_of_its_channels_is_gone(desk: Newsroom) -> None:
    filed(desk)
    left = {c: spec for c, spec in desk.centre.specs.items() if c != "tv"}
    desk.centre.desk = replace(desk.centre.desk, specs=left)
    desk.remake()
    assert revise(desk, {**STORY, "headline": "更正"}).status_code == 200


def test_the_plan_stays_with_a_newer_version(calm: Newsroom) -> None:
    body = {"story": STORY, "plan": {"channels": ["web"]}}
    answer = calm.call("PUT", "/stories/1", json=body, headers={"If-Match": "1"})
    assert (answer.status_code, faults(answer)) == (422, {"plan": "unexpected"})
