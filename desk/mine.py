"""我的稿件: what one's desk filed, and where each stands."""

from starlette.responses import Response

from desk.answers import html
from desk.board import row_of
from desk.door import Visit
from desk.screen import Screen
from schemas.rights import desks_for
from stores.ledger import board_view
from stores.ledger.stories import Seen

ROWS = 50
_QUIET = frozenset({"none", "not_applicable", "superseded", "planned"})


def page(screen: Screen, visit: Visit) -> Response:
    before = visit.request.query_params.get("before", "")
    cursor = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    desks = desks_for(visit.who, "story.revise")
    own = frozenset({visit.who.desk} - {""}) if desks is None else desks
    with screen.ledger.snapshot() as tx:
        found = board_view.newest(tx, before=cursor, limit=ROWS + 1, seen=Seen(own, visit.who.id))
        shown = list(found.items())[:ROWS]
        stories = board_view.on_board(tx, [identity for _, identity in shown])
    waves = screen.columns(stories)
    rows = [row_of(story, waves, screen.names) for story in stories]
    return html(
        "mine.html",
        visit=visit,
        centre=screen.newsroom.centre,
        desks=sorted(own),
        stories=[
            {"row": row, "shown": [c for c in row.cells if c.word and c.state not in _QUIET]}
            for row in rows
        ],
        more=shown[-1][0] if len(found) > ROWS else None,
    )
