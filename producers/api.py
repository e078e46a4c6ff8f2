"""The HTTP API ``/v1``: file stories with their media, review, correct, withdraw, and look."""

import traceback
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from producers import (
    act_routes,
    draft_routes,
    hand_routes,
    import_routes,
    look_routes,
    story_routes,
    tus_routes,
)
from producers.acts import OpenWaveIn, ReasonIn, SignatureIn
from producers.answers import answer_of, faults_of_error
from producers.filing import Desk
from producers.letters import DiscardIn, ReplayIn
from producers.resend import ResendIn
from producers.settle import SettleIn
from producers.tus_uploads import Uploads
from schemas.errors import Fault, PipelineError
from schemas.lag import NOTHING, Latest
from schemas.story import Filing, Plan, StoryIn

log = structlog.get_logger("api")

BY_HAND: tuple[type[BaseModel], ...] = (
    Filing, StoryIn, Plan, SignatureIn, ReasonIn, OpenWaveIn, SettleIn, ResendIn, ReplayIn, DiscardIn,
)  # fmt: skip
"""Bodies that are read by hand."""

Lag = Callable[[], dict[str, Any]]
"""Consumer group and topic → records not taken yet, None where unknown."""


def make_api(desk: Desk, *, lag: Lag, latest: Latest = lambda: NOTHING) -> FastAPI:
    """The application; ``lag`` tells what Kafka holds now for each consumer group (and waits for
    its answer), ``latest`` is the lag monitor's last snapshot (and waits for nothing)."""
    app = FastAPI(
        title="shoufa 首发",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        description="One story to every outlet, new media first.",
    )
    app.state.desk = desk
    app.state.lag = lag
    app.state.latest_lag = latest
    app.state.pool = ThreadPoolExecutor(8, thread_name_prefix="upload")
    app.state.uploads = Uploads(desk, app.state.pool)
    _install_errors(app)
    for room in (
        story_routes,
        tus_routes,
        import_routes,
        draft_routes,
        act_routes,
        hand_routes,
        look_routes,
    ):
        app.include_router(room.router, prefix="/v1")
    _publish_schemas(app)
    return app


def _install_errors(app: FastAPI) -> None:
    Handler = Callable[[Request, Any], Awaitable[JSONResponse]]  # noqa: N806

    def refuse(make: Callable[[Any], tuple[int, Sequence[Fault]]]) -> Handler:
        async def handler(request: Request, error: Any) -> JSONResponse:
            status, faults = make(error)
            if isinstance(error, PipelineError) and status >= 500:
                log.warning("api.refused", path=request.url.path, status=status, error=str(error))
            return answer_of(status, faults)

        return handler

    def of_request(error: RequestValidationError) -> tuple[int, Sequence[Fault]]:
        return 422, [
            Fault(
                str(e["type"]),
                ".".join(str(p) for p in e["loc"] if p not in {"body", "header", "query", "path"})
                or "body",
                f"不合要求 / {e['msg']}",
            )
            for e in error.errors()
        ]

    def of_http(error: HTTPException) -> tuple[int, Sequence[Fault]]:
        chinese = {404: "没有这个地址", 405: "这个地址不接受这种请求"}
        told = f"{chinese.get(error.status_code, '请求不合要求')} / {error.detail}"
        return error.status_code, [Fault("http", "path", told)]

    def of_anything(error: Exception) -> tuple[int, Sequence[Fault]]:
        where = traceback.format_tb(error.__traceback__)[-6:]
        log.error("api.failed", error=type(error).__name__, where="".join(where))
        return 500, [Fault("internal", "", "内部错误, 已记录 / internal error, logged")]

    app.add_exception_handler(PipelineError, refuse(faults_of_error))
    app.add_exception_handler(RequestValidationError, refuse(of_request))
    app.add_exception_handler(HTTPException, refuse(of_http))
    app.add_exception_handler(Exception, refuse(of_anything))


def _publish_schemas(app: FastAPI) -> None:
    """The filing models are read by hand (streamed), so their schemas are added by hand,
    whenever the document is made: routes may be added after this."""
    plain = app.openapi

    def whole() -> dict[str, Any]:
        made = plain()
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for model in BY_HAND:
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        return made

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way to extend it
