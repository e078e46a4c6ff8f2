"""WeChat: copies, each class of error, crashes and lost answers, recall; against its simulator."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from dataclasses import replace as put
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from lxml import html as markup
from pydantic import JsonValue, ValidationError
from starlette.responses import PlainTextResponse

from consumers.channels import wechat
from consumers.wechat_articles import Deleted, Published, listed
from consumers.wechat_html import WATCH
from deploy.simulators import wechat as platform
from schemas.body import (
    Correction,
    Divider,
    Heading,
    Image,
    ListItem,
    Paragraph,
    Quote,
    Span,
    Table,
)
from schemas.channel import (
    Absent,
    Accepted,
    Attempt,
    AwaitingPerson,
    CannotRecall,
    CannotTell,
    Live,
    Recalled,
    Refused,
)
from schemas.errors import PermanentError, TransientError, UnknownOutcome
from schemas.hashing import canonical, sha256
from schemas.rendition import RecipeName, parse_placeholder
from schemas.story import Story, TopicRequest, Variant
from tests.conformance.platform import MovedClock, PlatformDesk, Switch
from tests.conformance.samples import corrected, every_block, files_of, numbered
from tests.fakes import FakeMedia, attempt, outside, text_story, video_story
from tests.loopback import served

GOLDEN = Path(__file__).parents[3] / "golden" / "wechat" / "article.json"
ENTRY: dict[str, Any] = {
    "id": "wechat",
    "module": "wechat",
    "name": "微信公众号",
    "family": "wechat",
    "wave": 1,
    "appid": "wxapp",
    "secret_file": "/nowhere",
    "story_url": "https://www.example.com/a/{number}.html",
    "listing_lag_s": 0,
}
SPEC = wechat.Spec.model_validate(ENTRY)
SUBMIT, DELETE = "/freepublish/submit", "/freepublish/delete"


@dataclass
class Desk:
    """One account at the simulated platform, and one story's release on its way there."""

    folder: Path
    platform: PlatformDesk
    clock: MovedClock
    spec: wechat.Spec
    media: FakeMedia
    kept: dict[str, JsonValue] = field(default_factory=dict)
    spent: list[str] = field(default_factory=list)

    def account(self) -> wechat.Account:
        return wechat.connect(self.spec, outside(self.folder / "state"))

    def attempt(self, payload: wechat.Payload, story: Story | None = None) -> Attempt:
        made = attempt(
            self.media, "wechat", story=story, checkpoints=self.kept,
            payload_sha256=sha256(canonical(payload)),
        )  # fmt: skip
        return put(made, spend=self.spent.append)

    def copy(self, story: Story | None = None) -> wechat.Payload:
        payload = wechat.render(story or text_story(), self.spec)
        for found in re.findall(r"asset://\w+/\w+", payload.content + payload.cover):
            source, recipe = parse_placeholder(found)
            if found not in self.media.known:
                self.media.put(found, *files_of(cast("RecipeName", recipe), source))
        return payload

    def submit(self, story: Story | None = None) -> Live | Accepted | AwaitingPerson | Refused:
        payload, account = self.copy(story), self.account()
        try:
            return wechat.submit(account, payload, self.attempt(payload, story))
        finally:
            account.close()

    def find(self) -> Live | Accepted | Absent | CannotTell:
        payload, account = self.copy(), self.account()
        try:
            return wechat.find(account, payload, self.attempt(payload))
        finally:
            account.close()

    def confirm(self, taken: object) -> Live | Accepted | Refused:
        assert isinstance(taken, Accepted)
        payload, account = self.copy(), self.account()
        try:
            return wechat.confirm(account, payload, taken.handle, self.attempt(payload))
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
            return wechat.recall(account, live.receipt, "有误", self.attempt(self.copy()))
        finally:
            account.close()

    def calls(self, path: str) -> int:
        return len(self.platform.calls(path))


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
        tmp_path / "platform", app_id="wxapp", secret="s3cret", clock=clock
    )
    secret = tmp_path / "wechat.secret"
    secret.write_text("s3cret\n")
    spec = SPEC.model_copy(update={"api_base": base, "secret_file": secret})
    with PlatformDesk(base) as platform_desk:
        yield Desk(tmp_path, platform_desk, clock, spec, FakeMedia(tmp_path / "media"))


def words_of(tree: Any) -> str:
    return "".join(tree.itertext())


# the copy


def test_golden() -> None:
    made = wechat.render(text_story(), SPEC).model_dump_json(indent=1) + "\n"
    assert made == GOLDEN.read_text(encoding="utf-8")


def test_only_what_wechat_shows_is_sent() -> None:
    content = wechat.render(every_block(text_story()), SPEC).content
    tree = markup.fromstring(content)
    names = {name for element in tree.iter() for name in element.attrib}
    assert names == {"style", "src", "alt"}
    tags = {str(element.tag) for element in tree.iter()}
    assert not tags & {"a", "video", "script", "style", "iframe", "div", "form"}
    assert all(str(img.get("src")).startswith("asset://") for img in tree.iter("img"))
    assert "（https://example.com/a?b=1&c=2）" in words_of(tree), "a link's address stays"


def test_markup_in_a_story_stays_text() -> None:
    evil = '<img src="asset://' + "0" * 64 + '/wechat_image"><script>x</script>"\' onload='
    story = text_story(body=(Paragraph(spans=(Span(text=evil),)), Heading(text=evil[:100])))
    tree = markup.fromstring(wechat.render(story, SPEC).content)
    assert evil in words_of(tree)
    assert [*tree.iter("img"), *tree.iter("script")] == []


def test_text_of_every_field_reaches_the_reader_as_written() -> None:
    odd = '<b>&amp;</b> 1 < 2 "引"'
    asked = TopicRequest(id="D1", asked=odd)
    body = (
        Quote(spans=(Span(text=odd, href="https://e.cn/?a=1&b=2"),), cite=odd),
        ListItem(spans=(Span(text=odd, strong=True, em=True),)),
        Image(media="p1", caption=odd, alt=odd, credit=odd),
        Table(caption=odd, rows=((odd, odd),)),
        Correction(text=odd),
    )
    story = text_story(
        body=body, lead=odd, byline=odd, source=odd, correction=odd, answers=asked, headline=odd
    )
    payload = wechat.render(story, SPEC)
    assert payload.title == odd
    tree = markup.fromstring(payload.content)
    assert words_of(tree).count(odd) == 14
    assert [img.get("alt") for img in tree.iter("img")] == [odd]
    assert "<b>" not in payload.content


def test_a_video_story_points_to_the_original() -> None:
    payload = wechat.render(video_story(), SPEC)
    clip = video_story().assets[0].sha256
    assert f"asset://{clip}/wechat_image" in payload.content
    assert WATCH in payload.content
    assert payload.cover == f"asset://{clip}/wechat_cover"
    assert payload.source_url == "https://www.example.com/a/7.html"


def test_a_story_without_media_takes_the_default_cover() -> None:
    story = text_story(body=(Paragraph(spans=(Span(text="正文"),)), Divider()), assets=())
    assert wechat.render(story, SPEC).cover == ""
    assert SPEC.default_cover.read_bytes()[:2] == b"\xff\xd8"


def test_a_correction_stands_above_the_text() -> None:
    content = wechat.render(corrected(text_story()), SPEC).content
    words = words_of(markup.fromstring(content))
    assert words.startswith("更正：原稿把")


def test_a_long_byline_is_shown_in_full_below() -> None:
    byline = "本报记者 禾小满 云岭乡通讯员 谷丰收 实习生 麦青青"
    payload = wechat.render(text_story(byline=byline), SPEC)
    assert payload.author == "青禾县融媒体中心"
    assert byline in payload.content


def test_the_digest_is_a_written_lead_or_left_to_wechat() -> None:
    long = "长" * 200
    opening = (Paragraph(spans=(Span(text=long),)),)
    assert wechat.render(text_story(lead="", body=opening, assets=()), SPEC).digest == ""
    own = {"wechat": Variant(lead="短导语")}
    payload = wechat.render(text_story(lead=long, variants=own), SPEC)
    assert payload.digest == "短导语"
    assert long not in payload.content


@pytest.mark.parametrize(
    ("changes", "field", "actual", "limit", "next_step"),
    [
        ({"headline": "标" * 33}, "headline", "33", "32", "variants.wechat.headline"),
        ({"lead": "导" * 129}, "lead", "129", "128", "variants.wechat.lead"),
        (
            {"body": tuple(Paragraph(spans=(Span(text="字" * 500),)) for _ in range(40))},
            "body", "2", "19999", "缩短正文",
        ),
    ],
)  # fmt: skip
def test_limits_are_named(
    changes: dict[str, Any], field: str, actual: str, limit: str, next_step: str
) -> None:
    with pytest.raises(PermanentError) as found:
        wechat.render(text_story(**changes), SPEC)
    fault = found.value.faults[0]
    assert fault.field == field
    assert actual in fault.reason
    assert limit in fault.reason
    assert next_step in fault.next_step


def test_just_within_the_limits() -> None:
    payload = wechat.render(text_story(headline="标" * 32, lead="导" * 128), SPEC)
    assert (len(payload.title), len(payload.digest)) == (32, 128)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"api_base": "http://api.example.com"}, "https"),
        ({"story_url": "https://www.example.com/"}, "number"),
        ({"story_url": "https://www.example.com/{day}"}, "number"),
        ({"mode": "mass"}, "draft_only"),
        ({"limits": {"titel": 3}}, "titel"),
        ({"secret": "in the open"}, "secret"),
    ],
)
def test_a_wrong_entry_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        wechat.Spec.model_validate({**ENTRY, **changes})


def test_a_quota_that_is_not_named_keeps_its_default() -> None:
    spec = wechat.Spec.model_validate({**ENTRY, "quota": {"submit": 3}})
    assert (spec.quota["submit"], spec.quota["delete"]) == (3, 10)


# publishing


def test_from_draft_to_receipt(desk: Desk) -> None:
    taken = desk.submit()
    assert isinstance(taken, Accepted)
    assert isinstance(desk.confirm(taken), Accepted)
    desk.clock.advance(60)
    live = desk.confirm(taken)
    assert isinstance(live, Live)
    (item,) = desk.platform.items()
    receipt = live.receipt
    assert (receipt.item_id, receipt.url) == (item["article_id"], item["url"])
    assert receipt.text_sha256 == item["content_sha256"]
    marker = desk.attempt(desk.copy()).marker
    assert item["source_url"] == f"https://www.example.com/a/7.html?r={marker}"
    assert item["title"] == text_story().headline
    page = desk.platform.page(item["url"])
    assert "梯田开镰" in page
    pictures = [m for m in receipt.media if m.placeholder.endswith("wechat_image")]
    assert len(pictures) == 2
    assert all(urlsplit(m.address).path in page for m in pictures)


def test_pictures_and_token_are_asked_for_once(desk: Desk) -> None:
    desk.submit()
    desk.kept.clear()
    assert isinstance(desk.submit(numbered(text_story(), 8)), Accepted)
    assert desk.calls("uploadimg") == 2
    assert desk.calls("add_material") == 1
    assert desk.calls("stable_token") == 1
    for name in ("token.json", "uploads.json"):
        assert (desk.folder / "state" / name).stat().st_mode & 0o777 == 0o600


def test_a_story_without_pictures_is_published(desk: Desk) -> None:
    story = text_story(body=(Paragraph(spans=(Span(text="只有文字。"),)),), assets=())
    assert isinstance(desk.submit(story), Accepted)
    lone = desk.spec.model_copy(update={"default_cover": desk.folder / "none.jpg"})
    desk.spec, desk.kept = lone, {}
    refused = desk.submit(numbered(story, 8))
    assert isinstance(refused, Refused)
    assert refused.field == "default_cover"


def test_an_expired_token_is_renewed_once(desk: Desk) -> None:
    desk.submit()
    desk.kept.clear()
    desk.platform.control(token_expire_now=True)
    assert isinstance(desk.submit(numbered(text_story(), 8)), Accepted)
    assert desk.calls("stable_token") == 2
    assert "token_force" not in desk.spent


def test_a_token_refused_before_its_end_is_forced(desk: Desk) -> None:
    desk.platform.control(fail_next={"path": "draft/add", "errcode": 40001})
    assert isinstance(desk.submit(), Accepted)
    assert desk.spent.count("token_force") == 1
    desk.kept.clear()
    desk.platform.control(fail_next={"path": "draft/add", "errcode": 40001})
    with pytest.raises(TransientError, match="forced a moment ago"):
        desk.submit(numbered(text_story(), 8))
    assert desk.spent.count("token_force") == 1


def test_a_missing_secret_waits_for_the_operator(desk: Desk) -> None:
    desk.spec.secret_file.unlink()
    with pytest.raises(TransientError, match=r"wechat\.secret"):
        desk.submit()


@pytest.mark.parametrize(("code", "least_s"), [(45009, 30), (45011, 60), (-1, 15), (53501, 900)])
@pytest.mark.parametrize("path", ["media/uploadimg", "draft/add", SUBMIT])
def test_later(desk: Desk, path: str, code: int, least_s: float) -> None:
    desk.platform.control(fail_next={"path": path, "errcode": code})
    with pytest.raises(TransientError) as found:
        desk.submit()
    assert found.value.retry_after_s is not None
    assert least_s <= found.value.retry_after_s <= 86_400 + 30
    assert isinstance(desk.submit(), Accepted)
    assert len(desk.platform.items()) == 1


@pytest.mark.parametrize(
    ("path", "code", "field", "words"),
    [
        ("stable_token", 40164, "account", "IP 白名单"),
        ("stable_token", 40125, "secret_file", "AppSecret"),
        ("stable_token", 40001, "secret_file", "AppSecret"),
        ("media/uploadimg", 40009, "media", "图片太大"),
        ("draft/add", 45003, "headline", "variants.wechat.headline"),
        ("draft/add", 45166, "body", "正文"),
        ("draft/add", 99999, "wechat", "99999"),
        (SUBMIT, 53503, "body", "发布检查"),
        (SUBMIT, 53500, "account", "禁止发布"),
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


@pytest.mark.parametrize("code", [48001, 53504, 53505])
def test_without_the_right_to_publish_a_person_does_it(desk: Desk, code: int) -> None:
    desk.platform.control(fail_next={"path": SUBMIT, "errcode": code})
    answer = desk.submit()
    assert isinstance(answer, AwaitingPerson)
    draft = desk.kept["draft"]
    assert isinstance(draft, dict)
    assert answer.package == draft["media_id"]
    assert "mp.weixin.qq.com" in answer.reason


def test_draft_only(desk: Desk) -> None:
    desk.spec = desk.spec.model_copy(update={"mode": "draft_only"})
    first, again = desk.submit(), desk.submit()
    assert isinstance(first, AwaitingPerson)
    assert first == again
    assert desk.calls(SUBMIT) == 0
    assert desk.calls("draft/add") == 1


def test_a_cover_that_left_the_library_is_uploaded_again(desk: Desk) -> None:
    desk.submit()
    desk.kept.clear()
    desk.platform.control(fail_next={"path": "draft/add", "errcode": 40007})
    with pytest.raises(TransientError):
        desk.submit(numbered(text_story(), 8))
    assert isinstance(desk.submit(numbered(text_story(), 8)), Accepted)
    assert desk.calls("add_material") == 2


def test_a_picture_over_the_limit_is_named(desk: Desk) -> None:
    payload = desk.copy()
    found = re.findall(r"asset://\w+/wechat_image", payload.content)[0]
    desk.media.put(found, ("a.jpg", b"\xff\xd8" * 500_000, "image/jpeg"))
    account = desk.account()
    refused = wechat.submit(account, payload, desk.attempt(payload))
    account.close()
    assert isinstance(refused, Refused)
    assert "1000000" in refused.reason
    assert desk.calls("draft/add") == 0


# a lost answer


@pytest.mark.parametrize("path", ["stable_token", "media/uploadimg", "add_material", "draft/add"])
def test_a_lost_answer_before_the_submit_is_harmless(desk: Desk, path: str) -> None:
    desk.platform.control(drop_answer_next={"path": path})
    with pytest.raises(TransientError):
        desk.submit()
    assert isinstance(desk.submit(), Accepted)
    assert len(desk.platform.items()) == 1


def test_a_lost_submit_that_was_carried_out(desk: Desk) -> None:
    desk.platform.control(drop_answer_next={"path": SUBMIT}, publish_delay_s=30)
    with pytest.raises(UnknownOutcome):
        desk.submit()
    assert isinstance(desk.find(), CannotTell), "the job runs: neither in the box nor listed"
    desk.clock.advance(31)
    found = desk.find()
    assert isinstance(found, Live)
    (item,) = desk.platform.items()
    assert found.receipt.item_id == item["article_id"]
    assert found.receipt.text_sha256 == item["content_sha256"]
    assert {m.placeholder for m in found.receipt.media} != set()


def test_a_lost_submit_is_asked_again_while_the_list_may_lag(desk: Desk) -> None:
    desk.spec = desk.spec.model_copy(update={"listing_lag_s": 300.0})
    desk.platform.control(drop_answer_next={"path": SUBMIT}, publish_delay_s=30)
    with pytest.raises(UnknownOutcome):
        desk.submit()
    with pytest.raises(TransientError, match="not listed yet"):
        desk.find()
    with pytest.raises(TransientError):
        desk.submit()
    assert desk.calls(SUBMIT) == 1


@pytest.mark.parametrize("fault", [{"http_status": 502}, {"http_status": 500}])
def test_a_lost_submit_that_was_not_carried_out(desk: Desk, fault: dict[str, Any]) -> None:
    desk.platform.control(fail_next={"path": SUBMIT, **fault})
    with pytest.raises(UnknownOutcome):
        desk.submit()
    assert isinstance(desk.find(), Absent)
    assert isinstance(desk.submit(), Accepted)
    assert desk.calls("draft/add") == 1
    assert len(desk.platform.items()) == 1


def test_submit_after_a_crash_never_guesses(desk: Desk) -> None:
    """The mark says that a submit may have left; the draft is gone; nothing is listed."""
    desk.submit()
    del desk.kept["published"]
    with pytest.raises(UnknownOutcome):
        desk.submit()
    desk.clock.advance(60)
    assert isinstance(desk.submit(), Live)
    assert len(desk.platform.items()) == 1


def test_a_lost_record_is_found_by_the_marker(desk: Desk) -> None:
    """After a restore from a backup that is older than the publication."""
    live = desk.publish()
    desk.kept.clear()
    found = desk.find()
    assert isinstance(found, Live)
    assert found.receipt.item_id == live.receipt.item_id
    account = desk.account()
    wechat.recall(account, live.receipt, "有误", desk.attempt(desk.copy()))
    account.close()
    desk.kept.clear()
    assert isinstance(desk.find(), CannotTell), "it was public once: not sent again by itself"


def test_an_account_that_may_not_list_has_published_nothing(desk: Desk) -> None:
    desk.platform.control(fail_next={"path": "freepublish/batchget", "errcode": 48001})
    assert isinstance(desk.find(), Absent)


def test_find_with_the_accounts_trouble_tells_nothing(desk: Desk) -> None:
    desk.platform.control(fail_next={"path": "freepublish/batchget", "errcode": 50002})
    assert isinstance(desk.find(), CannotTell)


class Pages:
    """Stands for the API where the list leaves out whole entries, as one reading of the platform's
    document of ``no_content`` has it."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.asked: list[tuple[int, int]] = []

    def call(self, _path: str, body: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        self.asked.append((body["offset"], body["no_content"]))
        items = []
        for n in range(body["offset"], min(body["offset"] + body["count"], self.total)):
            news = {
                "content_source_url": f"https://e.cn/a?r=m{n:03}",
                "url": f"u{n}",
                "is_deleted": n == 30,
            }
            content = {} if body["no_content"] else {"content": {"news_item": [news]}}
            items.append({"article_id": f"id{n}", **content})
        return {"total_count": self.total, "item": items}


def test_the_list_is_read_page_by_page(desk: Desk) -> None:
    pages: Any = Pages(45)
    tried = desk.attempt(desk.copy())
    found = listed(pages, "m041", 5, tried)
    assert isinstance(found, Published)
    assert found.article_id == "id41"
    assert isinstance(listed(pages, "m030", 5, tried), Deleted)
    assert listed(pages, "m041", 2, tried) is None
    pages.asked.clear()
    assert listed(pages, "m999", 9, tried) is None
    assert [offset for offset, no_content in pages.asked if no_content] == [0, 20, 40]


# the outcome


@pytest.mark.parametrize(("status", "code"), [(2, "originality"), (3, "failed"), (4, "review")])
def test_a_job_that_fails_is_refused(desk: Desk, status: int, code: str) -> None:
    desk.platform.control(next_publish_status=status)
    taken = desk.submit()
    desk.clock.advance(60)
    refused = desk.confirm(taken)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert isinstance(desk.find(), Accepted), "asking again tells the same"


def test_what_was_taken_down_since_is_told(desk: Desk) -> None:
    taken = desk.submit()
    desk.clock.advance(60)
    live = desk.confirm(taken)
    assert isinstance(live, Live)
    desk.recall(live)
    gone = desk.confirm(taken)
    assert isinstance(gone, Refused)
    assert gone.code == "removed_by_author"


@pytest.mark.parametrize("code", [48001, 40164, 53502, 45009])
def test_trouble_of_the_account_does_not_refuse_an_article(desk: Desk, code: int) -> None:
    taken = desk.submit()
    desk.platform.control(fail_next={"path": "freepublish/get", "errcode": code})
    with pytest.raises(TransientError):
        desk.confirm(taken)


# recall


def test_recall_spends_one_delete(desk: Desk) -> None:
    live = desk.publish()
    assert isinstance(desk.recall(live), Recalled)
    assert isinstance(desk.recall(live), Recalled)
    assert desk.calls(DELETE) == 1
    assert desk.spent.count("delete") == 1
    assert desk.platform.items()[0]["deleted_at"] is not None


def test_a_lost_delete_is_not_spent_twice(desk: Desk) -> None:
    live = desk.publish()
    desk.platform.control(drop_answer_next={"path": DELETE})
    with pytest.raises(TransientError):
        desk.recall(live)
    assert isinstance(desk.recall(live), Recalled)
    assert desk.calls(DELETE) == 1


def test_an_article_that_somebody_deleted_before_is_recalled(desk: Desk) -> None:
    live = desk.publish()
    desk.recall(live)
    desk.kept.clear()
    assert isinstance(desk.recall(live), Recalled)


@pytest.mark.parametrize("code", [45009, 48001, 50002])
def test_where_a_person_must_delete(desk: Desk, code: int) -> None:
    live = desk.publish()
    desk.platform.control(fail_next={"path": DELETE, "errcode": code})
    answer = desk.recall(live)
    assert isinstance(answer, CannotRecall)
    assert answer.who == desk.spec.contact
    assert "手动删除" in answer.reason


def test_our_own_count_of_deletes_sends_a_person_too(desk: Desk) -> None:
    live = desk.publish()

    def used_up(verb: str) -> None:
        if verb == "delete":
            raise TransientError("today's quota is used up", retry_after_s=3600)

    account, tried = desk.account(), put(desk.attempt(desk.copy()), spend=used_up)
    answer = wechat.recall(account, live.receipt, "有误", tried)
    account.close()
    assert isinstance(answer, CannotRecall)
    assert desk.calls(DELETE) == 0


def test_an_article_that_is_still_shown_is_not_called_recalled(desk: Desk) -> None:
    live = desk.publish()
    desk.platform.control(fail_next={"path": DELETE, "errcode": 53600})
    with pytest.raises(TransientError, match="still shows"):
        desk.recall(live)


def test_an_article_cannot_be_updated(desk: Desk) -> None:
    live = desk.publish()
    account, payload = desk.account(), desk.copy()
    answer = wechat.update(account, payload, live.receipt, desk.attempt(payload))
    account.close()
    assert answer.code == "no_update"


def test_no_secret_is_logged(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.platform.control(fail_next={"path": "draft/add", "errcode": 40001})
    live = desk.publish()
    desk.recall(live)
    told = capsys.readouterr()
    token = (desk.folder / "state" / "token.json").read_text().split('"access_token": "')[1][:40]
    for secret in ("s3cret", token):
        assert secret not in told.out + told.err
    assert "wechat.token_renewed" in told.out


def test_a_picture_named_twice_is_sent_once(desk: Desk) -> None:
    body = (*text_story().body, Image(key="x", media="p1", caption="又一次"))
    assert isinstance(desk.submit(text_story(body=body)), Accepted)
    assert desk.calls("uploadimg") == 2
