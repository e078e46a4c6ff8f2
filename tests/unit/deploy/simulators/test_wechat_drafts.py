import json
from typing import Any

import pytest

from tests.unit.deploy.simulators.callers import StandingClock, WechatCaller, picture


def test_a_draft_comes_back_as_it_was_sent(wechat: WechatCaller) -> None:
    sent = wechat.article(digest="三条线路今天发车", need_open_comment=1)
    media_id = wechat.call("draft/add", {"articles": [sent]})["media_id"]
    [kept] = wechat.call("draft/get", {"media_id": media_id})["news_item"]
    assert {key: kept[key] for key in sent} == sent
    assert not [key for key in kept if key.startswith("_")]
    preview = wechat.request("GET", kept["url"])
    assert "草稿预览" in preview.text
    assert sent["title"] in preview.text


@pytest.mark.parametrize(
    ("field", "fits", "too_long", "code"),
    [
        ("title", "题" * 32, "题" * 33, 45003),
        ("author", "名" * 16, "名" * 17, 45110),
        ("digest", "摘" * 128, "摘" * 129, 45004),
        ("content", "字" * 19_999, "字" * 20_000, 45002),
        ("content_source_url", "http://a/" + "x" * 1015, "http://a/" + "x" * 1016, 45005),
    ],
)
def test_each_length_limit_holds_to_the_character(
    wechat: WechatCaller, field: str, fits: str, too_long: str, code: int
) -> None:
    assert wechat.draft(**{field: fits})
    answer = wechat.call("draft/add", {"articles": [wechat.article(**{field: too_long})]})
    assert answer["errcode"] == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": ""}, 40227),
        ({"title": 7}, 47001),
        ({"content": " "}, 44004),
        ({"content": ["a"]}, 47001),
        ({"thumb_media_id": ""}, 40007),
        ({"thumb_media_id": "unknown"}, 40007),
        ({"article_type": "newspic"}, 40097),
        ({"need_open_comment": 2}, 47001),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(
    wechat: WechatCaller, changes: dict[str, Any], code: int
) -> None:
    answer = wechat.call("draft/add", {"articles": [wechat.article(**changes)]})
    assert answer["errcode"] == code
    assert wechat.call("draft/count", method="GET") == {"total_count": 0}


def test_the_cover_must_be_a_permanent_picture(wechat: WechatCaller) -> None:
    video = wechat.upload(
        "material/add_material",
        b"\0\0\0\x18ftypmp42",
        data={"description": "{}"},
        params={"type": "video"},
    )
    thumb = wechat.upload("material/add_material", picture(), params={"type": "thumb"})
    bad = wechat.article(thumb_media_id=video["media_id"])
    assert wechat.call("draft/add", {"articles": [bad]})["errcode"] == 40007
    assert wechat.draft(thumb_media_id=thumb["media_id"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 47001),
        ({"articles": {}}, 47001),
        ({"articles": []}, 44003),
        ({"articles": ["text"]}, 47001),
        ({"articles": [{}] * 9}, 45008),
        (b"", 44002),
        (b"[]", 47001),
        (b"{'articles': []}", 47001),
        ('{"articles": []}'.encode("utf-16"), 47001),
    ],
)
def test_a_body_that_is_not_as_documented_is_refused(
    wechat: WechatCaller, body: dict[str, Any] | bytes, code: int
) -> None:
    assert wechat.call("draft/add", body)["errcode"] == code


def test_json_must_be_raw_utf8(wechat: WechatCaller) -> None:
    body = {"articles": [wechat.article()]}
    assert wechat.call("draft/add", json.dumps(body).encode())["errcode"] == 40033
    body["articles"][0]["content"] = "<p>路径 C:\\u4e2d 是原文</p>"
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert rb"C:\\u4e2d" in raw
    assert "media_id" in wechat.call("draft/add", raw)


def test_html_is_stripped_to_what_the_platform_shows(wechat: WechatCaller) -> None:
    own = wechat.upload("media/uploadimg", picture())["url"]
    elsewhere = own.replace("127.0.0.1:7420", "img.example")
    material = wechat.upload("material/add_material", picture(), params={"type": "image"})["url"]
    content = (
        "<style>p{color:red}</style><script>alert(1)</script>"
        '<section id="a" class="b" style="color: red; position: fixed" onclick="x()">正文'
        f'<img src="{own}" alt="图"><img src="https://img.example/1.jpg">'
        f'<img src="{elsewhere}"><img src="{material}"><img src="data:image/png;base64,AA">'
        '<a href="https://out.example/">外链</a><a href="javascript:x()">坏链</a>'
        '<a href="https://mp.weixin.qq.com/s/abc">往期</a>'
        "<iframe src='x'>框</iframe><form><input>表</form><video src='v'>影</video></section>"
    )
    media_id = wechat.draft(content=content)
    [kept] = wechat.call("draft/get", {"media_id": media_id})["news_item"]
    assert kept["content"] == (
        f'<section style="color:red">正文<img src="{own}" alt="图">外链坏链'
        '<a href="https://mp.weixin.qq.com/s/abc">往期</a></section>'
    )


def test_an_empty_digest_becomes_the_first_54_characters_of_the_text(wechat: WechatCaller) -> None:
    media_id = wechat.draft(content=f"<p>{'甲' * 30}</p><p>{'乙' * 30} &lt;丙&gt;</p>")
    [kept] = wechat.call("draft/get", {"media_id": media_id})["news_item"]
    assert kept["digest"] == "甲" * 30 + "乙" * 24


def test_only_a_single_article_has_a_digest(wechat: WechatCaller) -> None:
    articles = [wechat.article(digest="甲"), wechat.article(digest="乙")]
    media_id = wechat.call("draft/add", {"articles": articles})["media_id"]
    kept = wechat.call("draft/get", {"media_id": media_id})["news_item"]
    assert [one["digest"] for one in kept] == ["", ""]


def test_the_same_draft_sent_twice_is_two_drafts(wechat: WechatCaller) -> None:
    body = {"articles": [wechat.article()]}
    first, second = (wechat.call("draft/add", body)["media_id"] for _ in range(2))
    assert first != second
    assert wechat.call("draft/count", method="GET") == {"total_count": 2}


def test_an_update_replaces_one_article(wechat: WechatCaller) -> None:
    media_id = wechat.draft()
    changed = wechat.article(title="更正后的标题")
    body = {"media_id": media_id, "index": 0, "articles": changed}
    assert wechat.call("draft/update", body)["errcode"] == 0
    [kept] = wechat.call("draft/get", {"media_id": media_id})["news_item"]
    assert kept["title"] == "更正后的标题"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"media_id": "unknown"}, 40007),
        ({"index": 1}, 40007),
        ({"index": "0"}, 40097),
        ({"articles": []}, 47001),
        ({"articles": {"title": "题" * 33}}, 45003),
    ],
)
def test_a_wrong_update_changes_nothing(
    wechat: WechatCaller, changes: dict[str, Any], code: int
) -> None:
    media_id = wechat.draft()
    before = wechat.call("draft/get", {"media_id": media_id})
    body = {"media_id": media_id, "index": 0, "articles": wechat.article()} | changes
    assert wechat.call("draft/update", body)["errcode"] == code
    assert wechat.call("draft/get", {"media_id": media_id}) == before


def test_drafts_are_listed_newest_first_in_pages(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    cover = wechat.cover()
    made = []
    for number in range(3):
        made.append(wechat.draft(title=f"第{number}篇", thumb_media_id=cover))
        clock.advance(1)
    page = wechat.call("draft/batchget", {"offset": 1, "count": 20, "no_content": 1})
    assert [one["media_id"] for one in page["item"]] == [made[1], made[0]]
    assert (page["total_count"], page["item_count"]) == (3, 2)
    assert "content" not in page["item"][0]["content"]["news_item"][0]
    whole = wechat.call("draft/batchget", {"offset": 0, "count": 1})
    assert whole["item"][0]["content"]["news_item"][0]["content"]


@pytest.mark.parametrize(
    "body",
    [
        {"offset": "0", "count": 20},
        {"offset": 0, "count": 21},
        {"offset": 0, "count": 0},
        {"offset": -1, "count": 1},
        {"count": 1},
    ],
)
@pytest.mark.parametrize("path", ["draft/batchget", "freepublish/batchget"])
def test_list_arguments_are_numbers_in_range(
    wechat: WechatCaller, path: str, body: dict[str, Any]
) -> None:
    assert wechat.call(path, body)["errcode"] == 40097


def test_a_deleted_draft_is_gone(wechat: WechatCaller) -> None:
    media_id = wechat.draft()
    preview = wechat.call("draft/get", {"media_id": media_id})["news_item"][0]["url"]
    assert wechat.call("draft/delete", {"media_id": media_id})["errcode"] == 0
    for path in ("draft/get", "draft/delete", "freepublish/submit"):
        assert wechat.call(path, {"media_id": media_id})["errcode"] == 40007
    assert wechat.request("GET", preview).status_code == 404
