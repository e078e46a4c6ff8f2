"""The channel modules of the simulation: what ``schemas.channel.Channel`` asks for, over the line."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from schemas.channel import (
    Absent,
    Accepted,
    AwaitingPerson,
    CannotRecall,
    CannotTell,
    Capabilities,
    ChannelSpec,
    Live,
    Recalled,
    Refused,
)
from schemas.receipt import Receipt
from tests.simulation.outlets import Kind, Request


class Copy(BaseModel):
    headline: str
    media: list[str] = []


@dataclass(frozen=True)
class Module:
    """One channel's module, for one world."""

    kind: Kind
    world: Any
    Spec: type[ChannelSpec] = ChannelSpec
    Payload: type[BaseModel] = Copy

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            update=self.kind.update,
            recall="yes" if self.kind.recall else "no",
            absent_is_sure=self.kind.sure,
            asynchronous=self.kind.asynchronous,
        )

    def render(self, story: Any, _spec: Any) -> Copy:
        return Copy(headline=story.headline)

    def connect(self, _spec: Any, _outside: Any) -> Any:
        return SimpleNamespace(close=lambda: None)

    def submit(self, _account: Any, payload: Copy, attempt: Any) -> Any:
        kind = self.kind
        if kind.hand_off:
            return AwaitingPerson(f"{attempt.marker}.zip", "请人工投递")
        if kind.drafts and "draft" not in attempt.checkpoints:
            attempt.checkpoint("draft", self._ask(Request(kind.name, "draft", attempt)))
        if kind.quota is not None:
            attempt.spend("create")
        return self._change(Request(kind.name, "create", attempt, payload.headline))

    def update(self, _account: Any, payload: Copy, receipt: Receipt, attempt: Any) -> Any:
        request = Request(self.kind.name, "update", attempt, payload.headline, receipt.item_id)
        return self._change(request)

    def recall(self, _account: Any, receipt: Receipt, _reason: str, attempt: Any) -> Any:
        if not self.kind.recall:
            return CannotRecall("平台客服", "没有撤回接口")
        answer = self._change(Request(self.kind.name, "recall", attempt, item=receipt.item_id))
        return Recalled("已删除") if isinstance(answer, Live) else answer

    def confirm(self, _account: Any, _payload: Copy, handle: Any, attempt: Any) -> Any:
        item = self._ask(Request(self.kind.name, "look", attempt, item=handle["item"]))
        verb = handle["verb"]
        if item is None:
            return Recalled("已删除") if verb == "recall" else Refused("没有这一条")
        if verb == "recall":
            return CannotRecall("平台", "还在")
        if item.state == "rejected":
            return Refused("审核未通过")
        if item.state == "review" or item.next is not None:
            return Accepted(handle, "审核中")
        if verb == "update" and item.version != attempt.version:
            return Refused("更正审核未通过")
        return Live(self._receipt(item.id, attempt))

    def find(self, _account: Any, _payload: Copy, attempt: Any) -> Any:
        item = self._ask(Request(self.kind.name, "look", attempt))
        if item is None:
            unsure = not self.kind.sure and self.world.chance(0.2)
            return CannotTell("列表可能还没有它") if unsure else Absent()
        if item.state in {"review", "rejected"}:
            return Accepted({"verb": "create", "item": item.id}, "审核中")
        return Live(self._receipt(item.id, attempt))

    def _ask(self, request: Request) -> Any:
        return self.world.line.call(request, mutates=False)

    def _change(self, request: Request) -> Any:
        reply = self.world.line.call(request, mutates=True)
        if isinstance(reply, Refused):
            return reply
        if self.kind.asynchronous:
            return Accepted({"verb": request.verb, "item": reply}, "平台处理中")
        return Live(self._receipt(reply, request.attempt))

    def _receipt(self, item: str, attempt: Any) -> Receipt:
        return Receipt(
            item_id=item,
            at=datetime.fromtimestamp(self.world.stage.now, tz=UTC),
            payload_sha256=attempt.payload_sha256,
            text_sha256="0" * 64,
        )
