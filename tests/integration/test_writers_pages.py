"""The writers' pages in a real browser: a reporter's way from the camera to the story, the network
cut in the middle; and thousands of scripts in stored fields, of which none runs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Dialog, Page, Request

from stores.ledger import drafts
from stores.ledger.ids import new_id
from tests.desk_browser.browser import browsing, chromium
from tests.missing import without
from tests.unit.desk.ways_world import World, world

pytestmark = pytest.mark.slow
PAYLOADS = Path(__file__).parents[1] / "corpora/xss/xss-payload-list.txt"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("ways")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if chromium() is None:
        without("no browser, and no right to install one")
    with browsing() as opened:
        yield opened


def page_of(here: World, browser: Browser, person: str = "reporter", width: int = 390) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 844}, locale="zh-CN")
    for name, value in here.cookie(person).items():
        context.add_cookies([{"name": name, "value": value, "url": here.address}])
    page = context.new_page()
    page.set_default_timeout(30_000)
    return page


def wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    picture, clip = tmp_path / "秋收.jpg", tmp_path / "长片.mp4"
    Image.new("RGB", (1600, 1000), "#b8933a").save(picture)
    clip.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(40 * 1024**2))
    return picture, clip


def test_from_the_camera_roll_to_the_story_with_the_network_cut(
    here: World, browser: Browser, files: tuple[Path, Path]
) -> None:
    page = page_of(here, browser)
    page.goto(f"{here.address}/upload")
    assert wide(page) <= 390
    lost: list[str] = []

    def cut(route: Any) -> None:
        if route.request.method == "PATCH" and len(lost) < 2:
            lost.append(route.request.url)
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route("**/v1/uploads/**", cut)
    page.set_input_files("#choose", [str(path) for path in files])
    page.wait_for_selector("#write:not([hidden])")
    assert len(lost) == 2
    assert page.locator('.file[data-state="done"]').count() == 2
    assert "1600×1000" in page.inner_text("#files")
    page.click("#write")
    page.fill("#f-headline", "青禾梯田开镰")
    page.locator(".blocks textarea").first.focus()
    page.evaluate(
        """() => { const data = new DataTransfer();
        data.setData('text/html', "<p class=MsoNormal><b>清晨六点</b>，开镰。</p><p>一<br>二</p>");
        document.activeElement.dispatchEvent(new ClipboardEvent('paste',
          {clipboardData: data, bubbles: true, cancelable: true})); }"""
    )
    page.wait_for_selector("#saved:has-text('已存')")
    page.wait_for_selector("#outlets li:nth-child(4)")
    assert "15 / 32" not in page.inner_text("#outlets")
    assert "6 / 32" in page.inner_text("#outlets")
    assert wide(page) <= 390
    with page.expect_popup() as opened:
        page.click("#preview")
    shown = opened.value
    shown.wait_for_load_state()
    site = next(f for f in shown.frames if f.url.endswith("/preview/web"))
    assert "清晨六点，开镰。" in site.locator("main").inner_text()
    page.click("#file")
    page.wait_for_url("**/board/stories/1")
    with here.desk.ledger.snapshot() as view:
        assert drafts.of_person(view, "reporter") == []


def test_an_upload_goes_on_after_the_page_was_loaded_anew(
    here: World, browser: Browser, tmp_path: Path
) -> None:
    clip = tmp_path / "大片.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(70 * 1024**2))
    page = page_of(here, browser)
    page.goto(f"{here.address}/upload")
    seen: list[tuple[str, str]] = []

    def once(route: Any) -> None:
        offset = route.request.headers.get("upload-offset", "")
        seen.append((route.request.method, offset))
        if route.request.method == "PATCH" and offset != "0" and len(seen) < 50:
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route("**/v1/uploads**", once)
    page.route("**/v1/uploads/**", once)
    page.set_input_files("#choose", str(clip))
    page.wait_for_selector('.file[data-state="waiting"]')
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    assert "再选同一个文件就接着传" in page.inner_text("main")
    assert "大片.mp4" in page.inner_text("main")
    page.unroute_all(behavior="ignoreErrors")
    later: list[str] = []
    page.on("request", lambda r: later.append(f"{r.method} {r.headers.get('upload-offset', '')}"))
    page.set_input_files("#choose", str(clip))
    page.wait_for_selector('.file[data-state="done"]')
    assert f"PATCH {64 * 1024**2}" in later
    assert not [one for one in later if one.startswith("POST")]


def test_who_takes_over_is_seen_and_nothing_is_overwritten(here: World, browser: Browser) -> None:
    mine = page_of(here, browser, width=1280)
    mine.goto(f"{here.address}/compose/story/1")
    other = page_of(here, browser, "reviewer-1", width=1280)
    other.goto(mine.url)
    assert "记者甲" in other.inner_text("#taken-why")
    other.click("#take")
    other.fill("#f-headline", "接手以后的标题")
    other.wait_for_selector("#saved:has-text('已存')")
    mine.fill("#f-headline", "不该留下的标题")
    mine.wait_for_selector("#taken:not([hidden])")
    assert "责任编辑丙" in mine.inner_text("#taken-why")
    mine.goto(mine.url)
    assert mine.input_value("#f-headline") == "接手以后的标题"


def test_no_script_in_a_stored_field_runs(here: World, browser: Browser) -> None:
    """Each payload stands in a paragraph, some in headline, lead, by-line, keywords and a table; all
    are shown by the form and by the previews of site, WeChat and newspaper."""
    lines = PAYLOADS.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = ["".join(c for c in line if c.isprintable())[:1500] for line in lines if line.strip()]
    assert len(lines) > 6000
    made = [_draft(here, lines[at : at + 390]) for at in range(0, len(lines), 390)]
    page = page_of(here, browser, width=1280)
    page.context.set_default_timeout(60_000)
    told: list[str] = []

    def asked(dialog: Dialog) -> None:
        told.append(dialog.message)
        dialog.dismiss()

    def left(request: Request) -> None:
        if not request.url.startswith(("data:", here.address)):
            told.append(request.url)

    page.on("dialog", asked)
    page.on("request", left)
    page.goto(f"{here.address}/compose")
    for draft in made:
        page.goto(f"{here.address}/compose/{draft}", wait_until="load")
        page.wait_for_selector("#blocks > li:nth-child(50)")
        for channel in ("web", "wechat", "newspaper"):
            page.goto(f"{here.address}/compose/{draft}/preview/{channel}", wait_until="load")
    assert told == []


def _draft(here: World, lines: list[str]) -> str:
    identity = new_id()
    content = {
        "headline": lines[0][:200] or "x",
        "lead": lines[-1][:600],
        "byline": lines[len(lines) // 2][:60],
        "keywords": [line[:100] for line in lines[:10]],
        "body": [
            {"kind": "heading", "text": lines[1][:120]},
            {"kind": "table", "rows": [[lines[2], lines[3]]], "caption": lines[4][:200]},
            *({"kind": "paragraph", "spans": [{"text": line}]} for line in lines),
        ],
    }
    json.dumps(content)
    with here.desk.ledger.transaction() as tx:
        drafts.create(tx, identity, content, by="reporter", at=here.desk.ledger.now_ms())
    return str(identity)
