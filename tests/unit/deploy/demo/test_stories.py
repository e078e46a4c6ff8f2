import re
from datetime import date, timedelta

import pytest

from cli.wiring import variables
from deploy.demo.clips import CLIPS
from deploy.demo.pictures import PICTURES
from deploy.demo.stories import DemoStory, stories, wire
from schemas.body import Gallery, Heading, Image, Paragraph, Quote, Table, Video, media_of, plain
from schemas.configuration import read_newsroom
from schemas.settings import REPOSITORY, Settings
from schemas.story import StoryIn

TODAY = date(2026, 11, 24)
COLUMNS = {"百姓点题", "文明实践", "热点", "两微"}
SECTIONS = {"首页", "政务", "服务"}
TOLD = stories(TODAY)
VERSIONS = [
    pytest.param(version, id=f"{told.story.slug}{'-corrected' if number else ''}")
    for told in TOLD
    for number, version in enumerate((told.story, told.correction))
    if version is not None
]


def pictures_of(story: StoryIn) -> list[Image]:
    found: list[Image] = []
    for block in story.body:
        if isinstance(block, Image):
            found.append(block)
        elif isinstance(block, Gallery):
            found.extend(block.images)
    return found


def text_of(story: StoryIn) -> str:
    return "\n".join(line for line in _texts(wire(story)))


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for part in value for text in _texts(part)] if isinstance(value, list) else []


def test_the_demo_shows_every_sort_of_story_the_newsroom_files() -> None:
    kinds = [told.story.kind for told in TOLD]
    assert len(TOLD) >= 6
    assert set(kinds) == {"news", "video", "answer", "notice"}
    assert len({told.story.slug for told in TOLD}) == len(TOLD)
    assert len({told.story.headline for told in TOLD}) == len(TOLD)


@pytest.mark.parametrize("story", VERSIONS)
def test_what_goes_over_the_wire_is_taken_strictly_and_comes_back_the_same(story: StoryIn) -> None:
    assert StoryIn.model_validate(wire(story), extra="forbid") == story


@pytest.mark.parametrize("story", VERSIONS)
def test_headline_lead_and_byline_fit_every_outlet(story: StoryIn) -> None:
    assert 8 <= len(story.headline) <= 32
    assert 20 <= len(story.lead) <= 120
    assert 1 <= len(story.byline) <= 16  # WeChat's author
    assert story.source == "青禾县融媒体中心"
    assert 3 <= len(story.keywords) <= 5
    assert story.columns
    assert set(story.columns) <= COLUMNS
    assert story.sections
    assert set(story.sections) <= SECTIONS


@pytest.mark.parametrize("story", VERSIONS)
def test_the_text_reads_as_a_report(story: StoryIn) -> None:
    paragraphs = [plain(b.spans) for b in story.body if isinstance(b, Paragraph)]
    assert 5 <= len(paragraphs) <= 9
    assert all(60 <= len(p) <= 200 for p in paragraphs)
    assert all(p[-1] in "。”！？" for p in paragraphs)
    assert any(isinstance(b, Heading) for b in story.body)
    assert any(isinstance(b, Quote | Table) for b in story.body)


@pytest.mark.parametrize("story", VERSIONS)
def test_no_markup_no_marks_and_balanced_quotation(story: StoryIn) -> None:
    text = text_of(story)
    assert not re.search(r"[<>&*#]|https?:", text)
    assert text.count("“") == text.count("”")
    assert not re.search(r"[\u4e00-\u9fff][,;:!?](?=[\u4e00-\u9fff])", text)


@pytest.mark.parametrize("story", VERSIONS)
def test_every_picture_and_clip_is_one_that_the_demo_makes(story: StoryIn) -> None:
    made = {f"{name}.jpg" for name in PICTURES} | {f"{name}.mp4" for name in CLIPS}
    assert {medium.file for medium in story.media} <= made
    assert set(media_of(story.body)) <= {medium.ref for medium in story.media}
    assert story.cover in {m.ref for m in story.media}
    for block in pictures_of(story):
        assert block.media in PICTURES
        assert block.caption
        assert block.alt
        assert block.credit
    for clip in (b for b in story.body if isinstance(b, Video)):
        assert clip.media in CLIPS
        assert clip.caption


def test_pictures_and_clips_do_not_share_a_name() -> None:
    assert not PICTURES.keys() & CLIPS.keys()
    for told in TOLD:
        assert told.media == tuple(m.ref for m in told.story.media)
        assert set(told.media) <= PICTURES.keys() | CLIPS.keys()


def test_every_picture_and_clip_is_shown() -> None:
    assert {key for told in TOLD for key in told.media} == PICTURES.keys() | CLIPS.keys()


def test_who_files_works_in_the_newsroom_and_may_file() -> None:
    text = (REPOSITORY / "deploy" / "newsroom.toml").read_text("utf-8")
    newsroom = read_newsroom(text, variables(Settings()))
    filing = {p.id for p in newsroom.people if {"contributor", "editor"} & set(p.roles)}
    assert {told.filed_by for told in TOLD} <= filing
    assert {told.story.source for told in TOLD} == {newsroom.centre}


def corrected() -> DemoStory:
    (told,) = [told for told in TOLD if told.correction is not None]
    return told


def test_the_correction_changes_the_figures_and_says_so() -> None:
    told = corrected()
    right = told.correction
    assert right is not None
    assert not told.story.correction
    assert [b.key for b in right.body] == [b.key for b in told.story.body]
    assert right.media == told.story.media
    for wrong, now in (("3.2万亩", "2.3万亩"), ("1.79万吨", "1.29万吨")):
        assert wrong in text_of(told.story)
        assert wrong not in right.lead
        assert wrong not in text_of(right.model_copy(update={"correction": ""}))
        assert now in text_of(right)
        assert wrong in right.correction
        assert now in right.correction
    assert len(right.correction) <= 200


def test_the_figures_of_the_corrected_harvest_agree_with_each_other() -> None:
    right = corrected().correction
    assert right is not None
    (rows,) = [b.rows for b in right.body if isinstance(b, Table)]
    area, cut = (sum(float(row[column]) for row in rows[1:]) for column in (1, 2))
    assert round(area, 2) == 2.30
    assert round(area * 0.560, 2) == 1.29  # 560 kg an mu
    assert cut < area
    for row in rows[1:]:
        assert row[3] == f"{float(row[2]) / float(row[1]):.0%}"


def test_one_story_is_withdrawn_with_its_reason_and_it_is_the_notice() -> None:
    (told,) = [told for told in TOLD if told.withdraw_reason]
    assert told.story.kind == "notice"
    assert told.correction is None
    assert "改期" in told.withdraw_reason
    assert len(told.withdraw_reason) <= 100


@pytest.mark.parametrize("ahead", range(0, 400, 13))
def test_dates_lie_around_the_day_of_the_run(ahead: int) -> None:
    today = TODAY + timedelta(days=ahead)
    answer, notice = (
        next(t.story for t in stories(today) if t.story.kind == kind)
        for kind in ("answer", "notice")
    )
    assert answer.answers is not None
    assert answer.answers.asked_at is not None
    assert answer.answers.asked_at.date() == today - timedelta(days=9)
    works = today + timedelta(days=2)
    assert f"{works.month}月{works.day}日22时" in notice.lead
    start = next(
        day for day in (today + timedelta(days=n) for n in range(1, 8)) if day.weekday() == 0
    )
    assert f"从{start.month}月{start.day}日起" in answer.lead
    assert f"{start.month}月{start.day}日（周一）" in text_of(answer)
