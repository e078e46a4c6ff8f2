"""要人处理: everything that waits for a person, with its answers beside it; what is late, and the
dead letters. Nothing waits for a person without being here."""

from typing import Any

from starlette.responses import Response

from desk.answers import html
from desk.door import Visit
from desk.lag_page import Stories
from desk.screen import Screen
from desk.timeline import Evidence, evidence
from desk.words import FOR_PERSON, REFUSED
from schemas.settling import with_looks
from stores.ledger import publications, views


def page(screen: Screen, late: Stories, visit: Visit) -> Response:
    channels = {spec.id: spec.name for spec in screen.specs}
    with screen.ledger.snapshot() as tx:
        rows = publications.in_states(tx, FOR_PERSON | REFUSED)
        letters = views.status(tx)["dead_letters"]
    specs = {spec.id: spec for spec in screen.specs}
    told = with_looks([views.delivery(row) for row in rows], specs)
    asks: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for row, one in zip(rows, told, strict=True):
        shown: Evidence = evidence({"deliveries": [one]}, channels)[0]
        item: dict[str, Any] = {"story": one, "one": shown, "since": row.updated_at}
        (refused if one["state"] in REFUSED else asks).append(item)
    return html(
        "needs.html",
        visit=visit,
        centre=screen.newsroom.centre,
        asks=asks,
        refused=refused,
        late=late(),
        letters=letters,
    )
