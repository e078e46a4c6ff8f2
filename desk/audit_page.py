"""操作记录: who did what, when, searched."""

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from desk.answers import html
from desk.door import Door, Visit
from desk.words import ACTS_DONE
from schemas.beijing import SHANGHAI
from schemas.errors import InvalidInput
from stores.ledger import accounts, audit_view, stories

LINES = 100
_ASKED = ("person", "act", "story", "since", "until")


def page(door: Door, visit: Visit) -> Response:
    asked = {name: visit.request.query_params.get(name, "").strip() for name in _ASKED}
    before = visit.request.query_params.get("before", "")
    cursor = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None
    since, until = _day(asked["since"]), _day(asked["until"])
    with door.ledger.snapshot() as tx:
        names = {row.id: row.name for row in accounts.everybody(tx)}
        story_id = None
        if asked["story"]:
            try:
                story_id = stories.find(tx, asked["story"]).id
            except InvalidInput:
                story_id = ""
        ids = {name: person for person, name in names.items()}
        acts = {word: act for act, word in ACTS_DONE.items()}
        lines = audit_view.search(
            tx,
            person_id=ids.get(asked["person"], asked["person"]),
            act=acts.get(asked["act"], asked["act"]),
            story_id=story_id,
            since=since,
            until=None
            if until is None
            else until + round(timedelta(days=1).total_seconds() * 1000),
            before=cursor,
            limit=LINES + 1,
        )
    more = ""
    if len(lines) > LINES:
        lines = lines[:LINES]
        more = "/audit?" + urlencode({**asked, "before": lines[-1].seq})
    return html(
        "audit.html",
        visit=visit,
        centre=door.newsroom.centre,
        asked=asked,
        lines=lines,
        more=more,
        names=names,
        words=ACTS_DONE,
    )


def _day(text: str) -> int | None:
    """The beginning of a day in Beijing (ms), None where it is no day."""
    try:
        day = date.fromisoformat(text)
        return round(datetime.combine(day, time(), SHANGHAI).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
