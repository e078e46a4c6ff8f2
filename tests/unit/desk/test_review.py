"""Review and dispatch from the desk, by HTTP as a browser sends its forms."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from stores.ledger import sessions
from tests.desk_browser.house import SCRIPT, House, open_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as made:
        yield made


class Person:
    """Somebody at their browser."""

    def __init__(self, house: House, who: str) -> None:
        self.http = httpx.Client(
            base_url=house.address, timeout=20, cookies={sessions.COOKIE: house.session(who)}
        )

    def get(self, path: str) -> str:
        answer = self.http.get(path, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    def form(self, path: str) -> dict[str, str]:
        """The hidden fields of the page's last form."""
        page = self.get(path)
        last = page.rpartition('<form class="sheet"')[2]
        return {
            name: unescape(value)
            for name, value in re.findall(
                r'<input type="hidden" name="(\w+)" value="([^"]*)"', last
            )
        }

    def judge(self, number: int, act: str, note: str = "") -> httpx.Response:
        fields = self.form(f"/review/{number}")
        return self.http.post(f"/review/{number}", data={**fields, "act": act, "note": note})


def test_a_story_goes_through_three_persons_and_out(house: House) -> None:
    number = house.file("三审的一天")
    for who, level in (("first", "初审"), ("second", "复审"), ("third", "终审")):
        person = Person(house, who)
        queue = person.get("/review")
        assert f"等{level}" in queue
        assert "三审的一天" in queue
        assert f"签{level}" in person.get(f"/review/{number}")
        answer = person.judge(number, "sign")
        assert answer.headers["location"] == f"/review?done=sign&story={number}"
        after = person.get(answer.headers["location"])
        assert f"稿 {number}: 已签字" in after
        assert "没有等您审的稿件" in after
    house.newsroom.centre.pump()
    assert [len(o.items) for o in house.newsroom.centre.outlets.values()] == [1, 1, 1]


def test_pressed_twice_it_is_signed_once(house: House) -> None:
    number = house.file()
    first = Person(house, "first")
    fields = {**first.form(f"/review/{number}"), "act": "sign"}
    answers = [first.http.post(f"/review/{number}", data=fields) for _ in range(2)]
    assert [a.status_code for a in answers] == [303, 303]
    signed = house.signatures(number)
    assert len(signed) == 1


def test_nobody_signs_what_they_did_not_see(house: House) -> None:
    number = house.file("原来的标题")
    first = Person(house, "first")
    seen = {**first.form(f"/review/{number}"), "act": "sign", "note": "同意"}
    house.revise(number, "改过的标题", "后来改的。")
    answer = first.http.post(f"/review/{number}", data=seen)
    assert answer.status_code == 409
    text = re.sub(r"<[^>]+>", "", answer.text)
    assert "第 1 版已不是最新" in text
    assert "与 v1 对照" in text
    assert "后来改的" in text
    assert "同意" in answer.text, "the note is not lost"
    assert house.signatures(number) == []


def test_a_return_needs_its_reason_and_is_shown_to_the_author(house: House) -> None:
    number = house.file("要改的稿件")
    first = Person(house, "first")
    refused = first.judge(number, "return")
    assert refused.status_code == 422
    assert "写明理由" in refused.text
    assert first.judge(number, "return", "导语太长").status_code == 303
    assert "导语太长" in Person(house, "reporter").get(f"/board/stories/{number}")
    assert "已退回" in first.get(f"/review/{number}")
    assert first.judge(number, "return", "再退").status_code in {403, 409, 415, 422}


def test_urgent_is_for_the_final_reviewer_with_a_reason_and_the_rest_is_owed(house: House) -> None:
    number = house.file("突发")
    assert 'value="urgent"' not in Person(house, "first").get(f"/review/{number}")
    forged = Person(house, "first")
    assert forged.judge(number, "urgent", "我来").status_code == 403
    third = Person(house, "third")
    assert third.judge(number, "urgent").status_code == 422
    assert third.judge(number, "urgent", "汛情").status_code == 303
    house.newsroom.centre.pump()
    queue = Person(house, "first").get("/review")
    assert "已先发, 补初审" in queue
    assert Person(house, "first").judge(number, "sign").status_code == 303
    assert Person(house, "second").judge(number, "sign").status_code == 303
    assert "三审已完成" in Person(house, "second").get(f"/review/{number}")


def test_one_person_signs_one_level(house: House) -> None:
    with house.newsroom.centre.ledger.transaction() as tx:
        from sqlalchemy import update

        from stores.ledger.tables import people

        roles = '["reviewer1", "reviewer2", "reviewer3"]'
        tx.execute(update(people).where(people.c.id == "first").values(roles=roles))
    number = house.file()
    first = Person(house, "first")
    assert first.judge(number, "sign").status_code == 303
    page = first.get(f"/review/{number}")
    assert "您已签过一级" in page
    assert 'value="sign"' not in page
    fields = {**first.form(f"/review/{number}"), "act": "sign", "level": "2"}
    assert first.http.post(f"/review/{number}", data=fields).status_code == 403
    assert len(house.signatures(number)) == 1


def test_what_the_rules_block_is_signed_by_nobody_not_by_the_api_either(house: House) -> None:
    body = [
        {"kind": "paragraph", "spans": [{"text": "内容属绝密"}]},
        {"kind": "paragraph", "spans": [{"text": "看", "href": "https://a.bad.example/"}]},
        {"kind": "paragraph", "spans": [{"text": "最佳"}]},
    ]
    number = house.file("不放行的稿件", body=body)
    first = Person(house, "first")
    page = first.get(f"/review/{number}")
    assert page.index("不放行") < page.index("提醒"), "what blocks stands first"
    for told in ("绝密", "保密规定", "禁止的网站 bad.example", "广告法第九条"):
        assert told in page
    assert 'value="sign"' not in page
    assert first.judge(number, "sign").status_code == 409
    copies = house.call("GET", f"/stories/{number}/copies").json()["copies_sha256"]
    asked = {"version": 1, "level": 1, "copies_sha256": copies}
    path = f"/stories/{number}/signatures"
    answer = house.call("POST", path, who="first", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "check_blocks")
    assert first.judge(number, "return", "删去").status_code == 303


def test_the_page_shows_what_each_outlet_will_be_sent(house: House) -> None:
    number = house.file("每个渠道的样子")
    page = Person(house, "second").get(f"/review/{number}")
    assert page.count('<details class="copy">') == 3
    assert page.count("每个渠道的样子") >= 4
    assert "等初审, 您没有" in re.sub(r"<[^>]+>", "", page).replace("现在", "")


def test_scripts_in_every_field_are_text(house: House) -> None:
    number = house.file(f"标题{SCRIPT}", lead=SCRIPT, byline=SCRIPT[:50], keywords=[SCRIPT[:40]])
    Person(house, "first").judge(number, "return", SCRIPT)
    for who in ("first", "watch"):
        person = Person(house, who)
        paths = ["/", f"/board/stories/{number}", "/needs"]
        paths += ["/review", f"/review/{number}"] if who == "first" else ["/audit"]
        for path in paths:
            page = person.get(path)
            assert "<script>window" not in page, path
            assert "<img src=x" not in page, path


# -- dispatch --------------------------------------------------------------------------------------


def act(person: Person, number: int, name: str, **more: str) -> httpx.Response:
    csrf = person.form(f"/board/stories/{number}")["csrf"]
    return person.http.post(f"/board/stories/{number}/{name}", data={"csrf": csrf, **more})


def test_the_duty_editor_holds_resumes_opens_a_wave_and_withdraws(house: House) -> None:
    centre = house.newsroom.centre
    number = house.file("调度的一天")
    watch = Person(house, "watch")
    assert act(watch, number, "hold").status_code == 422, "without a reason"
    held = act(watch, number, "hold", reason="核实数字")
    assert held.headers["location"] == f"/board/stories/{number}?done=hold"
    assert "暂缓: 核实数字" in watch.get(held.headers["location"])
    house.sign(number, 1, 2, 3)
    assert not centre.outlets["web"].items
    from schemas.errors import TransientError

    def away() -> None:
        raise TransientError("no answer")

    centre.outlets["web"].answers = [away] * 3  # so that the next wave stays shut
    assert act(watch, number, "resume").status_code == 303
    centre.pump()
    page = watch.get(f"/board/stories/{number}")
    assert '<option value="2">' in page
    assert act(watch, number, "open-wave", wave="2", reason="来不及等").status_code == 303
    centre.pump()
    assert centre.outlets["tv"].items
    assert act(watch, number, "withdraw", reason="有误").status_code == 303
    again = act(watch, number, "withdraw", reason="有误")
    assert again.status_code in {303, 403}
    centre.pump()
    assert not centre.outlets["tv"].items
    page = watch.get(f"/board/stories/{number}")
    assert "撤稿: 有误" in page
    assert 'data-deed="withdraw"' not in page
    told = watch.get(f"/audit?story={number}")
    for word in ("暂缓", "恢复", "开闸", "撤稿"):
        assert word in told


def test_an_act_on_what_moved_on_says_so_and_changes_nothing(house: House) -> None:
    number = house.file()
    watch, other = Person(house, "watch"), Person(house, "third")
    csrf = watch.form(f"/board/stories/{number}")["csrf"]
    act(other, number, "withdraw", reason="先撤了")
    answer = watch.http.post(
        f"/board/stories/{number}/hold", data={"csrf": csrf, "reason": "想暂缓"}
    )
    assert answer.status_code == 409
    assert "稿件已撤" in answer.text


@pytest.mark.parametrize("who", ["pen", "reporter", "first", "second", "ops", "chief"])
def test_dispatch_is_offered_to_nobody_else(house: House, who: str) -> None:
    number = house.file()
    person = Person(house, who)
    answer = person.http.get(f"/board/stories/{number}")
    assert "data-deed" not in answer.text.replace("form[data-deed]", "")
    csrf = re.search(r'name="csrf" content="([^"]+)"', person.get("/password"))
    assert csrf is not None
    for name in ("hold", "resume", "withdraw", "open-wave"):
        sent = person.http.post(
            f"/board/stories/{number}/{name}", data={"csrf": csrf[1], "reason": "x", "wave": "2"}
        )
        assert sent.status_code == 403, name


def test_everything_that_waits_for_a_person_is_on_one_page(house: House) -> None:
    centre = house.newsroom.centre
    watch = Person(house, "watch")
    assert "没有要人处理的" in watch.get("/needs")
    from schemas.errors import Fault, PermanentError

    def no() -> None:
        raise PermanentError(Fault("no", "title", "标题含敏感词 / refused"))

    centre.outlets["web"].answers = [no]
    number = house.release("被拒的稿件")
    page = watch.get("/needs")
    assert "被拒的稿件" in page
    assert "标题含敏感词" in page
    assert f'href="/board/stories/{number}"' in page


def test_the_contributor_sees_their_own_desk_alone(house: House) -> None:
    mine, other = house.file("水利局的稿件", who="pen"), house.file("采访部的稿件")
    pen = Person(house, "pen")
    page = pen.get("/")
    assert "水利局的稿件" in page
    assert "采访部的稿件" not in page
    assert pen.http.get(f"/board/stories/{mine}").status_code == 200
    assert pen.http.get(f"/board/stories/{other}").status_code == 403
