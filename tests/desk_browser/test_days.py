"""Each role's day in a browser, as far as it exists: from the sign-in to the result."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.desk_browser.conftest import Visitor
from tests.desk_browser.house import PASSWORD, House

pytestmark = pytest.mark.slow


def sign_in(page: Page, who: str, word: str = PASSWORD) -> None:
    page.goto("/")
    page.get_by_label("账号").fill(who)
    page.get_by_label("密码").fill(word)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def go_down_to(page: Page, link: Locator) -> None:
    """With ``j`` alone."""
    for _ in range(40):
        page.keyboard.press("j")
        if link.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError("the keys do not lead there")


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_three_reviewers_take_a_story_out(visitor: Visitor, house: House, phone: bool) -> None:
    number = house.file(f"浏览器里的三审 {phone}")
    for who, level in (("first", "初审"), ("second", "复审"), ("third", "终审")):
        page = visitor(None, phone=phone)
        sign_in(page, who)
        page.get_by_role("link", name=re.compile("^审核")).first.click()
        page.get_by_role("link", name=re.compile(f"{number} 浏览器里的三审")).click()
        page.get_by_role("button", name=f"签{level}").click()
        expect(page.get_by_role("status")).to_contain_text(f"稿 {number}: 已签字")
    house.move_on()
    assert all(o.items for o in house.newsroom.centre.outlets.values())


def test_review_by_keyboard_alone(visitor: Visitor, house: House) -> None:
    number = house.file("只用键盘的稿件")
    page = visitor("first")
    page.goto("/review")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="快捷键")
    expect(keys).to_contain_text("下一篇")
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    go_down_to(page, page.get_by_role("link", name=re.compile(f"^{number} ")))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/review/{number}")
    page.keyboard.press("n")
    page.keyboard.type("s 这是批注, 不是快捷键")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.get_by_role("status")).to_contain_text(f"稿 {number}: 已签字")
    signed = house.signatures(number)
    assert [one["note"] for one in signed] == ["s 这是批注, 不是快捷键"]


def test_withdrawal_from_the_board_by_keyboard_alone(visitor: Visitor, house: House) -> None:
    number = house.release("要撤的稿件")
    page = visitor("watch")
    page.goto("/")
    story = page.locator(f"tr[data-number='{number}'] .open")
    expect(story).to_be_visible()
    go_down_to(page, story)
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    expect(panel.get_by_text("时间线")).to_be_visible()
    page.keyboard.press("w")
    page.keyboard.type("数字有误")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status").first).to_contain_text("已撤稿")
    expect(panel).to_contain_text("撤稿: 数字有误")
    house.move_on()
    sent = house.call("GET", f"/deliveries?story={number}").json()["deliveries"]
    assert {one["state"] for one in sent} == {"recalled"}
    expect(page.locator(f"tr[data-number='{number}'] td[data-channel=web]")).to_contain_text(
        "已撤下"
    )
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert story.evaluate("e => e === document.activeElement"), "the focus is back where it was"
    page.goto(f"/board/stories/{number}")
    page.go_back()
    page.goto(f"/board/stories/{number}")
    expect(page.get_by_role("group").filter(has_text="撤稿")).to_have_count(0)


def test_a_double_click_signs_once(visitor: Visitor, house: House) -> None:
    number = house.file("双击的稿件")
    page = visitor("first")
    page.goto(f"/review/{number}")
    page.get_by_role("button", name="签初审").dblclick()
    expect(page.get_by_role("status")).to_contain_text("已签字")
    signed = house.signatures(number)
    assert len(signed) == 1


def test_a_session_that_ends_in_the_middle_loses_nothing(visitor: Visitor, house: House) -> None:
    number = house.file("写到一半的意见")
    page = visitor("first")
    page.goto(f"/review/{number}")
    page.get_by_label("批注").fill("导语要改, 人名要核对")
    page.context.clear_cookies()
    page.get_by_role("button", name="退回").click()
    expect(page.get_by_role("alert")).to_contain_text("您填的内容还在")
    page.get_by_label("账号").fill("first")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("main")).to_contain_text("导语要改, 人名要核对")
    page.get_by_role("button", name="接着交").click()
    expect(page.get_by_role("status")).to_contain_text(f"稿 {number}: 已退回")


def test_the_board_moves_by_itself_and_says_when_the_sign_in_is_over(
    visitor: Visitor, house: House
) -> None:
    page = visitor("watch")
    page.goto("/")
    expect(page.locator("#link")).to_contain_text("实时")
    number = house.file("看着它出现")
    expect(page.locator(f"tr[data-number='{number}']")).to_be_visible()
    page.locator("[data-filter=mine]").click()
    expect(page.locator("#none")).to_be_visible()


def test_the_administrator_lets_somebody_in(visitor: Visitor, house: House) -> None:
    page = visitor("chief")
    page.goto("/people")
    page.locator("form[action='/people']").get_by_label("账号").fill("newcomer")
    page.locator("form[action='/people']").get_by_label("姓名").fill("新来的")
    page.locator("form[action='/people']").get_by_label("部门").fill("采访部")
    page.locator("form[action='/people']").get_by_label("记者").first.check()
    page.get_by_role("button", name="添加").click()
    word = page.get_by_role("status").locator(".code").inner_text()
    other = visitor(None, phone=True)
    sign_in(other, "newcomer", word)
    expect(other.get_by_role("main")).to_contain_text("临时密码")
    other.get_by_label("现在的密码").fill(word)
    other.get_by_label("新密码").fill("my very own words")
    other.get_by_label("再输一次").fill("my very own words")
    other.get_by_role("button", name="改", exact=False).last.click()
    other.wait_for_url(lambda url: "/password" not in url)
    expect(other.locator("nav.rooms")).to_contain_text("新来的")
    page.goto("/audit")
    expect(page.get_by_role("main")).to_contain_text("加人")
