"""The watched folder as people use it: files put there, and what they find afterwards."""

import base64
import json
import os
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select

from producers import filing
from producers.filing import Desk
from producers.watch_folder import WatchFolder
from schemas.beijing import SHANGHAI
from schemas.channel import ChannelSpec
from schemas.errors import Fault, InvalidInput, StorageFull, Unavailable
from schemas.events import StoryFiled
from schemas.newsroom import Newsroom, Person, UploadLimits
from schemas.settings import Settings
from schemas.story import Story
from stores import objects
from stores.ledger import stories
from stores.ledger.tables import assets, metadata, outbox
from stores.ledger.tables import stories as story_table
from stores.ledger.transaction import Ledger, open_ledger

JPEG = b"\xff\xd8\xff picture"
MP4 = b"....ftyp clip"
SPEC = ChannelSpec(id="web", module="web", name="青禾网", family="web", wave=1)
NEWSROOM = Newsroom(
    county="青禾县",
    centre="青禾县融媒体中心",
    uploads=UploadLimits(image_bytes=5_000, video_bytes=5_000, story_json_bytes=3_000, files=5),
    people=(
        Person(id="reporter", name="记者甲", roles=("contributor", "editor")),
        Person(id="correspondent", name="通讯员乙", roles=("contributor",)),
        Person(id="duty", name="值班编辑己", roles=("duty",)),
    ),
)


@dataclass(frozen=True)
class SampleFacts:
    kind: Any
    content_type: str
    width: int | None = 1600
    height: int | None = 900
    duration_s: float | None = None
    told: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def inspect(path: Path, place: str, _name: str) -> SampleFacts:
    data = path.read_bytes()
    if data.startswith(JPEG[:3]):
        return SampleFacts("image", "image/jpeg")
    if b"ftyp" in data:
        return SampleFacts("video", "video/mp4", duration_s=12.0)
    raise InvalidInput(Fault("not_media", place, "不是图片也不是视频 / neither"))


@dataclass
class Newsdesk:
    """One person's view: put files, let time pass, look."""

    root: Path
    desk: Desk
    kept: dict[str, bytes]
    now: float = 1_000.0
    fault: Exception | None = None
    """Raised by the next uploads."""
    watch: WatchFolder = field(init=False)

    def __post_init__(self) -> None:
        self.start_again()

    def start_again(self) -> None:
        """As a new process."""
        self.watch = WatchFolder(self.desk, self.root, clock=lambda: self.now)
        self.watch.prepare()

    @property
    def folder(self) -> Path:
        return self.root / "reporter"

    def put(self, name: str, data: bytes | str = b"", *, person: str = "reporter") -> Path:
        path = self.root / person / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.watch.scan()
            self.now += 1.0
        self.watch.scan()

    def stories(self) -> list[Story]:
        with self.desk.ledger.snapshot() as tx:
            rows = tx.execute(select(story_table).order_by(story_table.c.number)).all()
            return [stories.story_of(tx, row.id, row.version) for row in rows]

    def accepted(self, person: str = "reporter") -> list[Path]:
        return sorted((self.root / person).glob("accepted/*/*"))

    def rejected(self, person: str = "reporter") -> list[Path]:
        return sorted((self.root / person).glob("rejected/*"))

    def reason(self, person: str = "reporter") -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.rejected(person)[0] / "reason.json").read_text())
        return told


@pytest.fixture
def newsdesk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newsdesk]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    event.listen(
        ledger.engine, "connect", lambda c, _r: c.execute("PRAGMA synchronous=OFF").close()
    )
    metadata.create_all(ledger.engine)
    kept: dict[str, bytes] = {}
    desk = Desk(
        settings=Settings(data=tmp_path / "data", keep_free_bytes=0),
        ledger=ledger,
        store=None,  # type: ignore[arg-type]  # the functions below need none
        newsroom=NEWSROOM,
        specs={"web": SPEC},
        refusals=lambda _story, _channels: {},
        inspect=inspect,
    )
    made = Newsdesk(tmp_path / "hot folder 收稿", desk, kept)

    def put_file(_store: object, key: str, path: Path, _content_type: str) -> None:
        if made.fault is not None:
            raise made.fault
        kept[key] = path.read_bytes()

    monkeypatch.setattr(objects, "put_file", put_file)
    monkeypatch.setattr(objects, "delete", lambda _store, key: kept.pop(key, None))
    yield made
    ledger.close()


def manifest(*files: str, **story: Any) -> str:
    media = [{"ref": f"p{n}", "file": name} for n, name in enumerate(files, 1)]
    body: list[dict[str, Any]] = [{"kind": "paragraph", "spans": [{"text": "清晨六点。"}]}]
    body += [{"kind": "image", "media": medium["ref"]} for medium in media]
    fields = {"headline": "梯田开镰", "body": body, "media": media} | story
    return json.dumps({"story": fields}, ensure_ascii=False)


def test_a_document_comes_with_the_pictures_inside_and_beside_it(newsdesk: Newsdesk) -> None:
    inside = base64.b64encode(JPEG).decode()
    page = f"<h1>开镰</h1><p>清晨六点。</p><img src='data:image/jpeg;base64,{inside}'>"
    newsdesk.put("开镰.html", page)
    newsdesk.put("开镰_1.jpg", JPEG + b"beside")
    newsdesk.wait(15)
    (story,) = newsdesk.stories()
    assert [(b.kind, getattr(b, "media", "")) for b in story.body] == [
        ("paragraph", ""), ("image", "p1"), ("image", "m1"),
    ]  # fmt: skip
    assert [a.file_name for a in story.assets] == ["pasted-1.jpg", "开镰_1.jpg"]


def test_a_text_with_its_pictures_is_one_story(newsdesk: Newsdesk) -> None:
    newsdesk.put(
        "霜降 开镰.txt", "霜降时节\u3000梯田开镰\n\n　　清晨六点，开镰。\r\n今年多收三成。\n"
    )
    newsdesk.put("霜降 开镰_10.jpg", JPEG + b"10")
    newsdesk.put("霜降 开镰_2.jpg", JPEG + b"2")
    newsdesk.put("霜降 开镰.jpg", JPEG)
    newsdesk.put("霜降 开镰 (3).mp4", MP4)
    newsdesk.wait(4)

    (story,) = newsdesk.stories()
    assert story.headline == "霜降时节\u3000梯田开镰"
    assert [b.kind for b in story.body] == [
        "paragraph", "paragraph", "image", "image", "video", "image",
    ]  # fmt: skip
    assert [a.file_name for a in story.assets] == [
        "霜降 开镰.jpg", "霜降 开镰_2.jpg", "霜降 开镰 (3).mp4", "霜降 开镰_10.jpg",
    ]  # fmt: skip
    assert story.kind == "news"
    assert sorted(newsdesk.kept.values()) == sorted([JPEG, JPEG + b"2", JPEG + b"10", MP4])
    (folder,) = newsdesk.accepted()
    assert folder.name == "1-霜降 开镰"
    assert {p.name for p in folder.iterdir()} == {
        "receipt.json", "霜降 开镰.txt", "霜降 开镰.jpg", "霜降 开镰_2.jpg",
        "霜降 开镰_10.jpg", "霜降 开镰 (3).mp4",
    }  # fmt: skip
    receipt = json.loads((folder / "receipt.json").read_text())
    assert (receipt["number"], receipt["version"]) == (1, 1)
    assert receipt["story_id"] == str(story.id)
    assert [p.name for p in newsdesk.folder.iterdir()] == ["accepted"]


def test_it_is_filed_in_the_name_of_the_folders_owner(newsdesk: Newsdesk) -> None:
    newsdesk.put("a.txt", "标题\n正文", person="correspondent")
    newsdesk.wait(4)

    with newsdesk.desk.ledger.snapshot() as tx:
        assert tx.execute(select(story_table.c.by)).scalars().all() == ["correspondent"]
        filed = select(func.count()).where(outbox.c.type == StoryFiled.type())
        assert tx.execute(filed).scalar_one() == 1
    assert not (newsdesk.root / "duty").exists()  # the duty editor files nothing


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_texts_from_any_editor_are_read(newsdesk: Newsdesk, encoding: str) -> None:
    newsdesk.put("稿.txt", "青禾“龘”字\n正文".encode(encoding))
    newsdesk.wait(4)

    assert [s.headline for s in newsdesk.stories()] == ["青禾“龘”字"]


def test_nothing_is_filed_while_a_file_grows(newsdesk: Newsdesk) -> None:
    newsdesk.put("a.txt", "标题\n正文")
    for size in range(1, 8):
        newsdesk.put("a_1.mp4", MP4 + b"x" * size)
        newsdesk.wait(1)
    assert newsdesk.stories() == []

    newsdesk.wait(4)

    assert len(newsdesk.stories()) == 1
    assert list(newsdesk.kept.values()) == [MP4 + b"x" * 7]


def test_a_text_waits_for_pictures_that_are_still_being_copied(newsdesk: Newsdesk) -> None:
    newsdesk.put("a.txt", "标题\n正文")
    for size in range(1, 6):  # the second picture is under way below another name
        newsdesk.put("a_1.jpg.part", JPEG + b"x" * size)
        newsdesk.wait(1)
    (newsdesk.folder / "a_1.jpg.part").rename(newsdesk.folder / "a_1.jpg")
    newsdesk.wait(5)

    (story,) = newsdesk.stories()
    assert len(story.assets) == 1


def test_a_file_that_grows_for_ever_holds_nobody_up_for_ever(newsdesk: Newsdesk) -> None:
    newsdesk.put("a.txt", "标题\n正文")
    for size in range(70):
        newsdesk.put("log.mp4", MP4 + b"x" * size)
        newsdesk.wait(1)

    assert [s.headline for s in newsdesk.stories()] == ["标题"]


def test_a_manifest_is_filed_as_soon_as_its_files_are_there_and_still(newsdesk: Newsdesk) -> None:
    newsdesk.put("稿件.json", manifest("图 一.jpg", lead="导语", urgency=2))
    newsdesk.wait(10)
    assert newsdesk.stories() == []
    newsdesk.put("图 一.jpg", JPEG)
    newsdesk.wait(1)
    assert newsdesk.stories() == []

    newsdesk.wait(2)

    (story,) = newsdesk.stories()
    assert (story.lead, story.urgency, len(story.assets)) == ("导语", 2, 1)
    assert {p.name for p in newsdesk.accepted()[0].iterdir()} == {
        "receipt.json", "稿件.json", "图 一.jpg",
    }  # fmt: skip


def test_a_manifest_takes_its_clip_even_where_it_comes_after_it(newsdesk: Newsdesk) -> None:
    newsdesk.put("clip.mp4", MP4)
    newsdesk.wait(4)
    body = [{"kind": "video", "media": "p1"}]
    newsdesk.put("z.json", manifest("clip.mp4", kind="video", body=body))
    newsdesk.wait(3)

    assert [s.headline for s in newsdesk.stories()] == ["梯田开镰"]


def test_a_manifests_plan_counts(newsdesk: Newsdesk) -> None:
    filing_json = json.loads(manifest()) | {"plan": {"channels": ["web"], "waves": {"web": 3}}}
    newsdesk.put("a.json", json.dumps(filing_json))
    newsdesk.wait(2)

    with newsdesk.desk.ledger.snapshot() as tx:
        assert json.loads(tx.execute(select(story_table.c.plan)).scalar_one())["waves"] == {
            "web": 3
        }


def test_a_manifest_whose_file_never_comes_is_sent_back_with_what_came(newsdesk: Newsdesk) -> None:
    newsdesk.put("a.json", manifest("one.jpg", "two.jpg"))
    newsdesk.put("one.jpg", JPEG)
    newsdesk.wait(59)
    assert newsdesk.rejected() == []

    newsdesk.wait(3)

    (folder,) = newsdesk.rejected()
    assert {p.name for p in folder.iterdir()} == {"a.json", "one.jpg", "reason.txt", "reason.json"}
    assert newsdesk.reason()["faults"][0]["field"] == "file.two.jpg"
    assert newsdesk.stories() == []
    assert newsdesk.kept == {}


def test_a_faulty_manifest_takes_its_pictures_with_it(newsdesk: Newsdesk) -> None:
    """They would be published as stories of their own otherwise."""
    newsdesk.put("a.json", manifest("one.jpg", headlin="typo", urgency=99))
    newsdesk.put("one.jpg", JPEG)
    newsdesk.put("b.json", "{broken")
    newsdesk.put("b_1.jpg", JPEG)
    newsdesk.wait(10)

    assert newsdesk.stories() == []
    assert newsdesk.kept == {}
    found = {folder.name.split("-")[0]: folder for folder in newsdesk.rejected()}
    assert (found["a"] / "one.jpg").exists()
    assert (found["b"] / "b_1.jpg").exists()
    faults = json.loads((found["a"] / "reason.json").read_text())["faults"]
    assert {f["field"] for f in faults} == {"story.headlin", "story.urgency"}
    text = (found["a"] / "reason.txt").read_text(encoding="utf-8-sig")
    assert text.startswith("没有收下 / not taken")
    assert "story.headlin" in text
    assert "下一步" in text


@pytest.mark.parametrize("name", ["../../secret.jpg", "/etc/passwd", "..", "a/b.jpg"])
def test_a_path_in_a_manifest_names_no_file(newsdesk: Newsdesk, name: str) -> None:
    (newsdesk.root.parent / "secret.jpg").write_bytes(JPEG)
    newsdesk.put("a.json", manifest(name))
    newsdesk.wait(63)

    assert newsdesk.stories() == []
    assert newsdesk.kept == {}
    assert len(newsdesk.rejected()) == 1
    assert (newsdesk.root.parent / "secret.jpg").exists()


@pytest.mark.parametrize(
    ("name", "data", "kind", "block"),
    [("航拍 云海.mp4", MP4, "video", "video"), ("晨“雾”.JPG", JPEG, "news", "image")],
)
def test_a_picture_or_clip_alone_is_a_story(
    newsdesk: Newsdesk, name: str, data: bytes, kind: str, block: str
) -> None:
    newsdesk.put(name, data)
    newsdesk.wait(4)
    assert newsdesk.stories() == []  # its text may follow it

    newsdesk.wait(5)

    (story,) = newsdesk.stories()
    assert (story.headline, story.kind) == (name.rsplit(".", 1)[0], kind)
    assert [b.kind for b in story.body] == [block]


def test_pictures_copied_one_after_the_other_wait_for_their_text(newsdesk: Newsdesk) -> None:
    for number in range(1, 6):
        for size in range(4):
            newsdesk.put(f"集市_{number}.jpg", JPEG + b"x" * size)
            newsdesk.wait(1)
    newsdesk.put("集市.txt", "集市\n人来人往")
    newsdesk.wait(8)

    (story,) = newsdesk.stories()
    assert len(story.assets) == 5


def test_the_longest_text_name_owns_a_picture(newsdesk: Newsdesk) -> None:
    newsdesk.put("洪水.txt", "洪水\n一")
    newsdesk.put("洪水-2.txt", "洪水二\n二")
    newsdesk.put("洪水-2.jpg", JPEG)
    newsdesk.put("洪水-2_1.jpg", JPEG + b"1")
    newsdesk.put("洪水季.jpg", JPEG + b"2")
    newsdesk.wait(10)

    assert {s.headline: len(s.assets) for s in newsdesk.stories()} == {
        "洪水": 0, "洪水二": 2, "洪水季": 1,
    }  # fmt: skip


def test_a_name_from_a_mac_and_one_from_windows_are_one(newsdesk: Newsdesk) -> None:
    newsdesk.put(unicodedata.normalize("NFD", "Café.txt"), "咖啡\n正文")
    newsdesk.put(unicodedata.normalize("NFC", "Café_1.jpg"), JPEG)
    newsdesk.put("m.json", manifest(unicodedata.normalize("NFC", "Thé.jpg")))
    newsdesk.put(unicodedata.normalize("NFD", "Thé.jpg"), JPEG + b"2")
    newsdesk.wait(5)

    assert [len(s.assets) for s in newsdesk.stories()] == [1, 1]


@pytest.mark.parametrize(
    "name",
    [".hidden.txt", "a.txt.part", "a.tmp", "~$a.txt", "Thumbs.db", ".DS_Store", "a.mp4.filepart"],
)
def test_unfinished_and_hidden_files_are_left_alone(newsdesk: Newsdesk, name: str) -> None:
    newsdesk.put(name, "标题\n正文")
    newsdesk.wait(70)

    assert (newsdesk.folder / name).exists()
    assert newsdesk.stories() == []
    assert newsdesk.rejected() == []


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.txt", b"", "empty_file"),
        ("a.txt", b"\n \n", "empty"),
        ("a.txt", "只有标题".encode(), "too_short"),
        ("a.txt", b"\xff\xff\xff\xff", "encoding"),
        ("a.txt", "标题\x07\n正文".encode(), "invalid"),
        ("a.txt", ("长" * 201 + "\n正文").encode(), "string_too_long"),
        ("a.txt", b"x" * 3_001, "too_large"),
        ("a.json", b" " * 3_001, "too_large"),
        ("a.json", b"[" * 2_900, "json_invalid"),
        ("a.json", b"[1]", "model_type"),
        ("a.jpg", b"no picture", "not_media"),
        ("a.mp4", b"", "empty_file"),
        ("a.mp4", MP4 + b"x" * 5_000, "too_large"),
        ("a.docx", b"PK", "broken"),
        ("a.doc", b"\xd0\xcf", "unknown_kind"),
        ("a.exe", b"MZ", "unknown_kind"),
        ("a", b"?", "unknown_kind"),
        ("a\u202ejpg.mp4", MP4, "bad_file_name"),
        ("a\nb.jpg", JPEG, "bad_file_name"),
        ("长" * 83 + ".jpg", b"no picture", "not_media"),
    ],
)
def test_what_cannot_be_taken_comes_back_with_the_reason(
    newsdesk: Newsdesk, name: str, data: bytes, code: str
) -> None:
    newsdesk.put(name, data)
    newsdesk.wait(15)

    assert newsdesk.stories() == []
    assert newsdesk.kept == {}
    (folder,) = newsdesk.rejected()
    assert newsdesk.reason()["faults"][0]["code"] == code
    assert (folder / name).read_bytes() == data
    assert "没有收下" in (folder / "reason.txt").read_text(encoding="utf-8-sig")


def test_a_name_that_is_no_unicode_comes_back_too(newsdesk: Newsdesk) -> None:
    raw = os.fsencode(newsdesk.folder) + b"/\xb8\xe5\xbc\xfe.jpg"  # GBK bytes
    Path(os.fsdecode(raw)).write_bytes(JPEG)
    newsdesk.start_again()
    newsdesk.wait(10)

    (folder,) = newsdesk.rejected()
    assert newsdesk.reason()["faults"][0]["code"] == "bad_file_name"
    assert b"\xb8\xe5\xbc\xfe.jpg" in {os.fsencode(p.name) for p in folder.iterdir()}


def test_links_pipes_and_folders_are_never_followed(newsdesk: Newsdesk) -> None:
    secret = newsdesk.root.parent / "secret.jpg"
    secret.write_bytes(JPEG)
    (newsdesk.folder / "link.jpg").symlink_to(secret)
    (newsdesk.folder / "up").symlink_to(newsdesk.root.parent)
    os.mkfifo(newsdesk.folder / "pipe.jpg")
    (newsdesk.folder / "新建文件夹").mkdir()
    newsdesk.wait(63)

    assert newsdesk.kept == {}
    assert secret.read_bytes() == JPEG
    codes = [
        json.loads((folder / "reason.json").read_text())["faults"][0]["code"]
        for folder in newsdesk.rejected()
    ]
    assert sorted(codes) == ["folder", "link", "link", "not_a_file"]


def test_nobody_leads_our_files_elsewhere(newsdesk: Newsdesk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (newsdesk.folder / "accepted").mkdir()
    today = newsdesk.desk.ledger.now().astimezone(SHANGHAI).strftime("%Y-%m-%d")
    link = newsdesk.folder / "accepted" / today
    link.symlink_to(elsewhere)
    newsdesk.put("a.txt", "标题\n正文")
    newsdesk.wait(6)

    assert list(elsewhere.iterdir()) == []
    assert len(newsdesk.stories()) == 1  # filed; the files wait until there is a folder
    link.unlink()
    newsdesk.wait(1)
    assert [p.name for p in newsdesk.accepted()] == ["1-a"]
    assert len(newsdesk.stories()) == 1


def test_a_link_in_place_of_our_own_folder_is_put_aside(newsdesk: Newsdesk, tmp_path: Path) -> None:
    (newsdesk.folder / "accepted").symlink_to(tmp_path)
    newsdesk.put("a.txt", "标题\n正文")
    newsdesk.wait(6)

    assert [p.name for p in newsdesk.accepted()] == ["1-a"]
    assert (newsdesk.folder / "accepted").resolve() == newsdesk.folder.resolve() / "accepted"


def test_a_file_at_the_top_belongs_to_nobody(newsdesk: Newsdesk) -> None:
    (newsdesk.root / "a.txt").write_text("标题\n正文")
    newsdesk.wait(8)

    (folder,) = (newsdesk.root / "rejected").iterdir()
    told = json.loads((folder / "reason.json").read_text())["faults"][0]
    assert told["code"] == "not_in_a_folder"
    assert "reporter" in told["next_step"]


@pytest.mark.parametrize("fault", [Unavailable("s3", "down"), StorageFull("s3")])
def test_while_our_own_parts_are_away_everything_stays(
    newsdesk: Newsdesk, fault: Exception
) -> None:
    newsdesk.put("a.txt", "标题\n正文")
    newsdesk.put("a.jpg", JPEG)
    newsdesk.fault = fault
    newsdesk.wait(100)

    assert newsdesk.stories() == []
    assert newsdesk.kept == {}
    assert newsdesk.rejected() == []
    assert (newsdesk.folder / "a.jpg").exists()

    newsdesk.fault = None
    newsdesk.wait(61)

    assert len(newsdesk.stories()) == 1
    assert list(newsdesk.kept.values()) == [JPEG]


def test_when_the_ledger_is_away_no_object_stays_behind(
    newsdesk: Newsdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Ledger.transaction

    @contextmanager
    def away(self: Ledger) -> Iterator[Connection]:
        raise Unavailable("ledger", "locked")
        yield

    newsdesk.put("a.jpg", JPEG)
    monkeypatch.setattr(Ledger, "transaction", away)
    newsdesk.wait(12)
    assert newsdesk.kept == {}
    assert (newsdesk.folder / "a.jpg").exists()

    monkeypatch.setattr(Ledger, "transaction", real)
    newsdesk.wait(20)
    assert len(newsdesk.stories()) == 1


def test_no_room_for_a_long_clip_does_not_hold_up_a_text(
    newsdesk: Newsdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_room(_settings: Settings, expected_bytes: int) -> None:
        if expected_bytes > 1_000:
            raise StorageFull("full")

    monkeypatch.setattr("producers.watch_intake.check_room", check_room)
    newsdesk.put("a.mp4", MP4 + b"x" * 2_000)
    newsdesk.put("b.txt", "标题\n正文")
    newsdesk.wait(15)

    assert [s.headline for s in newsdesk.stories()] == ["标题"]
    assert (newsdesk.folder / "a.mp4").exists()


def crash_at(monkeypatch: pytest.MonkeyPatch, target: str, nth: int = 1) -> None:
    """The ``nth`` call of ``target`` never comes back: the process is killed there."""
    calls = 0
    owner, _, name = target.rpartition(".")
    module: Any = __import__(owner, fromlist=["_"]) if owner != "Path" else Path
    real: Callable[..., Any] = getattr(module, name)

    def killed(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    monkeypatch.setattr(module, name, killed)


@pytest.mark.parametrize(
    ("target", "nth"),
    [
        ("producers.watch_folder.new_moving", 1),  # filed, nothing moved
        ("producers.watch_moves._own_folder", 2),
        ("Path.rename", 2),  # the move is written down, no file moved
        ("Path.rename", 3),  # one file moved
        ("Path.rename", 4),
        ("Path.unlink", 3),  # all moved
    ],
)
def test_a_crash_between_filing_and_moving_files_twice_nothing(
    newsdesk: Newsdesk, monkeypatch: pytest.MonkeyPatch, target: str, nth: int
) -> None:
    newsdesk.put("a.txt", "标题\n正文")
    newsdesk.put("a_1.jpg", JPEG)
    newsdesk.put("a_2.jpg", JPEG + b"2")
    with monkeypatch.context() as patch:
        crash_at(patch, target, nth)
        with pytest.raises(KeyboardInterrupt):
            newsdesk.wait(5)
    assert len(newsdesk.stories()) == 1

    newsdesk.start_again()
    newsdesk.wait(12)

    assert len(newsdesk.stories()) == 1
    assert len(newsdesk.kept) == 2
    (folder,) = newsdesk.accepted()
    assert {p.name for p in folder.iterdir()} == {"a.txt", "a_1.jpg", "a_2.jpg", "receipt.json"}
    assert [p.name for p in newsdesk.folder.iterdir()] == ["accepted"]


def test_the_same_files_again_are_the_same_story(newsdesk: Newsdesk) -> None:
    for _ in range(2):
        newsdesk.put("a.txt", "标题\n正文")
        newsdesk.put("a.jpg", JPEG)
        newsdesk.wait(5)

    assert len(newsdesk.stories()) == 1
    assert len(newsdesk.kept) == 1
    first, second = newsdesk.accepted()
    assert (first.name, second.name) == ("1-a", "1-a-2")
    assert json.loads((second / "receipt.json").read_text())["taken_before"] is True


def test_an_answer_to_a_commit_that_was_lost_costs_no_picture(
    newsdesk: Newsdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = filing.file_story

    def lost(*arguments: Any, **named: Any) -> Any:
        real(*arguments, **named)
        raise Unavailable("ledger", "connection lost in COMMIT")

    with monkeypatch.context() as patch:
        patch.setattr(filing, "file_story", lost)
        newsdesk.put("a.txt", "标题\n正文")
        newsdesk.put("a.jpg", JPEG)
        newsdesk.wait(3)
    newsdesk.wait(10)

    assert len(newsdesk.stories()) == 1
    with newsdesk.desk.ledger.snapshot() as tx:
        keys = set(tx.execute(select(assets.c.object_key)).scalars())
    assert keys <= set(newsdesk.kept)


def test_a_file_that_changes_while_it_is_read_is_taken_later_as_it_then_is(
    newsdesk: Newsdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsdesk.put("a.txt", "标题\n正文")
    path = newsdesk.put("a.mp4", MP4)
    newsdesk.wait(1)
    monkeypatch.setattr("producers.watch_intake.CHUNK_BYTES", 4)
    grown = False

    def stopping() -> bool:
        nonlocal grown
        if not grown:
            path.write_bytes(MP4 + b"more")
            grown = True
        return False

    monkeypatch.setattr(newsdesk.watch._stop, "is_set", stopping)
    newsdesk.wait(8)

    assert grown
    assert list(newsdesk.kept.values()) == [MP4 + b"more"]


def test_a_fault_of_ours_puts_the_file_aside_after_some_tries(
    newsdesk: Newsdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_path: Path, _place: str, _name: str) -> SampleFacts:
        raise ZeroDivisionError

    desk = Desk(**{**newsdesk.desk.__dict__, "inspect": broken})
    newsdesk.desk = desk
    newsdesk.start_again()
    newsdesk.put("a.jpg", JPEG)
    newsdesk.put("b.txt", "标题\n正文")
    newsdesk.wait(20)
    assert newsdesk.rejected() == []
    assert len(newsdesk.stories()) == 1

    newsdesk.wait(30)

    assert newsdesk.reason()["faults"][0]["code"] == "failed"


def test_a_notes_name_of_the_senders_own_is_kept(newsdesk: Newsdesk) -> None:
    newsdesk.put("receipt.json", manifest())
    newsdesk.wait(3)

    (folder,) = newsdesk.accepted()
    assert json.loads((folder / "receipt.json").read_text())["story"]["headline"] == "梯田开镰"
    assert json.loads((folder / "_receipt.json").read_text())["number"] == 1


def test_a_folder_that_goes_away_and_comes_back(newsdesk: Newsdesk) -> None:
    away = newsdesk.root.with_name("unmounted")
    newsdesk.root.rename(away)
    newsdesk.root.write_text("no folder")
    newsdesk.wait(3)
    newsdesk.root.unlink()
    away.rename(newsdesk.root)
    newsdesk.put("a.txt", "标题\n正文")
    newsdesk.wait(5)

    assert len(newsdesk.stories()) == 1


def test_the_thread_takes_a_file_and_stops(newsdesk: Newsdesk) -> None:
    watch = WatchFolder(newsdesk.desk, newsdesk.root, still_s=0.05, poll_s=0.02)
    before = threading.active_count()
    watch.start()
    newsdesk.put("a.txt", "标题\n正文")
    end = time.monotonic() + 5
    while not newsdesk.accepted() and time.monotonic() < end:
        time.sleep(0.02)
    watch.stop()

    assert len(newsdesk.stories()) == 1
    assert threading.active_count() == before
