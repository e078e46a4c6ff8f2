"""A platform in memory with moods: it loses answers, is busy, refuses, reviews for a while."""

from dataclasses import dataclass, field
from typing import Any

from schemas.channel import Absent, Accepted, Live, Recalled, Refused
from schemas.errors import Fault, PermanentError, TransientError, UnknownOutcome
from tests.centre import CopyPayload, Outlet

MOODS = ("ok", "ok", "ok", "lost", "never", "busy", "refuse", "wait")
"""lost: carried out, the answer lost; never: lost before it was carried out."""


@dataclass
class Platform(Outlet):
    """An outlet with moods: what it does with the next call."""

    mood: str = "ok"
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """(verb, marker, version) of each create and update that it took, in order."""

    def _mood(self) -> str:
        mood, self.mood = self.mood, "ok"
        if mood == "never":
            raise UnknownOutcome("the line broke before the request left")
        if mood == "busy":
            raise TransientError("busy")
        return mood

    def _answer(self, mood: str, handle: dict[str, Any], receipt: Any, *, asks: bool) -> Any:
        if mood == "lost":
            raise UnknownOutcome("the answer was lost")
        return Accepted(handle, "under review") if asks else Live(receipt)

    def submit(self, _account: Any, payload: CopyPayload, attempt: Any) -> Any:
        mood = self._mood()
        if mood == "refuse":
            return Refused("不收")
        self.requests.append(("create", attempt.marker, attempt.version))
        self.items[attempt.marker] = {
            "version": attempt.version,
            "state": "review" if self.asynchronous else "live",
            "next": None,
        }
        return self._answer(mood, {"verb": "create"}, self.receipt(attempt), asks=self.asynchronous)

    def update(self, _account: Any, payload: CopyPayload, _receipt: Any, attempt: Any) -> Any:
        mood = self._mood()
        if mood == "refuse":
            return Refused("不收更正")
        self.requests.append(("update", attempt.marker, attempt.version))
        item = self.items[attempt.marker]
        if self.asynchronous:
            item["next"] = attempt.version
        else:
            item["version"] = attempt.version
        return self._answer(mood, {"verb": "update"}, self.receipt(attempt), asks=self.asynchronous)

    def confirm(self, _account: Any, _payload: Any, handle: Any, attempt: Any) -> Any:
        mood = self._mood()
        if mood == "wait":
            return Accepted(handle, "still under review")
        item = self.items.get(attempt.marker)
        match handle["verb"]:
            case "recall":
                self.items.pop(attempt.marker, None)
                return Recalled("gone")
            case "create" if mood == "refuse" or item is None:
                self.items.pop(attempt.marker, None)
                return Refused("审核未通过")
            case "update" if mood == "refuse" and item is not None:
                item["next"] = None
                return Refused("更正审核未通过")
        assert item is not None, "confirm asks for an item that was never there"
        item |= {"state": "live", "version": item["next"] or item["version"], "next": None}
        return Live(self.receipt(attempt))

    def find(self, _account: Any, _payload: Any, attempt: Any) -> Any:
        self._mood()
        item = self.items.get(attempt.marker)
        if item is None:
            return Absent()
        if item["state"] == "review":
            return Accepted({"verb": "create"}, "under review")
        return Live(self.receipt(attempt))

    def recall(self, _account: Any, _receipt: Any, _reason: str, attempt: Any) -> Any:
        mood = self._mood()
        if mood == "refuse":
            raise PermanentError(Fault("no", "item", "撤不了"))
        if self.asynchronous and mood != "lost":
            return Accepted({"verb": "recall"}, "being taken down")
        self.items.pop(attempt.marker, None)
        if mood == "lost":
            raise UnknownOutcome("the answer was lost")
        return Recalled("gone")
