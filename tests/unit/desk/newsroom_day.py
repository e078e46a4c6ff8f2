"""A ledger as it looks in the middle of a day: stories in every state, for the board's tests."""

import hashlib
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from schemas.channel import ChannelSpec
from schemas.newsroom import Newsroom, Person
from schemas.receipt import Receipt
from schemas.review import Signature
from schemas.story import Plan
from stores.ledger import people, publications, sessions, stories
from stores.ledger.tables import attempts, metadata
from stores.ledger.transaction import Ledger, open_ledger
from tests.fakes import text_story

NOW_MS = 1_795_500_000_000
MINUTE = 60_000
COPIES = "c" * 64

NEWSROOM = Newsroom(
    county="青禾县",
    centre="青禾县融媒体中心",
    people=(
        Person(id="reporter", name="记者甲", roles=("contributor", "editor")),
        Person(id="correspondent", name="通讯员乙", desk="县水利局", roles=("contributor",)),
        Person(id="duty", name="值班编辑己", roles=("duty",)),
    ),
)


def sign_in(ledger: Ledger, person: str = "duty") -> dict[str, str]:
    """The cookie of somebody of this newsroom who is signed in."""
    with ledger.transaction() as tx:
        for one in NEWSROOM.people:
            people.put(tx, one, f"key-of-{one.id}")
        token = sessions.begin(tx, person, at=ledger.now_ms(), longest_s=3600, address="127.0.0.1")
    return {sessions.COOKIE: token}


def spec(name: str, chinese: str, wave: int, **more: Any) -> ChannelSpec:
    return ChannelSpec(
        id=name, module=name, name=chinese, family=more.pop("family", "web"), wave=wave, **more
    )


SPECS = [
    spec("newspaper", "青禾日报", 3),
    spec("web", "青禾网", 1),
    spec("app_feed", "爱青禾 App", 1),
    spec("wechat", "青禾发布公众号", 1),
    spec("douyin", "抖音", 1, applies_to="video"),
    spec("tv", "青禾电视台", 2),
]


def fresh_ledger(folder: Path, now_ms: int = NOW_MS) -> Ledger:
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}")
    event.listen(  # nobody cuts the power of a test
        ledger.engine, "connect", lambda c, _record: c.execute("PRAGMA synchronous=OFF").close()
    )
    metadata.create_all(ledger.engine)
    ledger.now = lambda: datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    return ledger


def put_story(
    tx: Connection,
    number: int,
    headline: str,
    *,
    at: int = NOW_MS,
    kind: str = "news",
    by: str = "reporter",
    state: str = "approved",
    levels: tuple[int, ...] = (1, 2, 3),
    version: int = 1,
    urgent: bool = False,
    **columns: Any,
) -> str:
    """A story of which the newest version is in ``state`` with these levels signed."""
    identity = uuid.UUID(int=number, version=4)
    told = text_story(id=identity, number=number, headline=headline, kind=kind, version=1)
    stories.insert(tx, told, Plan(), by=by, at=at)
    for later in range(2, version + 1):
        newer = told.model_copy(update={"version": later})
        stories.revise(tx, newer, expected=later - 1, by=by, at=at)
    stories.set_version(tx, identity, version, state=state, copies_sha256=COPIES)
    for level in levels:
        mine = Signature(level, f"reviewer-{level}", f"审稿人{level}", COPIES, urgent)
        stories.sign(tx, identity, version, mine, note="", at=at + level)
    if state == "approved":
        columns = {"approved_version": version, "released_at": at} | columns
    stories.change(tx, identity, at=at, **columns)
    return str(identity)


def deliver(
    tx: Connection, story_id: str, channel: str, state: str, *, at: int = NOW_MS, **values: Any
) -> None:
    """One release; a live one has its receipt."""
    waves = {s.id: s.wave for s in SPECS}
    fields: dict[str, Any] = {
        "release": 1,
        "wave": waves.get(channel, 1),
        "urgency": 5,
        "state": state,
        "verb": "create",
        "version": 1,
        "released_at": at - 2_000 if state not in {"planned", "gated", "held"} else None,
    }
    if state in {"live", "updating", "recalling", "recalled"}:
        fields |= {
            "live_version": 1,
            "requested_at": at - 1_500,
            "received_at": at,
            "receipt": receipt(channel, story_id),
        }
    if state in {"intent", "accepted", "unknown", "reconciling", "needs_person"}:
        fields["requested_at"] = at - 1_500
    publications.put(tx, story_id, channel=channel, at=at, **{**fields, **values})


def receipt(channel: str, story_id: str, url: str | None = None) -> str:
    made = Receipt(
        item_id=f"{channel}-{story_id[-6:]}",
        url=f"http://127.0.0.1:9281/{channel}/{story_id[-6:]}" if url is None else url,
        at=datetime.fromtimestamp(NOW_MS / 1000, tz=UTC),
        payload_sha256=hashlib.sha256(b"copy").hexdigest(),
        text_sha256=hashlib.sha256(channel.encode()).hexdigest(),
    )
    return json.dumps(made.model_dump(mode="json"), ensure_ascii=False)


def attempt(
    tx: Connection, story_id: str, channel: str, epoch: int, outcome: str, *, at: int, **more: Any
) -> None:
    tx.execute(
        attempts.insert().values(
            {
                "id": str(uuid.uuid4()),
                "story_id": story_id,
                "channel": channel,
                "release": 1,
                "version": 1,
                "epoch": epoch,
                "verb": "create",
                "owner": "publish",
                "started_at": at,
                "ended_at": at + 800,
                "outcome": outcome,
                "reason": "",
                **more,
            }
        )
    )
