"""A copy as plain text: all its words, none of its markup."""

import json

from desk.copy_text import Line, lines


def read(payload: object, headline: str = "标题") -> list[Line]:
    return lines(json.dumps({"headline": headline, "payload": payload}))


def test_every_word_stands_under_its_place() -> None:
    found = read(
        {"title": "甲", "tags": ["乙", "丙"], "cover": {"alt": "丁"}, "count": 3, "no": None}
    )
    assert [(line.name, line.text) for line in found] == [
        ("headline", "标题"), ("title", "甲"), ("tags.0", "乙"), ("tags.1", "丙"),
        ("cover.alt", "丁"),
    ]  # fmt: skip


def test_markup_becomes_lines_of_text() -> None:
    html = '<section><p>一 <b>二</b></p><p>三<br>四</p><img src="x" alt="稻田"><script>五</script></section>'
    assert read({"content": html})[1].text == "一 二\n三\n四\n[图 稻田]"


def test_text_that_only_looks_like_markup_is_left_alone() -> None:
    assert read({"t": "3 < 5 且 7 > 2"})[1].text == "3 < 5 且 7 > 2"
