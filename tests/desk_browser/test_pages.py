"""Every page: readable by everybody (axe), no wider than a phone, no foreign script, targets that a
thumb can hit."""

from functools import partial

import pytest
from playwright.sync_api import Page, Request

from tests.desk_browser.browser import faults_for_readers
from tests.desk_browser.conftest import Visitor
from tests.desk_browser.house import SCRIPT, House

pytestmark = pytest.mark.slow

PAGES = [
    (None, "/sign-in"),
    ("watch", "/"),
    ("watch", "/needs"),
    ("watch", "/lag"),
    ("watch", "/board/letters"),
    ("watch", "/board/stories/1"),
    ("watch", "/board/stories/2"),
    ("watch", "/audit"),
    ("watch", "/password"),
    ("first", "/review"),
    ("first", "/review/2"),
    ("first", "/review/3"),
    ("third", "/review/4"),
    ("pen", "/mine"),
    ("chief", "/people"),
    ("ops", "/people"),
    ("reporter", "/people"),
]


@pytest.fixture(scope="module", autouse=True)
def day(house: House) -> None:
    """1 is out, 2 has a fault in every field, 3 was changed after its first signature, 4 waits."""
    house.release("青禾梯田开镰 层层稻浪次第归仓")
    house.file(f"标题{SCRIPT}", lead=SCRIPT, byline=SCRIPT[:50], body=[
        {"kind": "paragraph", "spans": [{"text": f"全县最佳 {SCRIPT}"}]},
        {"kind": "table", "caption": SCRIPT, "rows": [[SCRIPT, "二"], ["三", "四"]]},
    ])  # fmt: skip
    number = house.file("银杏树下有间书屋")
    house.sign(number, 1)
    house.revise(number, "银杏树下有间书屋, 周日开门", "每周日上午九点半开门。")
    house.sign(house.file("等终审的一篇"), 1, 2)
    house.file("县水利局水位通报", who="pen")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("who", "path"), PAGES)
def test_axe_finds_nothing(visitor: Visitor, who: str | None, path: str, dark: bool) -> None:
    page = visitor(who, dark=dark)
    page.goto(path)
    page.evaluate("document.querySelectorAll('main details').forEach((d) => { d.open = true; })")
    assert faults_for_readers(page) == []


@pytest.mark.parametrize(("who", "path"), PAGES)
def test_a_phone_shows_all_of_it(visitor: Visitor, who: str | None, path: str) -> None:
    page = visitor(who, phone=True, dark=True)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert faults_for_readers(page) == []
    assert small_targets(page) == []


def small_targets(page: Page) -> list[str]:
    """Buttons, fields and links outside running text that are lower than 44 px."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll(
             'button, .button, nav a, select, input:not([type=hidden], [type=checkbox]), textarea,' +
             ' main summary:not(.why summary), .cards h2 a, .open')]
           .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 43.5
                          && !e.closest('.skip'))
           .map((e) => e.outerHTML.slice(0, 120) + ' ' + e.getBoundingClientRect().height)"""
    )
    return found


def _note(asked: list[str], request: Request) -> None:
    asked.append(request.url)


def test_no_script_in_a_field_ever_runs_and_nothing_is_fetched_from_outside(
    visitor: Visitor, house: House
) -> None:
    for who, path in PAGES:
        page = visitor(who)
        asked: list[str] = []
        page.on("request", partial(_note, asked))
        page.goto(path)
        page.wait_for_timeout(150)
        assert page.evaluate("window.struck") is None, path
        outside = [url for url in asked if not url.startswith((house.address, "data:"))]
        assert outside == [], path
        page.context.close()
