"""One browser and one newsroom for all of these."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from stores.ledger import sessions
from tests.desk_browser.browser import browsing, chromium
from tests.desk_browser.house import House, open_house
from tests.missing import without

expect.set_options(timeout=20_000)  # a busy machine; the board itself sweeps every 5 s
DESK, PHONE = (1440, 900), (390, 844)
Visitor = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if chromium() is None:
        without("no browser, and no right to install one")
    with browsing() as made:
        yield made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def visitor(browser: Browser, house: House) -> Iterator[Visitor]:
    """``visitor("watch", phone=True)``: a page of somebody signed in; None: of a stranger. What a
    page logs as an error fails the test, unless it is told by ``errors=True``."""
    opened = []
    logged: list[str] = []

    def open_page(who: str | None, *, phone: bool = False, dark: bool = False) -> Page:
        width, height = PHONE if phone else DESK
        context = browser.new_context(
            base_url=house.address,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            has_touch=phone,
        )
        opened.append(context)
        if who is not None:
            cookie = {"name": sessions.COOKIE, "value": house.session(who), "url": house.address}
            context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: logged.append(str(error)))
        page.on("dialog", lambda dialog: logged.append(f"dialog {dialog.message}"))
        return page

    yield open_page
    for context in opened:
        context.close()
    assert logged == []
