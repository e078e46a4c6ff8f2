"""Douyin's documented limits, error codes and JSON shapes.

Sources: developer.open-douyin.com "status-code" (28001xxx, 28003xxx), "refresh-access-token" and
"refresh-token" (10xxx, lives of tokens, five renewals), open.douyin.com ".../create/upload/"
(sizes, 15 min, 720p), and the fields of zhangshuai/douyin-go video.go and res.go.
"""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from deploy.simulators.platform_state import Clock, beijing_time

MIB = 1024 * 1024


@dataclass(frozen=True)
class DouyinLimits:
    whole_bytes: int = 128 * MIB
    """Above this only an upload in parts is taken."""
    part_bytes_least: int = 5 * MIB
    part_bytes_most: int = 128 * MIB
    total_bytes: int = 4096 * MIB
    upload_life_s: int = 2 * 3600
    duration_s: float = 15 * 60
    short_side_px: int = 720
    text_chars: int = 1000
    """Not in the open documentation; the app's own limit for a caption."""
    list_count: int = 20
    calls_per_second: int = 20
    """Of one interface; the platform's figure is not open (others have 100/s)."""
    access_life_s: int = 15 * 24 * 3600
    refresh_life_s: int = 30 * 24 * 3600
    refresh_renewals: int = 5


DAILY_QUOTAS = {"create_video": 75}
"""Calls a Beijing day; the figure is what integrators report for one account."""

ERROR_TEXTS = {
    10002: "参数错误",
    10003: "client_key 不存在",
    10004: "权限不足",
    10005: "缺少参数",
    10007: "授权码过期",
    10010: "refresh_token 过期",
    10013: "client_key 或者 client_secret 报错",
    10020: "超过刷新次数限制",
    28001003: "access_token无效",
    28001005: "系统繁忙,此时请开发者稍候再试",
    28001006: "网络调用错误,请重试",
    28001007: "参数不合法",
    28001008: "access_token过期,请刷新或重新授权",
    28001012: "用户未授权该OpenAPI",
    28001014: "应用未授权任何能力",
    28001015: "请求参数 access_token 和 openId不匹配",
    28001016: "当前应用已被封禁或下线",
    28001017: "未知URI",
    28001018: "应用未获得该能力",
    28001019: "当前能力已被封禁或下线",
    28001056: "该能力API已下线,不再支持调用",
    28003017: "quota 已用完",
    28003018: "请求频率过高",
}


class Refusal(Exception):
    """The platform says no: HTTP 200 with ``error_code`` in ``data`` and in ``extra``."""

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(f"{code} {ERROR_TEXTS.get(code, '')} {why}")
        self.code = code
        self.why = why


def answer(clock: Clock, data: dict[str, Any], code: int = 0, why: str = "") -> Response:
    """An answer of the content interfaces; ``why`` is the platform's ``sub_description``."""
    text = ERROR_TEXTS.get(code, "")
    now = clock()
    error = {"error_code": code, "description": text}
    extra = error | {
        "sub_error_code": 0,
        "sub_description": why or text,
        "logid": log_id(now),
        "now": now,
    }
    return _json({"data": data | error, "extra": extra})


def token_answer(clock: Clock, data: dict[str, Any], code: int = 0) -> Response:
    """An answer of the ``/oauth/`` interfaces, which have ``message`` in the place of ``extra``."""
    error = {"error_code": code, "description": ERROR_TEXTS.get(code, "")}
    if code:
        error |= {"captcha": "", "desc_url": "", "log_id": log_id(clock())}
    return _json({"data": data | error, "message": "error" if code else "success"})


def log_id(now_ms: int) -> str:
    return f"{beijing_time(now_ms):%Y%m%d%H%M%S}{secrets.token_hex(10).upper()}"


def parse_body(raw: bytes) -> dict[str, Any]:
    """A request's JSON object. Raises Refusal 28001007."""
    try:
        body = json.loads(raw.decode("utf-8"))
    except ValueError:
        raise Refusal(28001007, "body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(28001007, "body is not an object")
    return body


def _json(data: dict[str, Any]) -> Response:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Response(text, media_type="application/json; charset=utf-8")
