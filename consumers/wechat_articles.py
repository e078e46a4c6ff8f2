"""What became of a draft or an article: the questions that a publication asks WeChat.

Sources: api_freepublish_get, api_freepublish_batchget, api_freepublishgetarticle, api_getdraft.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from consumers.wechat_api import WechatApi
from consumers.wechat_codes import NO_SUCH_ARTICLE, NO_SUCH_MEDIA
from schemas.channel import Attempt
from schemas.errors import PermanentError, TransientError

_PAGE = 20
_FAILED = {
    2: ("originality", "原创声明未通过 / the claim of originality failed"),
    3: ("failed", "微信发布失败（常规失败） / WeChat failed to publish it"),
    4: ("review", "微信平台审核不通过 / WeChat's review refused it"),
    5: ("removed_by_author", "文章发布后已在公众平台被删除 / deleted on the platform's page"),
    6: ("removed_by_platform", "文章发布后被微信封禁 / taken down by WeChat"),
}


@dataclass(frozen=True)
class Published:
    """An article that a reader can open."""

    article_id: str
    url: str
    shown: dict[str, Any]
    """What the list tells of it; empty where nothing was listed."""


@dataclass(frozen=True)
class Running:
    """The publish job is not finished."""


@dataclass(frozen=True)
class Failed:
    """The job ended without an article, or the article was taken down since."""

    code: str
    reason: str


@dataclass(frozen=True)
class Deleted:
    """The article was public and was deleted."""


def job_result(
    api: WechatApi, publish_id: JsonValue, attempt: Attempt
) -> Published | Running | Failed:
    """What became of a submitted draft; spends ``status``."""
    said = api.call("/cgi-bin/freepublish/get", {"publish_id": publish_id}, attempt, "status")
    status = said.get("publish_status")
    if status == 1:
        return Running()
    if status in _FAILED:
        return Failed(*_FAILED[status])
    article_id = said.get("article_id")
    detail = said.get("article_detail")
    urls = [
        str(item.get("article_url") or "")
        for item in (detail.get("item") or [] if isinstance(detail, dict) else [])
        if isinstance(item, dict)
    ]
    if status != 0 or not isinstance(article_id, str) or not article_id:
        raise TransientError(
            f"微信给的发布状态不认识 / WeChat told no known publish status: {status!r}"
        )
    return Published(article_id, urls[0] if urls else "", {})


def listed(api: WechatApi, marker: str, pages: int, attempt: Attempt) -> Published | Deleted | None:
    """The newest published article whose address of the original has the marker in it.

    None: not on the first ``pages`` pages. Spends ``batchget``.
    """
    deleted = False
    for article_id, news in _published(api, pages, attempt):
        if marker in str(news.get("content_source_url", "")):
            if not news.get("is_deleted"):
                return Published(article_id, str(news.get("url", "")), news)
            deleted = True
    return Deleted() if deleted else None


def in_draft_box(api: WechatApi, media_id: JsonValue, attempt: Attempt) -> bool:
    """A draft that was published, or deleted, is not in the box; spends ``draft_get``."""
    try:
        api.call("/cgi-bin/draft/get", {"media_id": media_id}, attempt, "draft_get")
    except PermanentError as error:
        if error.faults[0].code == NO_SUCH_MEDIA:
            return False
        raise
    return True


def is_gone(api: WechatApi, article_id: str, attempt: Attempt) -> bool:
    """No reader can open the article any more; spends ``getarticle``."""
    try:
        said = api.call(
            "/cgi-bin/freepublish/getarticle", {"article_id": article_id}, attempt, "getarticle"
        )
    except PermanentError as error:
        if error.faults[0].code == NO_SUCH_ARTICLE:
            return True
        raise
    items = said.get("news_item")
    if not isinstance(items, list) or not items:
        raise TransientError("微信没有说这篇的情况 / WeChat told nothing about the article")
    return all(isinstance(item, dict) and bool(item.get("is_deleted")) for item in items)


def _published(
    api: WechatApi, pages: int, attempt: Attempt
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(article id, one of its articles), newest first, without their texts."""
    for page in range(pages):
        said = _page(api, page * _PAGE, 1, attempt)
        entries = said.get("item")
        if not isinstance(entries, list):
            raise TransientError("微信的文章列表读不出 / WeChat's list of articles cannot be read")
        if any(not _news(entry) for entry in entries):
            # ``no_content`` is documented as leaving out "content", which is also what the whole
            # entry is called; where the entry went too, ask for everything
            entries = _page(api, page * _PAGE, 0, attempt).get("item") or []
        for entry in entries:
            for news in _news(entry):
                yield str(entry.get("article_id", "")), news
        if (page + 1) * _PAGE >= int(said.get("total_count") or 0):
            return


def _page(api: WechatApi, offset: int, no_content: int, attempt: Attempt) -> dict[str, Any]:
    body = {"offset": offset, "count": _PAGE, "no_content": no_content}
    return api.call("/cgi-bin/freepublish/batchget", body, attempt, "batchget")


def _news(entry: Any) -> list[dict[str, Any]]:
    content = entry.get("content") if isinstance(entry, dict) else None
    news = content.get("news_item") if isinstance(content, dict) else None
    return [one for one in news if isinstance(one, dict)] if isinstance(news, list) else []
