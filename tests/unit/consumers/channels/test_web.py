"""The web site's pages and feeds: what a reader, a search engine and a feed reader get."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html
from pydantic import ValidationError

from consumers.channels import web
from schemas.body import Image, Paragraph, Span, Video
from schemas.errors import PermanentError
from schemas.rendition import placeholder
from schemas.story import Story
from tests.conformance.samples import answering, corrected, every_block, numbered
from tests.fakes import asset, text_story, video_story
from tests.unit.consumers.tree_world import URL, TreeWorld, site

SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
NEWS = {"n": "http://www.google.com/schemas/sitemap-news/0.9"}


@pytest.fixture
def world(tmp_path: Path) -> TreeWorld:
    return site(tmp_path)


def page(world: TreeWorld, name: str) -> Any:
    return html.document_fromstring((world.root / name).read_bytes())


def xml(world: TreeWorld, name: str) -> Any:
    return etree.fromstring((world.root / name).read_bytes())


def article(world: TreeWorld, story: Story) -> Any:
    world.live(story)
    return page(world, f"a/{story.number}.html")


def meta(document: Any, name: str) -> str:
    found = document.xpath(f"//meta[@name='{name}' or @property='{name}']/@content")
    return str(found[0]) if found else ""


def linked_data(document: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        document.xpath("//script[@type='application/ld+json']")[0].text
    )
    return data


BODY = """\
<p>甲段首句，<strong>加重词组</strong><em>着重词组</em>\
<a href="https://example.com/a?b=1&amp;c=2" rel="noopener">链接文字</a></p>
<h2>乙小标题</h2>
<h3>乙小标题之二</h3>
<blockquote><p>丙引文</p><footer>丁出处</footer></blockquote>
<ul>
<li>戊列项</li>
</ul>
<ol>
<li>己序项</li>
</ol>
<figure class="picture"><img src="{p1}/web_image" alt="替代文字" width="1600" height="1067" \
loading="lazy" decoding="async"><figcaption><span>庚图说</span>\
<span class="credit">青禾融媒</span></figcaption></figure>
<div class="gallery">
<figure><a href="{p2}/web_image"><img src="{p2}/web_thumb" alt="辛图一" loading="lazy" \
decoding="async"></a><figcaption><span>辛图一</span></figcaption></figure>
<figure><a href="{p3}/web_image"><img src="{p3}/web_thumb" alt="辛图二" loading="lazy" \
decoding="async"></a><figcaption><span>辛图二</span></figcaption></figure>
</div>
<figure class="clip"><video controls playsinline preload="none" poster="{v1}/web_poster" \
width="1920" height="1080" data-hls="{v1}/web_hls" aria-label="壬片说">\
<source src="{v1}/web_hls" type="application/vnd.apple.mpegurl">\
<p>这个浏览器不能播放视频。</p></video><figcaption><span>壬片说</span>\
<span class="credit">青禾融媒</span></figcaption></figure>
<div class="table"><table>
<caption>癸表题</caption>
<tr><th scope="col">子表头</th><th scope="col">数</th></tr>
<tr><td>丑格子</td><td>1</td></tr>
</table></div>
<hr>
<aside class="correction"><strong>更正</strong><p>寅更正说明</p></aside>
<p>&lt;卯&amp;尖括&gt; &#34;引号&#34;</p>"""


def test_body_of_every_block(world: TreeWorld) -> None:
    story = every_block(text_story())
    made = web.render(story, world.spec).body_html
    sources = {a.ref: f"asset://{a.sha256}" for a in story.assets}
    assert made.split("\n") == BODY.format(**sources).split("\n")


def test_list_items_that_follow_each_other_are_one_list(world: TreeWorld) -> None:
    block = every_block(text_story()).body[4]
    story = text_story(body=(block, block, *text_story().body[:1], block))
    body = html.fragment_fromstring(web.render(story, world.spec).body_html, create_parent="div")
    assert [len(found) for found in body.xpath("./ul")] == [2, 1]


def test_lines_within_a_paragraph_stay_lines(world: TreeWorld) -> None:
    story = text_story(body=(Paragraph(spans=(Span(text="一行<\n二行"),)),))
    assert web.render(story, world.spec).body_html == "<p>一行&lt;<br>二行</p>"


def test_copy_names_cover_and_thumb(world: TreeWorld) -> None:
    picture, clip = text_story().assets[0].sha256, video_story().assets[0].sha256
    facts = web.render(text_story(), world.spec).facts
    assert (facts.cover, facts.thumb) == (
        placeholder(picture, "web_image"),
        placeholder(picture, "web_thumb"),
    )
    facts = web.render(video_story(), world.spec).facts
    assert (facts.cover, facts.thumb) == (
        placeholder(clip, "web_poster"),
        placeholder(clip, "web_thumb"),
    )
    bare = text_story(assets=(), body=text_story().body[:1])
    assert web.render(bare, world.spec).facts.cover == ""


def test_the_lead_is_not_said_twice(world: TreeWorld) -> None:
    told = Paragraph(spans=(Span(text=text_story().lead),))
    assert web.render(text_story(body=(told,)), world.spec).standfirst == ""
    assert web.render(text_story(), world.spec).standfirst == text_story().lead
    assert web.render(text_story(lead=""), world.spec).standfirst == ""
    assert web.render(text_story(lead=""), world.spec).facts.summary == "清晨六点，梯田"


@pytest.mark.parametrize(
    "block", [Image(key="x", media="v1"), Video(key="x", media="p1"), Image(key="x", media="none")]
)
def test_a_block_with_a_medium_of_another_kind_is_refused(world: TreeWorld, block: Any) -> None:
    story = text_story(
        body=(block,), assets=(*text_story().assets, asset("v1", "video", b"v", "video/mp4"))
    )
    with pytest.raises(PermanentError) as refused:
        web.render(story, world.spec)
    assert refused.value.faults[0].field == "body.x.media"


def test_text_cannot_ask_for_a_rendition(world: TreeWorld) -> None:
    stolen = placeholder("0" * 64, "print_image")
    with pytest.raises(PermanentError):
        web.render(text_story(body=(Paragraph(spans=(Span(text=stolen),)),)), world.spec)


def test_article_says_what_it_is(world: TreeWorld) -> None:
    story = text_story(sections=("政务",), columns=("热点", "文明实践"), keywords=("梯田", "丰收"))
    document = article(world, story)
    receipt = world.live(story).receipt
    assert document.get("lang") == "zh-CN"
    assert document.xpath("//h1")[0].text == story.headline
    assert document.xpath("//link[@rel='canonical']/@href") == [f"{URL}/a/7.html"]
    assert meta(document, "shoufa:version") == f"{story.id} 1 {receipt.payload_sha256}"
    assert meta(document, "og:title") == story.headline
    assert meta(document, "og:image").startswith(f"{URL}/m/")
    assert meta(document, "article:published_time") == "2026-11-24T12:01:00+08:00"
    data = linked_data(document)
    assert data["@type"] == "NewsArticle"
    assert data["headline"] == story.headline
    assert data["datePublished"] == "2026-11-24T12:01:00+08:00"
    assert data["author"]["name"] == "本报记者 禾小满"
    assert all(url.startswith(f"{URL}/m/") for url in data["image"])
    doors = document.xpath("//p[@class='kicker']/a/@href")
    assert doors[:2] == ["/s/gov.html", "/c/hot.html"]
    assert (world.root / doors[2].lstrip("/")).is_file(), "a column nobody configured has a page"


def test_every_address_in_every_page_leads_somewhere(world: TreeWorld) -> None:
    for number in range(1, 9):
        world.live(numbered(text_story(columns=("文明实践",), sections=("服务",)), number))
    world.live(numbered(video_story(), 9))
    world.recall(numbered(text_story(), 3))
    for path in world.root.rglob("*.html"):
        document = page(world, str(path.relative_to(world.root)))
        found = document.xpath("//@href | //@src | //@poster | //@data-hls")
        local = [str(a).removeprefix(URL) for a in found if not str(a).startswith(("#", "http"))]
        local += [str(a).removeprefix(URL) for a in found if str(a).startswith(URL)]
        for address in local:
            target = world.root / (address.lstrip("/") or "index.html")
            assert target.is_file(), f"{path.name} → {address}"


def test_media_are_content_addressed_and_whole(world: TreeWorld) -> None:
    receipt = world.live(video_story()).receipt
    for medium in receipt.media:
        path = world.root / medium.address.removeprefix(f"{URL}/")
        assert path.parent.parent == world.root / "m"
        assert path.is_file()
    hls = next(m for m in receipt.media if m.placeholder.endswith("web_hls"))
    folder = (world.root / hls.address.removeprefix(f"{URL}/")).parent
    assert {p.name for p in folder.iterdir()} == {"master.m3u8", "360.m3u8", "init.mp4", "1.m4s"}
    single = next(m for m in receipt.media if m.placeholder.endswith("web_poster"))
    assert f"/m/{single.sha256[:16]}/" in single.address


def test_video_page(world: TreeWorld) -> None:
    document = article(world, video_story())
    video = document.xpath("//video")[0]
    assert video.get("poster").endswith("web_poster.jpg")
    assert video.get("data-hls").endswith("master.m3u8")
    assert video.xpath("./source/@type") == ["application/vnd.apple.mpegurl"]
    scripts = document.xpath("//script/@src")
    assert [s.split("/")[-1].split("-")[0] for s in scripts] == ["hls", "site"]
    clip = linked_data(document)["video"][0]
    assert clip["@type"] == "VideoObject"
    assert clip["duration"] == "PT12S"
    assert clip["contentUrl"].startswith(f"{URL}/m/")
    assert article(world, numbered(text_story(), 8)).xpath("//script/@src") == []


def test_a_correction_is_dated_said_and_kept(world: TreeWorld) -> None:
    world.live(text_story())
    document = article(world, corrected(text_story()))
    notice = document.xpath("//aside[@class='correction']")[0].text_content()
    assert "更正" in notice
    assert "2026年11月24日 12:02" in notice
    assert corrected(text_story()).correction in notice
    data = linked_data(document)
    assert data["correction"][0]["@type"] == "CorrectionComment"
    assert (data["datePublished"], data["dateModified"]) == (
        "2026-11-24T12:01:00+08:00",
        "2026-11-24T12:02:00+08:00",
    )
    third = corrected(text_story(), 3).model_copy(update={"correction": "再更正一次。"})
    shown = article(world, third).xpath("//aside[@class='correction']/p[not(strong)]/text()")
    assert shown == ["再更正一次。", corrected(text_story()).correction]
    assert "更正" in page(world, "index.html").xpath("//span[@class='label warn']/text()")
    item = xml(world, "rss.xml").xpath("//item")[0]
    assert item.findtext("guid") == f"urn:uuid:{text_story().id}"
    assert item.findtext("description").startswith("【更正】再更正一次。")


def test_hostile_text_stays_text(world: TreeWorld) -> None:
    evil = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>'
    story = answering(every_block(text_story())).model_copy(
        update={
            "headline": evil,
            "lead": evil,
            "byline": evil,
            "source": evil,
            "keywords": (evil,),
            "columns": (evil,),
            "sections": (evil,),
            "correction": evil,
        }
    )
    document = article(world, story)
    assert document.xpath("//h1")[0].text == evil
    assert linked_data(document)["headline"] == evil
    for path in world.root.rglob("*.html"):
        tree = page(world, str(path.relative_to(world.root)))
        assert not tree.xpath("//script[not(@src) and not(@type='application/ld+json')]")
        assert not tree.xpath("//@onerror")
        assert not tree.xpath("//style | //*[@style] | //iframe")
    for path in world.root.rglob("*.xml"):
        etree.fromstring(path.read_bytes())


def test_tombstone_holds_nothing_of_the_story(world: TreeWorld) -> None:
    story = text_story()
    world.live(story)
    world.recall(story)
    document = page(world, "a/7.html")
    assert meta(document, "robots") == "noindex, noarchive"
    assert document.xpath("//h1")[0].text == "内容已撤回"
    text = document.text_content()
    for word in (story.headline, story.lead, "禾小满", "梯田"):
        assert word not in text
    assert not document.xpath("//meta[@property]"), "no card for those who share the address"
    assert (world.root / ".gone/a/7.html").read_bytes() == (world.root / "a/7.html").read_bytes()
    for name in ("index.html", "s/gov.html", "c/hot.html", "d/2026-11-24.html"):
        assert not page(world, name).xpath("//a[contains(@href, 'a/7.html')]")


def test_front_page_leads_with_the_most_urgent_of_today(world: TreeWorld) -> None:
    world.live(numbered(text_story(headline="昨天的急稿", urgency=1), 1))
    world.clock += timedelta(days=1)
    world.live(numbered(text_story(headline="今天的急稿", urgency=2), 2))
    world.live(numbered(text_story(headline="今天的常稿"), 3))
    document = page(world, "index.html")
    assert document.xpath("//article[contains(@class,'lead')]//h2/text()") == ["今天的急稿"]
    second = document.xpath("//div[@class='second']//h3/text()")
    assert second == ["今天的常稿", "昨天的急稿"]


def test_front_page_shows_the_newest_and_each_section(tmp_path: Path) -> None:
    world = site(tmp_path, front_page_size=6, list_page_size=3)
    for number in range(1, 11):
        section = "政务" if number % 2 else "首页"
        world.live(numbered(text_story(headline=f"第{number}篇", sections=(section,)), number))
    document = page(world, "index.html")
    shown = document.xpath("//article//h2/text() | //article//h3/text()")
    assert shown == [f"第{n}篇" for n in (10, 9, 8, 7, 6, 5)]
    assert document.xpath("//div[@class='shelves']//li/a/text()") == [
        f"第{n}篇" for n in (9, 7, 5, 3, 1)
    ]
    section = page(world, "s/gov.html")
    assert section.xpath("//article//h2/text()") == ["第9篇", "第7篇", "第5篇"]
    assert page(world, "d/2026-11-24.html").xpath("count(//article)") == 10.0


def test_clips_have_a_strip_of_their_own_once_there_are_two(world: TreeWorld) -> None:
    world.live(numbered(video_story(headline="一号片"), 1))
    world.live(numbered(video_story(headline="二号片"), 2))
    for number in range(3, 8):
        world.live(numbered(text_story(headline=f"第{number}篇"), number))
    strip = page(world, "index.html").xpath("//section[@class='strip']//h3/text()")
    assert strip == ["二号片", "一号片"]


def test_days_are_linked_backwards(world: TreeWorld) -> None:
    world.live(numbered(text_story(), 1))
    world.clock += timedelta(days=3)
    world.live(numbered(text_story(), 2))
    older = page(world, "d/2026-11-27.html").xpath("//p[@class='older']/a/@href")
    assert older == ["/d/2026-11-24.html"]
    assert page(world, "d/2026-11-27.html").xpath("//h1")[0].text == "2026年11月27日"
    assert not page(world, "d/2026-11-24.html").xpath("//p[@class='older']")


def test_rss(world: TreeWorld) -> None:
    world.live(numbered(text_story(headline="一 & 二"), 1))
    world.live(numbered(video_story(), 2))
    channel = xml(world, "rss.xml").find("channel")
    items = channel.findall("item")
    assert [item.findtext("title") for item in items] == [video_story().headline, "一 & 二"]
    assert items[1].findtext("link") == f"{URL}/a/1.html"
    assert items[1].findtext("pubDate") == "Tue, 24 Nov 2026 12:01:00 +0800"
    assert items[1].findtext("description") == text_story().lead
    assert [c.text for c in items[1].findall("category")] == ["首页", "热点"]


def test_sitemaps(world: TreeWorld) -> None:
    world.live(numbered(text_story(), 1))
    world.clock += timedelta(days=20)
    world.live(numbered(text_story(headline="新稿"), 2))
    index = xml(world, "sitemap.xml")
    assert index.xpath("//s:loc/text()", namespaces=SITEMAP) == [
        f"{URL}/sitemap-2026-12.xml",
        f"{URL}/sitemap-2026-11.xml",
    ]
    month = xml(world, "sitemap-2026-11.xml")
    assert month.xpath("//s:loc/text()", namespaces=SITEMAP) == [f"{URL}/a/1.html"]
    news = xml(world, "sitemap-news.xml")
    assert news.xpath("//s:loc/text()", namespaces=SITEMAP) == [f"{URL}/a/2.html"]
    assert news.xpath("//n:title/text()", namespaces=NEWS) == ["新稿"]
    world.recall(numbered(text_story(), 1))
    month = xml(world, "sitemap-2026-11.xml")
    assert month.xpath("//s:loc", namespaces=SITEMAP) == []


def test_an_empty_site_has_its_pages(world: TreeWorld) -> None:
    world.account().close()
    assert "还没有稿件" in world.text("index.html")
    assert "政务" in world.text("s/gov.html")
    assert "没有这个页面" in world.text("404.html")
    assert f"Sitemap: {URL}/sitemap.xml" in world.text("robots.txt")
    for name in ("rss.xml", "sitemap.xml", "sitemap-news.xml"):
        xml(world, name)


def test_a_site_below_a_path(tmp_path: Path) -> None:
    world = site(tmp_path, public_url=f"{URL}/news/")
    receipt = world.live(text_story()).receipt
    assert receipt.url == f"{URL}/news/a/7.html"
    document = page(world, "a/7.html")
    assert document.xpath("//img/@src")[0].startswith("/news/m/")
    assert document.xpath("//link[@rel='stylesheet']/@href")[0].startswith("/news/static/")
    assert page(world, "index.html").xpath("//article/a/@href") == ["/news/a/7.html"]


def test_no_page_asks_another_host(world: TreeWorld) -> None:
    document = article(world, video_story())
    asked = document.xpath("//script/@src | //link[@rel!='canonical']/@href | //img/@src")
    assert asked
    assert all(str(address).startswith("/") for address in asked)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("public_url", "ftp://example.cn"),
        ("public_url", "https://example.cn/?a=1"),
        ("public_url", "https://me:secret@example.cn"),
        ("site_name", ""),
        ("front_page_size", 0),
        ("sections", [{"name": "政务", "slug": "../etc"}]),
        ("sections", [{"name": "政务", "slug": "a"}, {"name": "服务", "slug": "a"}]),
        ("columns", [{"name": "热点", "slug": "a"}, {"name": "热点", "slug": "b"}]),
        ("colour", "green"),
    ],
)
def test_a_faulty_entry_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        site(tmp_path, **{field: value})
    assert field in str(refused.value)
