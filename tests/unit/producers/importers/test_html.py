"""Pasted and saved HTML: what Word, WPS and web pages write, and what attackers do."""

import contextlib
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.import_contract import Imported
from producers.importers import html
from producers.imports import import_document
from schemas.body import Image, Paragraph, Span
from schemas.errors import InvalidInput
from schemas.story import StoryIn
from tests.unit.producers.importers.test_docx import seen

WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{color:red}</style>
<title>会议</title></head><body lang=ZH-CN><!--StartFragment-->
<h1>青禾梯田<span lang=EN-US>5G</span>开镰<o:p></o:p></h1>
<p class=MsoNormal style='text-indent:21.0pt'><b><span style='font-family:宋体;mso-ascii-font-family:"Times
New Roman"'>清晨六点</span></b><span style='font-family:宋体'>，层层稻浪
次第归仓。</span></p>
<p class=MsoListParagraph style='margin-left:21.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>1.<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span><![endif]>第一条</p>
<p class=MsoListParagraph style='mso-list:l1 level1 lfo2'><span>·&nbsp;</span>第二条</p>
<p class=MsoNormal><span style='mso-hide:all'>看不见</span><o:p>&nbsp;</o:p></p>
<!--EndFragment--></body></html>"""


def paste(text: str) -> list[str]:
    return seen(html.paste(text))


def told(found: Imported) -> str:
    return "\n".join(f"{n.fate} {n.text}" for n in found.notes)


def test_words_clipboard_becomes_blocks() -> None:
    found = html.paste(WORD)
    assert seen(found) == ["heading", "清晨六点，层层稻浪次第归仓。", "1. 第一条", "* 第二条"]
    assert found.body[1] == Paragraph(
        key="b2",
        spans=(Span(text="清晨六点", strong=True), Span(text="，层层稻浪次第归仓。")),
    )
    assert "隐藏的文字" in told(found)


def test_a_whole_page_has_its_headline() -> None:
    found = import_document(WORD.encode(), "a.htm")
    assert found.fields["headline"] == "青禾梯田5G开镰"
    assert isinstance(StoryIn.model_validate(found.story()), StoryIn)


def test_two_megabytes_of_word_markup_are_read_at_once() -> None:
    one = WORD.partition("<h1>")[2].partition("<!--End")[0]
    text = "<h1>" + one.replace("class=MsoNormal", f"class=MsoNormal title='{'x' * 20000}'")
    page = text + "".join(
        f"<!--[if gte mso 9]><xml>{'y' * 50000}</xml><![endif]-->" for _ in range(44)
    )
    assert len(page) > 2 * 1024**2
    assert seen(html.paste(page))[1] == "清晨六点，层层稻浪次第归仓。"


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("一<br>二", ["一", "二"]),
        ("<p>\u3000\u3000一</p><p>&nbsp;</p><div><div>二</div></div>", ["一", "二"]),
        ("<ol><li>一<ul><li>二</li></ul></li><li>三</li></ol>", ["1. 一", "* 二", "1. 三"]),
        ("<blockquote><p>引</p></blockquote><hr>", ["quote", "divider"]),
        ("<table><tr><td>甲<td>乙<tr><td colspan=2>丙</table>", ["甲 | 乙", "丙 | "]),
        ("<table><tr><td rowspan=2>甲<td>乙<tr><td>丙</table>", ["甲 | 乙", " | 丙"]),
        ("<table><tr><td><p>框里的字</p></td></tr></table>", ["框里的字"]),
        ("<table><tr><td>外<table><tr><td>内</table><td>右</table>", ["外 内 | 右"]),
        ("a < b & c &lt;d&gt;", ["a < b & c <d>"]),
        ("<p>半截<b", ["半截"]),
        ("<p title='没完>字</p><p>后</p>", ["字", "后"]),
        ("留<script>alert('<p>1</p>')</script>下<style>p{}</style>", ["留下"]),
        ("留<del>删</del>下", ["留下"]),
        ("<h3>小</h3>文", ["heading", "文"]),
        (f"<h2>{'长' * 121}</h2>", ["长" * 121]),
        ("", []),
    ],
)
def test_shapes(text: str, blocks: list[str]) -> None:
    assert paste(text) == blocks


def test_styles_and_links() -> None:
    text = (
        '<b style="font-weight:normal"><i>斜</i><a href="https://qinghe.example/a">链</a></b>'
        '<a href="javascript:alert(1)">坏</a><span style="font-weight:700">粗</span>'
    )
    (block,) = html.paste(text).body
    assert isinstance(block, Paragraph)
    assert block.spans == (
        Span(text="斜", em=True),
        Span(text="链", href="https://qinghe.example/a"),
        Span(text="坏"),
        Span(text="粗", strong=True),
    )
    assert "链接变成了文字 (javascript)" in told(html.paste(text))


def test_pictures_inside_are_kept_and_others_named() -> None:
    pixel = "R0lGODlhAQABAAAAACw="
    found = html.paste(
        f"<figure><img alt='田' src='data:image/gif;base64,{pixel}'><figcaption>秋收</figcaption></figure>"
        "<img src='file:///C:/Users/x/clip_image001.png'><img src='data:image/svg+xml;base64,AAAA'>"
        "<img src='enclosed:p9'>"
    )
    assert found.body == (Image(key="b1", media="p1", caption="秋收", alt="田"),)
    assert found.story()["media"] == [{"ref": "p1", "file": "pasted-1.gif"}]
    assert found.wanted == ("clip_image001.png", "enclosed:p9")


TRAPS = {
    "divs": "<div>" * 50_000,
    "formatting": "".join(f"<b id={n}>" for n in range(8_000)) + "<p>" * 25_000,
    "comments": "<!--" * 100_000,
    "tags without end": "<a " * 100_000,
    "quotes without end": "<a \"'>'" * 30_000,
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(200_000)) + ">x",
    "ends": "</p>" * 50_000,
    "tables": "<table>" * 25_000,
    "cells": "<table><tr>" + "<td colspan=60 rowspan=60>x" * 5_000,
    "lists": "<ul><li>" * 25_000,
    "entities": "&amp;amp" * 250_000,
    "raw": "<script>" * 250_000,
    "spans": "".join(f"<b>{n}</b>{n}" for n in range(15_000)),
    "ends of nothing": "<b>" * 25_000 + "</i>" * 25_000,
    "digits": "<table><tr><td colspan=" + "9" * 100_000 + ">x<td>y</table>",
    "blanks": " " * 2_000_000 + "x" + "\n " * 500_000,
}


@pytest.mark.parametrize("case", TRAPS)
def test_what_costs_a_tree_builder_the_square_of_its_length_is_read_to_the_end(case: str) -> None:
    """Most of these take a quadratic reader minutes."""
    with contextlib.suppress(InvalidInput):  # too many blocks
        assert len(html.paste(TRAPS[case]).body) <= 400


@given(st.text(alphabet="<>/pbai\"'= 字&;!-", max_size=200))
def test_whatever_is_pasted_is_a_story_or_refused_in_words(text: str) -> None:
    found = html.paste(text)
    raw = {"headline": "题", **found.story()}
    if raw["body"]:
        StoryIn.model_validate(raw)


@given(st.lists(st.text(alphabet="字a<>&\"' ", min_size=1, max_size=30), min_size=1, max_size=8))
def test_escaped_text_comes_back_as_it_was(lines: list[str]) -> None:
    page = "".join(f"<p>{escape(line)}</p>" for line in lines)
    wanted = [" ".join(line.split(" ")).strip() for line in lines]
    assert paste(page) == [" ".join(w.split()) for w in wanted if w.split()]
