"""Douyin: copies, each class of error, uploads in parts, tokens, crashes and lost answers, recall;
against its simulator."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from dataclasses import replace as put
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue, ValidationError
from starlette.responses import PlainTextResponse

from consumers.channels import douyin
from consumers.douyin_api import code_of
from consumers.douyin_copy import Limits
from consumers.douyin_items import items_with_text, own_items, state_of
from consumers.douyin_upload import parts, upload_cover
from deploy.simulators import douyin as platform
from deploy.simulators.douyin_account import Tokens
from deploy.simulators.douyin_rules import DouyinLimits
from deploy.simulators.probe import VideoFacts
from schemas.body import Video
from schemas.channel import (
    Absent,
    Accepted,
    Attempt,
    CannotRecall,
    CannotTell,
    Live,
    Recalled,
    Refused,
)
from schemas.errors import PermanentError, TransientError, UnknownOutcome
from schemas.hashing import canonical, sha256
from schemas.story import Story, Variant
from tests.conformance.platform import MovedClock, PlatformDesk, Switch
from tests.conformance.samples import corrected, numbered
from tests.fakes import FakeMedia, asset, attempt, outside, text_story, video_story
from tests.loopback import served

ENTRY: dict[str, Any] = {
    "id": "douyin",
    "module": "douyin",
    "name": "抖音",
    "family": "short_video",
    "wave": 1,
    "client_key": "awkey",
    "tokens_file": "/nowhere",
    "listing_lag_s": 0,
}
SPEC = douyin.Spec.model_validate(ENTRY)
FIRST = Tokens("act.first", "rft.first", "open-id-1")
CREATE, DELETE = "create_video/", "video/delete/"
CLIP = b"\0\0\0\x18ftypmp42 a clip"
MIB = 1024 * 1024


@dataclass
class Desk:
    """One account at the simulated platform, and one story's release on its way there."""

    folder: Path
    platform: PlatformDesk
    clock: MovedClock
    spec: douyin.Spec
    media: FakeMedia
    clip: bytes = CLIP
    kept: dict[str, JsonValue] = field(default_factory=dict)
    spent: list[str] = field(default_factory=list)

    def account(self) -> douyin.Account:
        return douyin.connect(self.spec, outside(self.folder / "state"))

    def attempt(self, payload: douyin.Payload, story: Story | None = None) -> Attempt:
        made = attempt(
            self.media, "douyin", story=story or video_story(), checkpoints=self.kept,
            payload_sha256=sha256(canonical(payload)),
        )  # fmt: skip
        return put(made, spend=self.spent.append)

    def copy(self, story: Story | None = None) -> douyin.Payload:
        payload = douyin.render(story or video_story(), self.spec)
        self.media.put(payload.video, ("v.mp4", self.clip, "video/mp4"))
        if payload.cover:
            self.media.put(payload.cover, ("c.jpg", b"\xff\xd8 cover", "image/jpeg"))
        return payload

    def submit(self, story: Story | None = None) -> Live | Accepted | Refused:
        payload, account = self.copy(story), self.account()
        try:
            return douyin.submit(account, payload, self.attempt(payload, story))
        finally:
            account.close()

    def find(self, story: Story | None = None) -> Live | Accepted | Absent | CannotTell:
        payload, account = self.copy(story), self.account()
        try:
            return douyin.find(account, payload, self.attempt(payload, story))
        finally:
            account.close()

    def confirm(self, taken: object) -> Live | Accepted | Refused:
        assert isinstance(taken, Accepted)
        payload, account = self.copy(), self.account()
        try:
            return douyin.confirm(account, payload, taken.handle, self.attempt(payload))
        finally:
            account.close()

    def publish(self) -> Live:
        taken = self.submit()
        self.clock.advance(60)
        live = self.confirm(taken)
        assert isinstance(live, Live)
        return live

    def recall(self, live: Live) -> Recalled | CannotRecall:
        account = self.account()
        try:
            return douyin.recall(account, live.receipt, "有误", self.attempt(self.copy()))
        finally:
            account.close()

    def calls(self, path: str) -> int:
        return len(self.platform.calls(path))

    def state(self) -> dict[str, Any]:
        kept: dict[str, Any] = json.loads((self.folder / "state" / "tokens.json").read_text())
        return kept


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Switch, str]]:
    switch = Switch(PlainTextResponse("nothing here"))
    with served(switch) as base:
        yield switch, base


@pytest.fixture
def desk(tmp_path: Path, server: tuple[Switch, str]) -> Iterator[Desk]:
    switch, base = server
    clock = MovedClock()
    switch.app = platform.create_app(
        tmp_path / "platform",
        client_key="awkey",
        client_secret="s3cret",
        tokens=FIRST,
        clock=clock,
        limits=DouyinLimits(calls_per_second=10_000),
        probe=lambda _file: VideoFacts(1080, 1920, 12.0),
    )
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps(vars(FIRST)))
    spec = SPEC.model_copy(update={"api_base": base, "tokens_file": tokens})
    with PlatformDesk(base) as platform_desk:
        yield Desk(tmp_path, platform_desk, clock, spec, FakeMedia(tmp_path / "media"))


# the copy


def test_the_copy() -> None:
    clip = video_story().assets[0].sha256
    assert douyin.render(video_story(), SPEC) == douyin.Payload(
        text="航拍青禾：云海漫过古桥 #梯田 #丰收",
        video=f"asset://{clip}/vertical",
        cover="",
        cover_second=1.0,
    )


def test_a_cover_of_our_own() -> None:
    spec = SPEC.model_copy(update={"custom_cover": True})
    payload = douyin.render(video_story(), spec)
    assert payload.cover.endswith("/vertical_cover")
    assert payload.cover_second is None


def test_topics_hold_no_blanks_and_end_at_the_limit() -> None:
    story = video_story(keywords=("a b", "#话题", "三", "四", "五", "六"))
    assert douyin.render(story, SPEC).text.endswith("古桥 #ab #话题 #三 #四 #五")
    headline = story.headline
    tight = SPEC.model_copy(update={"limits": Limits(text=len(headline) + 4)})
    assert douyin.render(story, tight).text == f"{headline} #ab"


def test_a_correction_is_part_of_the_text() -> None:
    text = douyin.render(corrected(video_story()), SPEC).text
    assert text.startswith("更正后的第2版标题 更正：原稿把三千二百亩误写成三千亩，现予更正。 #梯田")


@pytest.mark.parametrize(
    ("changes", "limits", "field", "words"),
    [
        ({"headline": "长" * 60}, {"text": 55}, "headline", "60"),
        ({"correction": "改" * 60}, {"text": 55}, "correction", "55"),
    ],
)
def test_limits_are_named(
    changes: dict[str, Any], limits: dict[str, int], field: str, words: str
) -> None:
    spec = SPEC.model_copy(update={"limits": Limits(**limits)})
    with pytest.raises(PermanentError) as found:
        douyin.render(video_story(**changes), spec)
    fault = found.value.faults[0]
    assert fault.field == field
    assert words in fault.reason
    assert "variants.douyin.headline" in fault.next_step


def test_a_clip_too_long_or_none_is_refused() -> None:
    long = asset("v1", "video", b"long", "video/mp4", duration_s=901.0)
    with pytest.raises(PermanentError, match="901"):
        douyin.render(video_story(assets=(long,)), SPEC)
    with pytest.raises(PermanentError, match="没有视频"):
        douyin.render(text_story(), SPEC)


def test_which_clip() -> None:
    """The first that this family shows; one that no block names; never another family's."""
    clips = tuple(asset(f"v{n}", "video", bytes([n]), "video/mp4", duration_s=9.0) for n in (1, 2))
    web, own = Video(media="v1", only=("web",)), Video(media="v2")
    assert clips[1].sha256 in douyin.render(video_story(body=(web, own), assets=clips), SPEC).video
    loose = video_story(body=text_story().body[:1], assets=clips)
    assert clips[0].sha256 in douyin.render(loose, SPEC).video
    with pytest.raises(PermanentError):
        douyin.render(video_story(body=(web,), assets=clips[:1]), SPEC)


def test_a_wrong_entry_is_refused() -> None:
    for changes in ({"api_base": "http://open.example.com"}, {"part_bytes": 100}, {"secret": "x"}):
        with pytest.raises(ValidationError):
            douyin.Spec.model_validate({**ENTRY, **changes})
    spec = douyin.Spec.model_validate({**ENTRY, "quota": {"create": 3}})
    assert (spec.quota["create"], spec.quota["video_list"]) == (3, 1000)


# publishing


def test_from_upload_to_receipt(desk: Desk) -> None:
    taken = desk.submit()
    assert isinstance(taken, Accepted)
    assert isinstance(desk.confirm(taken), Accepted)
    desk.clock.advance(60)
    live = desk.confirm(taken)
    assert isinstance(live, Live)
    (item,) = desk.platform.items()
    receipt = live.receipt
    assert (receipt.item_id, receipt.url) == (item["item_id"], item["url"])
    assert receipt.text_sha256 == sha256(item["text"].encode())
    assert [(m.sha256, m.address) for m in receipt.media] == [
        (item["video_sha256"], item["video_id"])
    ]
    assert item["text"] in desk.platform.page(item["url"])


def test_the_review_says_no(desk: Desk) -> None:
    desk.platform.control(next_review_status=2)
    taken = desk.submit()
    desk.clock.advance(60)
    refused = desk.confirm(taken)
    assert isinstance(refused, Refused)
    assert refused.code == "review"


def test_a_large_clip_goes_in_parts(desk: Desk) -> None:
    desk.clip = CLIP + bytes(11 * MIB)
    desk.spec = desk.spec.model_copy(update={"whole_bytes": MIB, "part_bytes": 5 * MIB})
    assert isinstance(desk.submit(), Accepted)
    assert desk.platform.items()[0]["video_sha256"] == sha256(desk.clip)
    numbers = [c["ids"]["part_number"] for c in desk.platform.calls("upload_video_part")]
    assert numbers == [1, 2]


def test_an_upload_goes_on_where_it_was_cut_off(desk: Desk) -> None:
    desk.clip = CLIP + bytes(16 * MIB)
    desk.spec = desk.spec.model_copy(update={"whole_bytes": MIB, "part_bytes": 5 * MIB})
    desk.platform.control(fail_next={"path": "complete_video_part_upload", "errcode": 28001005})
    with pytest.raises(TransientError):
        desk.submit()
    upload = desk.kept["upload"]
    assert isinstance(upload, dict)
    assert upload["done"] == [1, 2, 3]
    assert isinstance(desk.submit(), Accepted)
    assert desk.calls("upload_video_part") == 3
    assert desk.calls("init_video_part_upload") == 1


def test_a_lost_completion_begins_the_upload_anew(desk: Desk) -> None:
    desk.clip = CLIP + bytes(6 * MIB)
    desk.spec = desk.spec.model_copy(update={"whole_bytes": MIB, "part_bytes": 5 * MIB})
    desk.platform.control(drop_answer_next={"path": "complete_video_part_upload"})
    for _ in range(2):
        with pytest.raises(TransientError):
            desk.submit()
    assert isinstance(desk.submit(), Accepted)
    assert len(desk.platform.items()) == 1


def test_parts_cover_the_file() -> None:
    for size in (1, 5 * MIB, 20 * MIB, 24 * MIB, 25 * MIB, 61 * MIB + 3):
        found = parts(size, 20 * MIB)
        assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
        assert sum(length for _, _, length in found) == size
        assert all(length >= 5 * MIB for _, _, length in found) or len(found) == 1
        assert all(a[1] + a[2] == b[1] for a, b in pairwise(found))


def test_a_file_over_all_limits_is_named(desk: Desk) -> None:
    desk.spec = desk.spec.model_copy(update={"total_bytes": 10})
    refused = desk.submit()
    assert isinstance(refused, Refused)
    assert "最多 10 字节" in refused.reason


def test_the_clip_is_uploaded_once_for_a_release(desk: Desk) -> None:
    desk.platform.control(fail_next={"path": CREATE, "errcode": 28003018})
    with pytest.raises(TransientError):
        desk.submit()
    assert desk.kept["creating"] is None, "surely not carried out"
    assert isinstance(desk.submit(), Accepted)
    assert desk.calls("upload_video/") == 1


class Uploads:
    """Stands for the API: the simulator has no ``upload_image``."""

    def __init__(self) -> None:
        self.files: list[Any] = []

    def call(self, path: str, *_: Any, **asked: Any) -> dict[str, Any]:
        assert path == "/api/douyin/v1/video/upload_image/"
        name, media, kind = asked["files"]["image"]
        self.files.append((name, media.read(), kind))
        return {"image": {"image_id": "@img", "width": 1080, "height": 1920}}


def test_a_cover_of_our_own_is_uploaded_once(desk: Desk) -> None:
    desk.spec = desk.spec.model_copy(update={"custom_cover": True})
    api: Any = Uploads()
    payload = desk.copy()
    for _ in range(2):
        file = desk.media.files(payload.cover)[0]
        assert upload_cover(desk.spec, api, file, desk.attempt(payload)) == "@img"
    assert [(data, kind) for _, data, kind in api.files] == [(b"\xff\xd8 cover", "image/jpeg")]


def test_a_cover_that_is_not_taken_is_said(desk: Desk) -> None:
    desk.spec = desk.spec.model_copy(update={"custom_cover": True})
    refused = desk.submit()
    assert isinstance(refused, Refused)
    assert "28001017" in refused.reason


# what the platform says


@pytest.mark.parametrize("path", ["upload_video", CREATE])
@pytest.mark.parametrize("code", [28003017, 28003018, 28001005, 28001006])
def test_later(desk: Desk, path: str, code: int) -> None:
    desk.platform.control(fail_next={"path": path, "errcode": code})
    with pytest.raises(TransientError) as found:
        desk.submit()
    assert found.value.retry_after_s is not None
    assert 15 <= found.value.retry_after_s <= 86_400
    assert isinstance(desk.submit(), Accepted)
    assert len(desk.platform.items()) == 1


@pytest.mark.parametrize(
    ("path", "code", "field", "words"),
    [
        (CREATE, 28001012, "video.create.bind", "没有授权"),
        (CREATE, 28001018, "video.create.bind", "代替用户发布内容到抖音"),
        ("upload_video", 28001018, "video.create.bind", "控制台"),
        (CREATE, 28001056, "douyin", "下线"),
        (CREATE, 28001007, "douyin", "参数"),
        (CREATE, 28001016, "client_key", "封禁"),
        (CREATE, 77, "douyin", "77"),
    ],
)
def test_a_definite_no_says_what_to_do(
    desk: Desk, path: str, code: int, field: str, words: str
) -> None:
    desk.platform.control(fail_next={"path": path, "errcode": code})
    refused = desk.submit()
    assert isinstance(refused, Refused)
    assert refused.field == field
    assert words in refused.reason
    assert desk.platform.items() == []


def test_codes_are_read_wherever_they_stand() -> None:
    assert code_of({"data": {"error_code": "0"}, "extra": {"error_code": 0}}) == (0, "")
    assert code_of({"data": {"item_id": "@1"}, "extra": {"error_code": 0}}) == (0, "")
    said = {"data": {"error_code": 0}, "extra": {"error_code": 5, "sub_description": "细"}}
    assert code_of(said) == (5, "细")
    assert code_of({"data": None, "extra": {"error_code": 7, "description": "粗"}}) == (7, "粗")
    assert code_of({"data": {}}) is None


# tokens


def test_an_expired_token_is_refreshed_and_kept(desk: Desk) -> None:
    desk.platform.control(token_expire_now=True)
    assert isinstance(desk.submit(), Accepted)
    assert desk.calls("refresh_token") == 1
    assert desk.state()["access_token"] != FIRST.access_token
    assert (desk.folder / "state" / "tokens.json").stat().st_mode & 0o777 == 0o600
    desk.kept.clear()
    assert isinstance(desk.submit(numbered(video_story(), 8)), Accepted)
    assert desk.calls("refresh_token") == 1, "a new process takes what was kept"


def test_tokens_near_their_end_are_renewed_before_the_call(desk: Desk) -> None:
    ending = vars(FIRST) | {"expires_in": 3600, "refresh_expires_in": 2 * 86_400}
    life = {"access_life_s": 15 * 86_400, "refresh_life_s": 30 * 86_400}
    desk.spec.tokens_file.write_text(json.dumps(ending))
    account = desk.account()
    account.api.ready(desk.attempt(desk.copy()))
    account.close()
    assert desk.calls("renew_refresh_token") == 0, "an hour of an hour is not near the end"
    kept = desk.state() | life
    (desk.folder / "state" / "tokens.json").write_text(json.dumps(kept))
    assert isinstance(desk.submit(), Accepted)
    assert desk.calls("renew_refresh_token") == 1
    assert desk.state()["refresh_token"] != FIRST.refresh_token
    assert desk.platform.calls("upload_video")[0]["outcome"] == "0"


def test_where_a_person_must_authorise_again(desk: Desk) -> None:
    desk.platform.control(token_expire_now=True, refresh_expire_now=True)
    refused = desk.submit()
    assert isinstance(refused, Refused)
    assert refused.field == "tokens_file"
    assert "重新授权" in refused.reason


def test_a_new_tokens_file_wins(desk: Desk) -> None:
    desk.submit()
    desk.spec.tokens_file.write_text(json.dumps(vars(FIRST) | {"access_token": "act.other"}))
    desk.kept.clear()
    assert isinstance(desk.submit(numbered(video_story(), 8)), Accepted)
    assert desk.state()["access_token"] == FIRST.access_token, "refused, refreshed, repeated"
    assert desk.calls("refresh_token") == 1


@pytest.mark.parametrize("text", ["", "[]", '{"access_token": "a"}'])
def test_an_unreadable_tokens_file_waits_for_the_operator(desk: Desk, text: str) -> None:
    desk.spec.tokens_file.write_text(text)
    with pytest.raises(TransientError, match=r"tokens\.json"):
        desk.submit()
    desk.spec.tokens_file.unlink()
    with pytest.raises(TransientError, match=r"tokens\.json"):
        desk.submit()


def test_no_token_is_logged(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.platform.control(token_expire_now=True)
    live = desk.publish()
    desk.recall(live)
    told = capsys.readouterr()
    for secret in (FIRST.access_token, FIRST.refresh_token, desk.state()["access_token"]):
        assert secret not in told.out + told.err
    assert "douyin.token_refreshed" in told.out


# a lost answer


@pytest.mark.parametrize("path", ["upload_video", "refresh_token"])
def test_a_lost_answer_before_the_create_is_harmless(desk: Desk, path: str) -> None:
    desk.platform.control(drop_answer_next={"path": path}, token_expire_now=True)
    with pytest.raises(TransientError):
        desk.submit()
    assert isinstance(desk.find(), Absent)
    assert isinstance(desk.submit(), Accepted)
    assert len(desk.platform.items()) == 1


def test_a_lost_create_that_was_carried_out(desk: Desk) -> None:
    desk.platform.control(drop_answer_next={"path": CREATE})
    with pytest.raises(UnknownOutcome):
        desk.submit()
    found = desk.find()
    assert isinstance(found, Accepted), "in review"
    desk.clock.advance(60)
    live = desk.confirm(found)
    assert isinstance(live, Live)
    (item,) = desk.platform.items()
    assert live.receipt.item_id == item["item_id"]
    assert live.receipt.media[0].address == item["video_id"]
    assert isinstance(desk.find(), Live)
    assert isinstance(desk.submit(), Live), "found again, not sent again"
    assert desk.calls(CREATE) == 1


@pytest.mark.parametrize(
    ("changes", "found"),
    [({}, CannotTell), ({"list_is_conclusive": True}, Absent)],
)
def test_a_lost_create_that_is_not_listed(
    desk: Desk, changes: dict[str, Any], found: type[object]
) -> None:
    """By itself the list proves nothing, unless the entry says that it does."""
    desk.spec = desk.spec.model_copy(update=changes)
    desk.platform.control(fail_next={"path": CREATE, "http_status": 502})
    with pytest.raises(UnknownOutcome):
        desk.submit()
    assert isinstance(desk.find(), found)
    if found is CannotTell:
        with pytest.raises(UnknownOutcome):
            desk.submit()
        assert desk.calls(CREATE) == 1
    else:
        assert isinstance(desk.submit(), Accepted)
        assert len(desk.platform.items()) == 1


def test_a_list_that_lags_is_asked_again(desk: Desk) -> None:
    lag = {"listing_lag_s": 300.0, "list_is_conclusive": True}
    desk.spec = desk.spec.model_copy(update=lag)
    desk.platform.control(drop_answer_next={"path": CREATE}, list_delay_s=60)
    with pytest.raises(UnknownOutcome):
        desk.submit()
    with pytest.raises(TransientError, match="not listed yet"):
        desk.find()
    desk.clock.advance(61)
    assert isinstance(desk.find(), Live)


def test_busy_is_repeated_only_after_a_look(desk: Desk) -> None:
    desk.platform.control(fail_next={"path": CREATE, "errcode": 28001005})
    with pytest.raises(TransientError):
        desk.submit()
    before = desk.calls("video_list")
    assert isinstance(desk.submit(), Accepted)
    assert desk.calls("video_list") == before + 1
    assert len(desk.platform.items()) == 1


def test_another_story_of_the_same_text_is_not_taken_for_it(desk: Desk) -> None:
    desk.submit()
    desk.kept.clear()
    other = numbered(video_story(), 8)
    assert isinstance(desk.find(other), Absent), "known to be the first story's"
    desk.platform.control(fail_next={"path": CREATE, "http_status": 502})
    with pytest.raises(UnknownOutcome):
        desk.submit(other)
    assert isinstance(desk.find(other), CannotTell)


def test_a_lost_record_goes_to_a_person(desk: Desk) -> None:
    """After a restore: an item of the same text is there, and nobody knows whose it is."""
    desk.publish()
    desk.kept.clear()
    (desk.folder / "state" / "items.json").unlink()
    assert isinstance(desk.find(), CannotTell)


def test_two_items_of_the_same_text_go_to_a_person(desk: Desk) -> None:
    for number in (8, 9):
        desk.kept.clear()
        desk.submit(numbered(video_story(), number))
    (desk.folder / "state" / "items.json").unlink()
    desk.kept.clear()
    desk.platform.control(fail_next={"path": CREATE, "http_status": 502})
    with pytest.raises(UnknownOutcome):
        desk.submit()
    assert isinstance(desk.find(), CannotTell)


@pytest.mark.parametrize("code", [28001012, 28003017])
def test_trouble_of_the_account_does_not_refuse_an_item(desk: Desk, code: int) -> None:
    taken = desk.submit()
    desk.platform.control(fail_next={"path": "video_data", "errcode": code})
    with pytest.raises(TransientError):
        desk.confirm(taken)


class Listed:
    """Stands for the API with answers as the real platform gives them."""

    def __init__(
        self, *pages: list[dict[str, Any]], shown: tuple[dict[str, Any], ...] = ()
    ) -> None:
        self.pages = pages
        self.shown = list(shown)

    def call(self, path: str, *_: Any, **asked: Any) -> dict[str, Any]:
        if "video_data" in path:
            return {"list": self.shown}
        cursor = int(asked["params"]["cursor"])
        more = cursor + 1 < len(self.pages)
        return {"list": self.pages[cursor], "cursor": str(cursor + 1), "has_more": more}


def entry(item_id: str, at: int = 100, **changes: Any) -> dict[str, Any]:
    made = {"item_id": item_id, "title": "题 #话", "create_time": at, "video_status": "5",
            "is_reviewed": True, "is_top": False, "share_url": "u"}  # fmt: skip
    return {**made, **changes}


def test_the_list_is_read_to_the_time_in_question(desk: Desk) -> None:
    old_pinned = entry("@pin", 1, is_top=True)
    pages: Any = Listed(
        [old_pinned, entry("@new", 300)], [entry("@a", 200), entry("@b", 99)], [entry("@c", 98)]
    )
    tried = desk.attempt(desk.copy())
    found = items_with_text(pages, "题  #话", 100, 5, tried)
    assert [item.item_id for item in found] == ["@new", "@a"]
    assert len(list(own_items(pages, 5, tried))) == 5
    assert len(list(own_items(pages, 1, tried))) == 2


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "public"),
        ({"video_status": 1}, "public"),
        ({"video_status": 1, "is_reviewed": False}, "in_review"),
        ({"video_status": 1, "create_time": 0}, "hidden"),
        ({"video_status": 2}, "refused"),
        ({"video_status": 4}, "in_review"),
        ({"video_status": 7}, "hidden"),
        ({"video_status": 99}, "in_review"),
    ],
)
def test_states(desk: Desk, changes: dict[str, Any], state: str) -> None:
    shown: Any = Listed(shown=(entry("@1", **changes),))
    item = state_of(shown, "@1", desk.attempt(desk.copy()))
    assert item is not None
    assert item.state == state
    assert state_of(shown, "@2", desk.attempt(desk.copy())) is None


# recall


def test_recall_reads_back(desk: Desk) -> None:
    live = desk.publish()
    assert isinstance(desk.recall(live), Recalled)
    assert isinstance(desk.recall(live), Recalled)
    assert desk.calls(DELETE) == 1
    assert desk.platform.items()[0]["deleted_at"] is not None


def test_a_lost_delete_is_done_again(desk: Desk) -> None:
    live = desk.publish()
    desk.platform.control(drop_answer_next={"path": DELETE})
    with pytest.raises(TransientError):
        desk.recall(live)
    assert isinstance(desk.recall(live), Recalled), "refused as unknown: it is gone"


def test_without_the_right_to_delete_a_person_does_it(desk: Desk) -> None:
    live = desk.publish()
    desk.platform.control(fail_next={"path": DELETE, "errcode": 28001018})
    answer = desk.recall(live)
    assert isinstance(answer, CannotRecall)
    assert answer.who == desk.spec.contact
    assert "手动删除" in answer.reason


def test_an_item_cannot_be_updated(desk: Desk) -> None:
    live = desk.publish()
    account, payload = desk.account(), desk.copy()
    answer = douyin.update(account, payload, live.receipt, desk.attempt(payload))
    account.close()
    assert answer.code == "no_update"


def test_a_variant_headline_is_the_text(desk: Desk) -> None:
    story = video_story(variants={"douyin": Variant(headline="抖音标题")}, keywords=())
    assert isinstance(desk.submit(story), Accepted)
    assert desk.platform.items()[0]["text"] == "抖音标题"
