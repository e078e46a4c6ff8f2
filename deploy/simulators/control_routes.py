"""The ``/_sim`` routes: what tests read and the faults that they provoke. See README.md here."""

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.simulators.platform_state import Platform, add_rule, set_control, transaction

Action = Callable[[Any], dict[str, Any] | None]
FAULTS = {"fail_next", "drop_answer_next", "delay_next"}


def control_routes(
    platform: Platform,
    items: Callable[[str], list[dict[str, Any]]],
    switches: frozenset[str],
    actions: dict[str, Action],
) -> list[Route]:
    """Routes for one platform.

    ``items(base_url)`` lists all that was ever made public or tried, deleted ones included.
    ``switches`` are the values a platform reads by ``control``; ``actions`` are done at once.
    """

    async def requests(request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        part = request.query_params.get("path", "")
        rows = platform.db.execute("SELECT * FROM requests WHERE id>? ORDER BY id", (after,))
        lines = [dict(row) | {"ids": json.loads(row["ids"])} for row in rows if part in row["path"]]
        return JSONResponse({"requests": lines, "now": platform.clock()})

    async def list_items(request: Request) -> Response:
        return JSONResponse({"items": items(str(request.base_url)), "now": platform.clock()})

    async def change(request: Request) -> Response:
        body = json.loads(await request.body())
        known = FAULTS | switches | actions.keys() | {"delay_s", "reset"}
        unknown = sorted(set(body) - known)
        if unknown:
            return JSONResponse({"unknown": unknown, "known": sorted(known)}, 400)
        answer: dict[str, Any] = {"ok": True}
        for key, value in body.items():
            answer |= _apply(platform, key, value, actions) or {}
        return JSONResponse(answer)

    return [
        Route("/_sim/requests", requests),
        Route("/_sim/items", list_items),
        Route("/_sim/control", change, methods=["POST"]),
    ]


def _apply(
    platform: Platform, key: str, value: Any, actions: dict[str, Action]
) -> dict[str, Any] | None:
    if key in actions:
        return actions[key](value)
    if key == "reset":
        with transaction(platform) as db:
            db.execute("DELETE FROM control")
            db.execute("DELETE FROM rules")
    elif key in FAULTS:
        detail = {name: value[name] for name in value.keys() - {"path", "times"}}
        add_rule(platform, key, value.get("path", ""), int(value.get("times", 1)), detail)
    else:
        set_control(platform, key, value)
    return None
