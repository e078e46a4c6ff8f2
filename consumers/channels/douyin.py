"""抖音: a story's clip as an item of a Douyin account, published through the open platform.

Follows the platform's documents (developer.open-douyin.com: upload-video, video-part-upload,
video-create, video-data, account-video-list, refresh-access-token; delete as in the public SDKs).
The account's owner must have been granted ``video.create.bind``, ``video.data.bind``,
``video.list.bind`` and, for recalls, ``video.delete``.

A create carries no key against repeats, and an upload's ``video_id`` is not documented to be good
for one create only. What guards against a second item: a durable mark before each create, and
after a lost answer the account's own list, searched by the exact text and the time.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue, field_validator

from consumers.douyin_api import V1, DouyinApi
from consumers.douyin_codes import Busy
from consumers.douyin_copy import Clip, Limits, copy_of
from consumers.douyin_items import Item, Known, items_with_text, own_items, state_of
from consumers.douyin_upload import LEAST_PART_BYTES, upload_clip, upload_cover
from consumers.outlet_http import ApiBase, refused_by
from schemas.channel import (
    Absent,
    Accepted,
    Attempt,
    CannotRecall,
    CannotTell,
    Capabilities,
    ChannelSpec,
    Live,
    Outside,
    Recalled,
    Refused,
)
from schemas.errors import PermanentError, TransientError, UnknownOutcome
from schemas.hashing import sha256
from schemas.receipt import Receipt, Substitution
from schemas.story import Story

capabilities = Capabilities(update=False, recall="yes", absent_is_sure=True, asynchronous=True)
"""``find`` answers Absent only where no create was ever about to leave, or where the entry says
that the platform's list is conclusive."""

QUOTA = {
    "token": 500, "upload": 500, "upload_part": 5000, "upload_image": 500, "create": 75,
    "video_data": 1000, "video_list": 1000, "delete": 100,
}  # fmt: skip
"""Calls a day by verb. 75 items a day is what the platform takes of one account; the free quota of
the data calls is 1,000; the others are bounds of our own."""

RESERVE = {"token": 20, "video_data": 200}
"""Of these, what recalls alone may spend: a withdrawal comes through on a day that is used up."""

_MIB = 1024 * 1024
_CLOCK_SKEW_S = 120.0
_SAME_TEXT_S = 2 * 86_400.0


class Spec(ChannelSpec):
    """Verbs of ``quota``: those of :data:`QUOTA`; what an entry does not name keeps its default."""

    applies_to: Literal["all", "video"] = "video"
    api_base: ApiBase = "https://open.douyin.com"
    client_key: str = Field(min_length=1, max_length=128)
    tokens_file: Path
    """JSON ``{"access_token", "refresh_token", "open_id"}`` of a person's authorisation."""
    custom_cover: bool = False
    """Upload the vertical cover too; else Douyin takes the frame at ``cover_second``."""
    cover_second: float = Field(default=1.0, ge=0)
    whole_bytes: int = Field(default=50 * _MIB, ge=1, le=128 * _MIB)
    """Larger clips are uploaded in parts."""
    part_bytes: int = Field(default=20 * _MIB, ge=LEAST_PART_BYTES, le=128 * _MIB)
    total_bytes: int = Field(default=4096 * _MIB, ge=1)
    request_timeout_s: float = Field(default=15.0, gt=0, le=300)
    upload_timeout_s: float = Field(default=120.0, gt=0, le=1800)
    find_pages: int = Field(default=5, ge=1, le=50)
    """Pages of 20 own items that are searched, newest first."""
    listing_lag_s: float = Field(default=90.0, ge=0, le=86_400)
    """So long after a create an item may be missing in the list."""
    list_is_conclusive: bool = False
    """What is not listed after ``listing_lag_s`` was surely not created."""
    quota_hours: tuple[int, ...] = Field(default=(0, 8), min_length=1)
    """Full hours in Beijing at which a used-up quota comes back."""
    limits: Limits = Limits()
    hosts: tuple[str, ...] = ("www.douyin.com", "www.iesdouyin.com", "v.douyin.com")
    quota: dict[str, int] = QUOTA
    recall_reserve: dict[str, int] = RESERVE
    call_deadline_s: float = Field(default=300.0, gt=0, le=3600)
    settle_s: float = Field(default=15.0, ge=0, le=3600)
    poll_s: tuple[float, ...] = Field(default=(5.0, 15.0, 30.0, 60.0, 300.0), min_length=1)

    @field_validator("quota", mode="before")
    @classmethod
    def _with_defaults(cls, given: Any) -> Any:
        return {**QUOTA, **given} if isinstance(given, dict) else given


Payload = Clip


@dataclass(frozen=True)
class Account:
    spec: Spec
    outside: Outside
    api: DouyinApi
    known: Known

    def close(self) -> None:
        self.api.close()


def render(story: Story, spec: Spec) -> Payload:
    return copy_of(story, spec)


def connect(spec: Spec, outside: Outside) -> Account:
    known = Known(outside.state_dir / "items.json")
    return Account(spec, outside, DouyinApi(spec, outside), known)


def submit(account: Account, payload: Payload, attempt: Attempt) -> Live | Accepted | Refused:
    """Upload, create. Checkpoints: ``upload``, ``video``, ``cover``, ``creating`` (what is about
    to be created, and when), ``item``."""
    try:
        known = _sent_before(account, payload, attempt)
        if known is not None:
            return known
        return _create(account, _prepared(account, payload, attempt), payload, attempt)
    except PermanentError as error:
        return refused_by(error)


def confirm(
    account: Account, payload: Payload, handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | Refused:
    del payload
    try:
        return _outcome(account, handle, attempt)
    except PermanentError as error:
        # the account's trouble says nothing about the item
        raise TransientError(str(error), retry_after_s=300.0) from error


def update(account: Account, payload: Payload, receipt: Receipt, attempt: Attempt) -> Refused:
    del account, payload, receipt, attempt
    return Refused(
        "抖音已发布的视频不能修改, 只能撤回后重新发布"
        " / a published item cannot be edited: recall it and release anew",
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
    """Delete the item, then read back that no reader sees it."""
    del reason
    item_id = receipt.item_id
    done = Recalled("抖音视频已删除 / the item is deleted")
    try:
        if not attempt.checkpoints.get("deleted"):
            try:
                account.api.call("/video/delete/", attempt, "delete", body={"item_id": item_id})
            except PermanentError:
                # also what the platform says of an item that is gone
                if _is_public(account, item_id, attempt):
                    raise
                return done
            attempt.checkpoint("deleted", item_id)
        if _is_public(account, item_id, attempt):
            raise TransientError("deleted, but Douyin still shows the item", retry_after_s=20.0)
    except PermanentError as error:
        by_hand = "请在抖音 App 里手动删除 / delete it by hand in the app"
        return CannotRecall(account.spec.contact, f"{refused_by(error).reason}。{by_hand}")
    return done


def _sent_before(
    account: Account, payload: Payload, attempt: Attempt
) -> Live | Accepted | Refused | None:
    """What became of an earlier create of this release; None when a create is safe."""
    item = attempt.checkpoints.get("item")
    if isinstance(item, dict):
        return _outcome(account, item, attempt)
    mark = attempt.checkpoints.get("creating")
    if not isinstance(mark, dict):
        return None
    found = _created(account, mark, attempt)
    if found is not None:
        return found
    if mark.get("asked_to_repeat") or isinstance(_find(account, payload, attempt), Absent):
        return None
    raise UnknownOutcome("抖音是否已收下无法确定 / it is not known whether Douyin took it")


def _prepared(account: Account, payload: Payload, attempt: Attempt) -> dict[str, JsonValue]:
    """Media at the platform: all that a create rests on, and what its receipt will say."""
    spec, api, media = account.spec, account.api, []
    clip = attempt.media.files(payload.video)[0]
    video_id = upload_clip(spec, api, clip, attempt, account.outside.now())
    media.append(Substitution(placeholder=payload.video, sha256=clip.sha256, address=video_id))
    image_id = ""
    if payload.cover:
        cover = attempt.media.files(payload.cover)[0]
        image_id = upload_cover(spec, api, cover, attempt)
        media.append(Substitution(placeholder=payload.cover, sha256=cover.sha256, address=image_id))
    return {
        "video_id": video_id,
        "image_id": image_id,
        "text": payload.text,
        "payload_sha256": attempt.payload_sha256,
        "text_sha256": sha256(payload.text.encode()),
        "media": [one.model_dump(mode="json") for one in media],
    }


def _create(
    account: Account, mark: dict[str, JsonValue], payload: Payload, attempt: Attempt
) -> Accepted:
    body: dict[str, JsonValue] = {"video_id": mark["video_id"], "text": payload.text}
    if mark["image_id"]:
        body["custom_cover_image_url"] = mark["image_id"]
    elif payload.cover_second is not None:
        body["cover_tsp"] = payload.cover_second
    # all that may fail or take time comes before the mark, which stands for "may have left"
    account.api.ready(attempt)
    attempt.spend("create")
    mark = {**mark, "at": account.api.time()}
    attempt.checkpoint("creating", mark)
    try:
        data = account.api.call(f"{V1}create_video/", attempt, body=body, creating=True)
    except Busy:
        attempt.checkpoint("creating", {**mark, "asked_to_repeat": True})
        raise
    except (TransientError, PermanentError):
        attempt.checkpoint("creating", None)  # surely not carried out
        raise
    item_id = data.get("item_id")
    if not isinstance(item_id, str) or not item_id:
        raise UnknownOutcome("create_video answered without an item_id")
    handle: dict[str, JsonValue] = {"item_id": item_id, **mark}
    attempt.checkpoint("item", handle)
    account.known.add(item_id, attempt.marker)
    return Accepted(handle, "抖音审核中 / Douyin is reviewing it")


def _find(
    account: Account, payload: Payload, attempt: Attempt
) -> Live | Accepted | Absent | CannotTell:
    item, mark = attempt.checkpoints.get("item"), attempt.checkpoints.get("creating")
    if isinstance(item, dict):
        outcome = _outcome(account, item, attempt)
        if isinstance(outcome, Live):
            return outcome
        return Accepted(item, "抖音已收下, 结果待查 / Douyin took it, its result is to be asked")
    if not isinstance(mark, dict):
        # recorded before each create: none has left, unless our own record was lost
        if _listed(account, payload.text, account.api.time() - _SAME_TEXT_S, attempt):
            return CannotTell(
                "抖音上有文字相同的视频, 是不是这一条要人看 / an item with the same text is there"
            )
        return Absent()
    try:
        found = _created(account, mark, attempt)
    except UnknownOutcome as error:
        return CannotTell(error.reason)
    if found is not None:
        return found
    spec, since_s = account.spec, account.api.time() - float(str(mark.get("at", 0)))
    if since_s < spec.listing_lag_s:
        raise TransientError("抖音还没有列出这条视频 / not listed yet", retry_after_s=15.0)
    if spec.list_is_conclusive:
        return Absent()
    return CannotTell(
        f"抖音列表里没有「{payload.text[:20]}」, 是否收下无法确定, 请在 App 里查看"
        " / it is not listed, which proves nothing"
    )


def _created(
    account: Account, mark: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | None:
    """The item of a create whose answer was lost; UnknownOutcome when there are several."""
    since = float(str(mark.get("at", 0))) - _CLOCK_SKEW_S
    items = _listed(account, str(mark.get("text")), since, attempt)
    if len(items) > 1:
        raise UnknownOutcome("抖音上有几条文字相同的视频 / several items with the same text")
    if not items:
        return None
    handle: dict[str, JsonValue] = {"item_id": items[0].item_id, **mark}
    account.known.add(items[0].item_id, attempt.marker)
    if items[0].state == "public":
        return Live(_receipt(account, handle, items[0], attempt))
    return Accepted(handle, "抖音审核中 / Douyin is reviewing it")


def _listed(account: Account, text: str, since: float, attempt: Attempt) -> list[Item]:
    """Own items of this text that are not known to be of another release."""
    items = items_with_text(account.api, text, since, account.spec.find_pages, attempt)
    return [item for item in items if account.known.may_be(item.item_id, attempt.marker)]


def _outcome(
    account: Account, handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | Refused:
    item_id = str(handle.get("item_id"))
    item = state_of(account.api, item_id, attempt)
    if item is None or item.state == "hidden":
        # the data call shows public items only; the list shows the author's others too
        own = own_items(account.api, 1, attempt)
        item = next((one for one in own if one.item_id == item_id), item)
    if item is not None and item.state == "public":
        return Live(_receipt(account, handle, item, attempt))
    if item is not None and item.state == "refused":
        return Refused(
            "抖音审核未通过（不适宜公开） / Douyin's review: not fit to be public. "
            "原因见抖音 App 的通知 / the reason is in the app's notices",
            "review",
        )
    return Accepted(handle, "抖音审核中 / Douyin is reviewing it")


def _is_public(account: Account, item_id: str, attempt: Attempt) -> bool:
    item = state_of(account.api, item_id, attempt)
    return item is not None and item.state == "public"


def _receipt(
    account: Account, handle: dict[str, JsonValue], item: Item, attempt: Attempt
) -> Receipt:
    return Receipt.model_validate(
        {
            "item_id": item.item_id,
            "url": item.url,
            "at": account.outside.now(),
            "payload_sha256": handle.get("payload_sha256") or attempt.payload_sha256,
            "text_sha256": handle.get("text_sha256") or sha256(item.text.encode()),
            "media": handle.get("media") or (),
            "data": {"video_id": handle.get("video_id")},
        }
    )
