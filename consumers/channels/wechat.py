"""微信公众号: a story as an article of a WeChat Official Account, published by ``freepublish``.

Follows the platform's documents on drafts, publishing and materials
(developers.weixin.qq.com/doc: api_draft_add, api_freepublish_submit, api_freepublish_get,
api_freepublish_batchget, api_freepublishdelete, api_uploadimage, api_addmaterial).

A submit carries no key against repeats. What guards against a second article: a published draft
leaves the draft box, and every article links to its story with the marker of the release in the
address. After a lost answer the draft tells: still in the box, it was not published.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue, field_validator

from consumers.outlet_http import ApiBase, refused_by
from consumers.wechat_api import WechatApi
from consumers.wechat_articles import (
    Deleted,
    Failed,
    Published,
    Running,
    in_draft_box,
    is_gone,
    job_result,
    listed,
)
from consumers.wechat_codes import BY_HAND, NO_SUCH_ARTICLE, NO_SUCH_MEDIA, UNAUTHORIZED
from consumers.wechat_copy import Article, Limits, copy_of
from consumers.wechat_draft import make_draft
from consumers.wechat_uploads import WechatUploads
from schemas.channel import (
    Absent,
    Accepted,
    Attempt,
    AwaitingPerson,
    CannotRecall,
    CannotTell,
    Capabilities,
    ChannelSpec,
    Live,
    Outside,
    Recalled,
    Refused,
)
from schemas.errors import Fault, PermanentError, QuotaUsed, TransientError, UnknownOutcome
from schemas.hashing import fingerprint
from schemas.receipt import Receipt
from schemas.story import Story

capabilities = Capabilities(update=False, recall="yes", absent_is_sure=True, asynchronous=True)
"""A published article cannot be edited: a correction is a recall and a new release."""

QUOTA = {
    "token": 2000, "token_force": 18, "upload_image": 1000, "upload_cover": 1000,
    "draft_add": 1000, "draft_get": 500, "submit": 100, "status": 100, "delete": 10,
    "getarticle": 100, "batchget": 100,
}  # fmt: skip
"""Calls a Beijing day by verb, as documented for a new account (API_Call_Limits). ``delete`` is
spent by recalls alone; two of the twenty forced tokens are left to the operator."""

RESERVE = {"token": 20, "token_force": 2, "getarticle": 30}
"""Of these, what recalls alone may spend: a withdrawal comes through on a day that is used up."""

DEFAULT_COVER = Path(__file__).resolve().parents[2] / "deploy" / "wechat-cover.jpg"


class Spec(ChannelSpec):
    """Verbs of ``quota``: those of :data:`QUOTA`; what an entry does not name keeps its default."""

    api_base: ApiBase = "https://api.weixin.qq.com"
    appid: str = Field(min_length=1, max_length=64)
    secret_file: Path
    """File with the AppSecret alone."""
    mode: Literal["freepublish", "draft_only"] = "freepublish"
    """``draft_only``: the draft is made, a person publishes it on the platform's page."""
    story_url: str = Field(max_length=900)
    """Address behind 阅读原文, with ``{number}`` or ``{story_id}``."""
    default_cover: Path = DEFAULT_COVER
    """Cover of a story without picture and clip."""
    author: str = Field(default="", max_length=16)
    """Author where byline and source are too long for the field; both stand under the text."""
    need_open_comment: bool = False
    only_fans_can_comment: bool = False
    draft_box: str = "https://mp.weixin.qq.com"
    """Where a person publishes a draft."""
    request_timeout_s: float = Field(default=15.0, gt=0, le=300)
    upload_timeout_s: float = Field(default=40.0, gt=0, le=600)
    find_pages: int = Field(default=5, ge=1, le=50)
    """Pages of 20 published articles that are searched, newest first."""
    listing_lag_s: float = Field(default=300.0, ge=0, le=86_400)
    """So long after a submit an article may be missing in WeChat's list."""
    limits: Limits = Limits()
    hosts: tuple[str, ...] = ("mp.weixin.qq.com",)
    quota: dict[str, int] = QUOTA
    recall_reserve: dict[str, int] = RESERVE
    settle_s: float = Field(default=45.0, ge=0, le=3600)
    """A publish job runs 5 to 30 s, in which its draft may still lie in the box."""
    poll_s: tuple[float, ...] = Field(default=(8.0, 15.0, 60.0, 300.0, 900.0), min_length=1)
    """Sparse: the platform answers 100 status queries a day."""

    @field_validator("quota", mode="before")
    @classmethod
    def _with_defaults(cls, given: Any) -> Any:
        return {**QUOTA, **given} if isinstance(given, dict) else given

    @field_validator("story_url")
    @classmethod
    def _names_the_story(cls, text: str) -> str:
        names = set(re.findall(r"\{(.*?)\}", text))
        if not re.match(r"https?://\S+$", text) or not names or names - {"number", "story_id"}:
            raise ValueError(
                "应为含 {number} 或 {story_id} 的网址 / an address with {number} or {story_id}"
            )
        return text


Payload = Article


@dataclass(frozen=True)
class Account:
    spec: Spec
    outside: Outside
    api: WechatApi
    uploads: WechatUploads

    def close(self) -> None:
        self.api.close()


def render(story: Story, spec: Spec) -> Payload:
    return copy_of(story, spec)


def connect(spec: Spec, outside: Outside) -> Account:
    api = WechatApi(spec, outside)
    return Account(spec, outside, api, WechatUploads(api, outside.state_dir / "uploads.json"))


def submit(
    account: Account, payload: Payload, attempt: Attempt
) -> Live | Accepted | AwaitingPerson | Refused:
    """Upload, draft, submit. Checkpoints: ``draft``, ``submitting`` (the draft that is about to be
    submitted, and when), ``published`` (the job)."""
    try:
        known = _sent_before(account, payload, attempt)
        if known is not None:
            return known
        draft = _draft(account, payload, attempt)
        if account.spec.mode == "draft_only":
            return _by_hand(account, draft, "本渠道只建草稿 / this channel makes drafts only")
        return _submit_draft(account, draft, attempt)
    except PermanentError as error:
        return refused_by(error)


def confirm(
    account: Account, payload: Payload, handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | Refused:
    """Refused with code ``removed_by_author`` or ``removed_by_platform``: it was public before."""
    del payload
    try:
        return _outcome(account, handle, attempt)
    except PermanentError as error:
        # the account's trouble says nothing about the article
        raise TransientError(str(error), retry_after_s=300.0) from error


def update(account: Account, payload: Payload, receipt: Receipt, attempt: Attempt) -> Refused:
    del account, payload, receipt, attempt
    return Refused(
        "微信已发布的文章不能修改, 只能撤回后重新发布"
        " / a published article cannot be edited: recall it and release anew",
        "no_update",
    )


def find(
    account: Account, payload: Payload, attempt: Attempt
) -> Live | Accepted | Absent | CannotTell:
    try:
        return _find(account, payload, attempt)
    except PermanentError as error:
        return CannotTell(refused_by(error).reason)


def recall(
    account: Account, receipt: Receipt, reason: str, attempt: Attempt
) -> Recalled | CannotRecall:
    """Delete the article, then read back. The platform has ten deletes a day: none is spent on an
    article that is gone."""
    del reason
    article_id, who = receipt.item_id, account.spec.contact
    try:
        if attempt.checkpoints.get("deleting") and is_gone(account.api, article_id, attempt):
            return Recalled("微信文章已删除 / the article is deleted")
        attempt.checkpoint("deleting", article_id)
        _delete(account, article_id, attempt)
        gone = is_gone(account.api, article_id, attempt)
    except PermanentError as error:
        by_hand = f"请到 {account.spec.draft_box} 手动删除 / delete it by hand"
        return CannotRecall(who, f"{refused_by(error).reason}。{by_hand}")
    if not gone:
        raise TransientError("deleted, but WeChat still shows the article", retry_after_s=20.0)
    return Recalled("微信文章已删除 / the article is deleted")


def _sent_before(
    account: Account, payload: Payload, attempt: Attempt
) -> Live | Accepted | Refused | None:
    """What became of an earlier submit of this release; None when a submit is safe."""
    published = attempt.checkpoints.get("published")
    if isinstance(published, dict):
        return _outcome(account, published, attempt)
    if not attempt.checkpoints.get("submitting"):
        return None
    found = _find(account, payload, attempt)
    if isinstance(found, CannotTell):
        raise UnknownOutcome(found.reason)
    return None if isinstance(found, Absent) else found


def _draft(account: Account, payload: Payload, attempt: Attempt) -> dict[str, JsonValue]:
    """The draft of this very copy: the one recorded while it lies in the box, else a new one."""
    kept = attempt.checkpoints.get("draft")
    if (
        isinstance(kept, dict)
        and kept.get("payload_sha256") == attempt.payload_sha256
        and in_draft_box(account.api, kept.get("media_id"), attempt)
    ):
        return kept
    draft = make_draft(account.spec, account.api, account.uploads, payload, attempt)
    attempt.checkpoint("draft", draft)
    return draft


def _submit_draft(
    account: Account, draft: dict[str, JsonValue], attempt: Attempt
) -> Accepted | AwaitingPerson:
    attempt.checkpoint("submitting", {**draft, "at": account.outside.now().timestamp()})
    body = {"media_id": draft["media_id"]}
    try:
        said = account.api.call(
            "/cgi-bin/freepublish/submit", body, attempt, "submit", creating=True
        )
    except PermanentError as error:
        fault = error.faults[0]
        if fault.code in BY_HAND:
            return _by_hand(account, draft, fault.reason)
        if fault.code == NO_SUCH_MEDIA:  # published by somebody, or deleted: never made anew
            raise UnknownOutcome("草稿已不在草稿箱 / the draft is not in the box") from error
        raise
    publish_id = said.get("publish_id")
    if not publish_id:
        raise UnknownOutcome("freepublish/submit answered without a publish_id")
    handle: dict[str, JsonValue] = {"publish_id": publish_id, **draft}
    attempt.checkpoint("published", handle)
    return Accepted(handle, "微信正在发布 / WeChat is publishing it")


def _outcome(
    account: Account, handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | Refused:
    match job_result(account.api, handle.get("publish_id"), attempt):
        case Published() as article:
            return Live(_receipt(account, handle, article, attempt))
        case Failed() as failed:
            return Refused(failed.reason, failed.code)
        case Running():
            return Accepted(handle, "微信正在发布 / WeChat is publishing it")


def _find(
    account: Account, payload: Payload, attempt: Attempt
) -> Live | Accepted | Absent | CannotTell:
    published = attempt.checkpoints.get("published")
    if isinstance(published, dict):
        outcome = _outcome(account, published, attempt)
        if isinstance(outcome, Live):
            return outcome
        return Accepted(
            published, "微信已受理, 结果待查 / WeChat took it, its result is to be asked"
        )
    sent = attempt.checkpoints.get("submitting")
    seen = _listed(account, attempt)
    if isinstance(seen, Published):
        return Live(_receipt(account, sent if isinstance(sent, dict) else {}, seen, attempt))
    if isinstance(seen, Deleted):
        return CannotTell("文章发布过, 已被删除 / it was published and deleted since")
    if not isinstance(sent, dict):  # recorded before each submit: none has left
        return Absent()
    if in_draft_box(account.api, sent.get("media_id"), attempt):
        return Absent()
    since_s = account.outside.now().timestamp() - float(str(sent.get("at", 0)))
    if since_s < account.spec.listing_lag_s:
        raise TransientError("微信还没有列出这篇文章 / not listed yet", retry_after_s=15.0)
    return CannotTell(
        f"草稿已不在草稿箱, 已发布列表里也没有, 请到 {account.spec.draft_box} 查看"
        f"《{payload.title}》 / the draft left the box and no article is listed"
    )


def _listed(account: Account, attempt: Attempt) -> Published | Deleted | None:
    try:
        return listed(account.api, attempt.marker, account.spec.find_pages, attempt)
    except PermanentError as error:
        if error.faults[0].code == UNAUTHORIZED:  # such an account has published nothing by API
            return None
        raise


def _delete(account: Account, article_id: str, attempt: Attempt) -> None:
    """Raises PermanentError also where today's deletes are used up: a person can act at once."""
    used_up = Fault("45009", "quota", "今日删除次数已用完 / today's deletes are used up")
    try:
        attempt.spend("delete")
    except TransientError as error:
        raise PermanentError(used_up) from error
    try:
        body = {"article_id": article_id, "index": 0}
        account.api.call("/cgi-bin/freepublish/delete", body, attempt)
    except QuotaUsed as error:
        raise PermanentError(used_up) from error
    except PermanentError as error:
        if error.faults[0].code != NO_SUCH_ARTICLE:
            raise


def _by_hand(account: Account, draft: dict[str, JsonValue], why: str) -> AwaitingPerson:
    return AwaitingPerson(
        f"{draft['media_id']}",
        f"{why}。草稿已在草稿箱, 请到 {account.spec.draft_box} 「草稿箱」发表后回填文章地址"
        " / the draft is ready: publish it there and type in its address",
    )


def _receipt(
    account: Account, draft: dict[str, JsonValue], article: Published, attempt: Attempt
) -> Receipt:
    """``draft`` is empty where our record of the sending was lost: then the hash of the text is
    that of what WeChat lists."""
    return Receipt.model_validate(
        {
            "item_id": article.article_id,
            "url": article.url,
            "at": account.outside.now(),
            "payload_sha256": draft.get("payload_sha256") or attempt.payload_sha256,
            "text_sha256": draft.get("text_sha256") or fingerprint(article.shown),
            "media": draft.get("media") or (),
            "data": {k: draft[k] for k in ("media_id", "publish_id") if k in draft},
        }
    )
