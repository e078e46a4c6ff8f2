"""WeChat's documented limits, quotas and error codes, and the checks that rest on them.

Sources: developers.weixin.qq.com/doc, pages api_draft_add, api_draft_update, api_uploadimage,
api_addmaterial, api_getstableaccesstoken, API_Call_Limits, the table of global return codes; the
400xx/451xx texts as quoted in the platform's developer forum. What is not documented is noted
where it stands.
"""

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response


@dataclass(frozen=True)
class WechatLimits:
    """Sizes; the page's "MB" is read as 1024 × 1024 bytes."""

    title_chars: int = 32
    author_chars: int = 16
    digest_chars: int = 128
    digest_default_chars: int = 54
    content_chars_below: int = 20_000
    content_bytes_below: int = 1024 * 1024
    source_url_bytes: int = 1024
    articles_per_draft: int = 8
    body_image_bytes_below: int = 1024 * 1024
    material_image_bytes: int = 10 * 1024 * 1024
    material_thumb_bytes: int = 64 * 1024
    material_video_bytes: int = 10 * 1024 * 1024
    token_life_s: int = 7200
    token_renewed_early_s: int = 300
    force_refresh_per_day: int = 20
    force_refresh_apart_s: int = 30


DAILY_QUOTAS = {
    "stable_token": 500_000,
    # API_Call_Limits names 100,000 for temporary media only; operators report 45009 on these two
    # after about 1,000 calls, so the lower figure stands.
    "media/uploadimg": 1_000,
    "material/add_material": 1_000,
    "draft/add": 1_000,
    "draft/get": 500,
    "draft/update": 1_000,
    "draft/delete": 1_000,
    "draft/count": 1_000,
    "draft/batchget": 1_000,
    "freepublish/submit": 100,
    "freepublish/get": 100,
    "freepublish/delete": 10,
    "freepublish/getarticle": 100,
    "freepublish/batchget": 100,
}
"""Calls a Beijing day for a new account."""

ERROR_TEXTS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest,"
    " could get access_token by getStableAccessToken",
    40002: "invalid grant_type",
    40004: "invalid media type",
    40005: "invalid file type",
    40007: "invalid media_id",
    40009: "invalid image size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40060: "invalid article idx",
    40066: "invalid url",
    40097: "invalid args",
    40125: "invalid appsecret",
    40227: "invalid title",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41005: "media data missing",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    44002: "empty post data",
    44003: "empty news data",
    44004: "empty content",
    45001: "media size out of limit",
    45002: "content size out of limit",
    45003: "title size out of limit",
    45004: "description size out of limit",
    45005: "url size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45110: "author size out of limit",
    45166: "invalid content",
    47001: "data format error",
    48001: "api unauthorized",
    50002: "user limited",
    53500: "publish banned",
    53501: "publishing too often",
    53502: "invalid publish_id",
    53503: "draft failed the publish check",
    53504: "use the draft on the web page",
    53505: "save the draft by hand first",
    53600: "invalid article_id",
}


class Refusal(Exception):
    """The platform says no: an HTTP 200 with ``errcode`` and ``errmsg``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code} {ERROR_TEXTS.get(code, '')}")
        self.code = code


def answer(data: dict[str, Any]) -> Response:
    """JSON as the platform sends it: raw UTF-8, HTTP 200."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Response(text, media_type="application/json; encoding=utf-8")


def refusal_answer(code: int) -> Response:
    """The platform's error shape, with its hint and request id."""
    rid = "-".join(secrets.token_hex(4) for _ in range(3))
    text = f"{ERROR_TEXTS.get(code, 'error')} hint: [{secrets.token_urlsafe(9)}] rid: {rid}"
    return answer({"errcode": code, "errmsg": text})


_ESCAPED_CHARACTER = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")


def parse_body(raw: bytes) -> dict[str, Any]:
    r"""A request's JSON object. Raises Refusal: 44002 empty, 40033 ``\uXXXX``, 47001 not JSON."""
    if not raw.strip():
        raise Refusal(44002)
    if _ESCAPED_CHARACTER.search(raw):
        raise Refusal(40033)
    try:
        body = json.loads(raw.decode("utf-8"))
    except ValueError:
        raise Refusal(47001) from None
    if not isinstance(body, dict):
        raise Refusal(47001)
    return body


def text_field(source: dict[str, Any], key: str, *, wrong_type: int = 47001) -> str:
    """A text that may be missing (then empty); another type is refused with ``wrong_type``."""
    value = source.get(key, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal(wrong_type)
    return value


def number_field(source: dict[str, Any], key: str, default: int | None = None) -> int:
    """A JSON number. Numbers sent as text are refused (40097), as the platform does in lists."""
    value = source.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal(40097)
    return value


def check_article(article: dict[str, Any], limits: WechatLimits) -> None:
    """Refuse what ``draft/add`` refuses in one article, in the order of the fields."""
    if text_field(article, "article_type") not in {"", "news"}:
        raise Refusal(40097)
    title = text_field(article, "title")
    if not title.strip():
        raise Refusal(40227)
    if len(title) > limits.title_chars:
        raise Refusal(45003)
    if len(text_field(article, "author")) > limits.author_chars:
        raise Refusal(45110)
    if len(text_field(article, "digest")) > limits.digest_chars:
        raise Refusal(45004)
    content = text_field(article, "content")
    if not content.strip():
        raise Refusal(44004)
    if len(content) >= limits.content_chars_below:
        raise Refusal(45002)
    if len(content.encode()) >= limits.content_bytes_below:
        raise Refusal(45002)
    if len(text_field(article, "content_source_url").encode()) > limits.source_url_bytes:
        raise Refusal(45005)
    for flag in ("need_open_comment", "only_fans_can_comment"):
        if article.get(flag, 0) not in {0, 1}:
            raise Refusal(47001)
