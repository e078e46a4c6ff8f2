from pathlib import Path
from typing import Any

import pytest

from deploy.simulators.wechat_rules import DAILY_QUOTAS
from tests.unit.deploy.simulators.callers import StandingClock, WechatCaller, picture


def publish(wechat: WechatCaller, clock: StandingClock, **changes: Any) -> dict[str, Any]:
    """A published article: the answer of ``freepublish/get``."""
    publish_id = wechat.submit(wechat.draft(**changes))["publish_id"]
    clock.advance(2)
    return wechat.status(publish_id)


def page_of(wechat: WechatCaller, answer: dict[str, Any]) -> str:
    return wechat.request("GET", answer["article_detail"]["item"][0]["article_url"]).text


def test_a_submit_is_only_queued_and_done_seconds_later(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    answer = wechat.submit(wechat.draft())
    assert answer["errcode"] == 0
    assert answer["msg_data_id"]
    running = wechat.status(answer["publish_id"])
    assert running["publish_status"] == 1
    assert "article_id" not in running
    assert wechat.call("freepublish/batchget", {"offset": 0, "count": 5})["total_count"] == 0
    clock.advance(1.999)
    assert wechat.status(answer["publish_id"])["publish_status"] == 1
    clock.advance(0.001)
    done = wechat.status(answer["publish_id"])
    assert done["publish_status"] == 0
    assert done["article_detail"]["count"] == 1
    assert done["article_detail"]["item"][0]["idx"] == 1


def test_the_reader_finds_title_account_date_text_picture_and_link(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    url = wechat.upload("media/uploadimg", picture())["url"]
    content = f'<p>第一段 &amp; 余下</p><img src="{url}">'
    text = page_of(wechat, publish(wechat, clock, title="标题 <b>&", content=content))
    assert "<h1>标题 &lt;b&gt;&amp;</h1>" in text
    assert "青禾融媒" in text
    assert "2026年11月24日 12:00" in text
    assert "第一段 &amp; 余下" in text
    assert 'src="/mmbiz_jpg/' in text
    assert '<a href="http://127.0.0.1:7401/a/0192.html" rel="noreferrer">阅读原文</a>' in text


def test_a_published_draft_has_left_the_box_and_cannot_be_used_again(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    media_id = wechat.draft()
    wechat.submit(media_id)
    for _ in range(2):
        assert wechat.submit(media_id)["errcode"] == 40007
        assert wechat.call("draft/get", {"media_id": media_id})["errcode"] == 40007
        assert wechat.call("draft/count", method="GET") == {"total_count": 0}
        clock.advance(10)
    assert len(wechat.items()) == 1


def test_a_draft_may_also_leave_late_and_then_a_second_submit_publishes_twice(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    wechat.control(draft_leaves_box="at_publish")
    media_id = wechat.draft()
    wechat.submit(media_id)
    wechat.submit(media_id)
    clock.advance(5)
    assert wechat.call("draft/get", {"media_id": media_id})["errcode"] == 40007
    assert wechat.call("freepublish/batchget", {"offset": 0, "count": 5})["total_count"] == 2


def test_nothing_guards_against_publishing_the_same_words_twice(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    article = wechat.article()
    ids = {publish(wechat, clock, **article)["article_id"] for _ in range(2)}
    assert len(ids) == 2
    assert wechat.call("freepublish/batchget", {"offset": 0, "count": 5})["total_count"] == 2


@pytest.mark.parametrize("verdict", [2, 3, 4])
def test_a_publication_can_fail_afterwards(
    wechat: WechatCaller, clock: StandingClock, verdict: int
) -> None:
    wechat.control(next_publish_status=verdict)
    media_id = wechat.draft()
    publish_id = wechat.submit(media_id)["publish_id"]
    assert wechat.status(publish_id)["publish_status"] == 1
    clock.advance(2)
    failed = wechat.status(publish_id)
    assert (failed["publish_status"], failed["fail_idx"]) == (verdict, [1])
    assert "article_id" not in failed
    assert wechat.call("freepublish/batchget", {"offset": 0, "count": 5})["total_count"] == 0
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"]
    assert publish(wechat, clock)["publish_status"] == 0


@pytest.mark.parametrize("publish_id", ["999", "abc", None])
def test_an_unknown_publish_id_is_refused(wechat: WechatCaller, publish_id: object) -> None:
    assert wechat.call("freepublish/get", {"publish_id": publish_id})["errcode"] == 53502


def test_the_list_carries_what_a_reconcile_needs(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    first = publish(wechat, clock, content_source_url="http://site/1.html")
    second = publish(wechat, clock, content_source_url="http://site/2.html")
    page = wechat.call("freepublish/batchget", {"offset": 0, "count": 20, "no_content": 1})
    assert [one["article_id"] for one in page["item"]] == [
        second["article_id"],
        first["article_id"],
    ]
    [news] = page["item"][1]["content"]["news_item"]
    assert news["content_source_url"] == "http://site/1.html"
    assert news["is_deleted"] is False
    assert news["url"] == first["article_detail"]["item"][0]["article_url"]
    assert "content" not in news


def test_a_late_list_does_not_show_what_was_just_published(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    wechat.control(list_delay_s=30)
    publish(wechat, clock)
    assert wechat.call("freepublish/batchget", {"offset": 0, "count": 5})["total_count"] == 0
    clock.advance(30)
    assert wechat.call("freepublish/batchget", {"offset": 0, "count": 5})["total_count"] == 1


def test_a_deleted_article_shows_the_platforms_page(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    published = publish(wechat, clock)
    article_id = published["article_id"]
    assert wechat.call("freepublish/delete", {"article_id": article_id, "index": 1})["errcode"] == 0
    text = page_of(wechat, published)
    assert "该内容已被发布者删除" in text
    assert "三条线路" not in text
    [news] = wechat.call("freepublish/getarticle", {"article_id": article_id})["news_item"]
    assert news["is_deleted"] is True
    assert wechat.status(published["publish_id"])["publish_status"] == 5
    assert wechat.call("freepublish/delete", {"article_id": article_id})["errcode"] == 53600
    assert wechat.items()[0]["deleted_at"] == clock.now_ms


def test_one_of_several_articles_can_be_deleted(wechat: WechatCaller, clock: StandingClock) -> None:
    articles = [wechat.article(title="甲"), wechat.article(title="乙")]
    media_id = wechat.call("draft/add", {"articles": articles})["media_id"]
    publish_id = wechat.submit(media_id)["publish_id"]
    clock.advance(2)
    article_id = wechat.status(publish_id)["article_id"]
    wrong = wechat.call("freepublish/delete", {"article_id": article_id, "index": 3})
    assert wrong["errcode"] == 40060
    assert wechat.call("freepublish/delete", {"article_id": article_id, "index": 2})["errcode"] == 0
    news = wechat.call("freepublish/getarticle", {"article_id": article_id})["news_item"]
    assert [one["is_deleted"] for one in news] == [False, True]
    assert wechat.status(publish_id)["publish_status"] == 0
    assert wechat.call("freepublish/delete", {"article_id": article_id})["errcode"] == 0
    assert wechat.status(publish_id)["publish_status"] == 5


@pytest.mark.parametrize("path", ["freepublish/delete", "freepublish/getarticle"])
def test_an_unknown_article_id_is_refused(wechat: WechatCaller, path: str) -> None:
    assert wechat.call(path, {"article_id": "unknown"})["errcode"] == 53600


def test_an_account_without_the_right_may_only_keep_drafts(
    tmp_path: Path, clock: StandingClock
) -> None:
    wechat = WechatCaller(tmp_path, clock, publish_allowed=False)
    media_id = wechat.draft()
    for name in ("submit", "get", "delete", "getarticle", "batchget"):
        answer = wechat.call(f"freepublish/{name}", {"media_id": media_id})
        assert answer["errcode"] == 48001
    assert wechat.call("draft/get", {"media_id": media_id})["news_item"]


@pytest.mark.parametrize("name", [name for name, calls in DAILY_QUOTAS.items() if calls <= 100])
def test_a_days_calls_are_counted_whatever_they_gave(
    wechat: WechatCaller, clock: StandingClock, name: str
) -> None:
    body = {"media_id": "x", "publish_id": "1", "article_id": "x"}
    for _ in range(DAILY_QUOTAS[name]):
        assert wechat.call(name, body).get("errcode") != 45009
    assert wechat.call(name, body)["errcode"] == 45009
    clock.go_to(2026, 11, 24, 23, 59)
    assert wechat.call(name, body)["errcode"] == 45009
    clock.go_to(2026, 11, 25, 0, 0)
    assert wechat.call(name, body).get("errcode") != 45009


def test_a_quota_can_be_set_by_a_test_and_is_used_up_without_effect(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    wechat.control(quota={"freepublish/submit": 1})
    kept = wechat.draft()
    publish(wechat, clock)
    assert wechat.submit(kept)["errcode"] == 45009
    assert wechat.call("draft/get", {"media_id": kept})["news_item"]


def test_the_front_page_lists_articles_and_drafts(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    publish(wechat, clock, title="还在的文章")
    gone = publish(wechat, clock, title="撤下的文章")
    wechat.call("freepublish/delete", {"article_id": gone["article_id"]})
    wechat.draft(title="写了一半")
    text = wechat.request("GET", "/").text
    assert "已发表 1 篇 · 草稿箱 1 篇" in text
    assert "还在的文章" in text
    assert "已删除" in text
    assert "写了一半" in text


def test_an_unknown_page_is_not_found(wechat: WechatCaller) -> None:
    assert wechat.request("GET", "/s/unknown").status_code == 404
    assert wechat.request("GET", "/mmbiz_jpg/unknown/0").status_code == 404
