"""One story: where it is with what evidence, and what may be done to it from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from desk.acts import Act as Deed
from desk.acts import Acts
from desk.answers import go, html
from desk.board import wave_choices
from desk.door import Door, Visit
from desk.screen import Screen
from desk.timeline import evidence, moments
from desk.words import FOR_PERSON, RECIPES, REFUSED, RENDITION_STATES, VERSION_STATES
from schemas.errors import Fault, InvalidInput, NotApproved, PermanentError, PipelineError
from schemas.rendition import parse_placeholder
from schemas.rights import Act, fault_of
from schemas.settling import with_looks
from stores.ledger import board_view, stories, views

DEEDS: dict[str, tuple[Act, str]] = {
    "hold": ("story.hold", "已暂缓 / held"),
    "resume": ("story.resume", "已恢复 / resumed"),
    "withdraw": (
        "story.withdraw",
        "已撤稿, 各渠道正在撤下 / withdrawn, being taken down everywhere",
    ),
    "open-wave": ("wave.open", "已开闸 / the wave is open"),
}
"""Name in the address → the right it needs, what is said afterwards."""


@dataclass(frozen=True)
class StoryPage:
    """``/board/stories/<id or number>`` and its acts, behind the door."""

    door: Door
    screen: Screen
    acts: Acts | None

    def install(self) -> None:
        self.door.add("/board/stories/{story}", self.show, "story.look")
        if self.acts is None:
            return
        for name, (right, _) in DEEDS.items():
            self.door.add(f"/board/stories/{{story}}/{name}", self.act, right, methods=["POST"])

    def _deed(self, name: str) -> Deed:
        assert self.acts is not None
        return {
            "hold": self.acts.hold,
            "resume": self.acts.resume,
            "withdraw": self.acts.withdraw,
            "open-wave": self.acts.open_wave,
        }[name]

    def act(self, visit: Visit) -> Response:
        """Do it, and show the story as it is then; a refusal is shown above the story."""
        name = visit.request.url.path.rpartition("/")[2]
        body: dict[str, Any] = {"reason": visit.form.get("reason", "")}
        if name == "open-wave":
            wave = visit.form.get("wave", "")
            body["wave"] = int(wave) if wave.isascii() and wave.isdigit() and len(wave) < 3 else 0
        try:
            shown = self._deed(name)(visit.who, visit.request.path_params["story"], body)
        except PermanentError as error:
            return self._page(visit, status=error.status, faults=error.faults)
        if visit.part:
            return self._page(visit, told=DEEDS[name][1])
        return go(f"/board/stories/{shown['number']}?done={name}")

    def show(self, visit: Visit) -> Response:
        done = visit.request.query_params.get("done", "")
        return self._page(visit, told=DEEDS[done][1] if done in DEEDS else "")

    def _page(
        self,
        visit: Visit,
        *,
        status: int = 200,
        told: str = "",
        faults: tuple[Fault, ...] = (),
    ) -> Response:
        key, part = visit.request.path_params["story"], visit.part
        try:
            with self.door.ledger.snapshot() as tx:
                row = stories.find(tx, key)
                if not visit.may_with("story.look", row):
                    raise NotApproved(fault_of("story.look", other_desk=True))
                detail = views.story_detail(tx, row.id)
                attempts = board_view.attempts_made(tx, row.id)
            specs = {spec.id: spec for spec in self.screen.specs}
            detail["deliveries"] = with_looks(detail["deliveries"], specs)
        except InvalidInput:
            reason = "没有这篇稿件 / no such story"
            return html("missing.html", 404, visit=visit, part=part, reason=reason)
        except NotApproved:
            raise
        except PipelineError:
            reason = "账本暂时读不到, 稍后再看 / not available now"
            return html("missing.html", 503, visit=visit, part=part, reason=reason)
        names = self.screen.names
        channels = {spec.id: spec.name for spec in self.screen.specs}
        return html(
            "story_part.html" if part else "story_page.html",
            status,
            visit=visit,
            story=detail,
            by=names.get(detail["by"], detail["by"]),
            moments=moments(detail, attempts, channels, names),
            evidence=evidence(detail, channels),
            failed=any(d["state"] in FOR_PERSON | REFUSED for d in detail["deliveries"]),
            versions=[
                {**v, "word": VERSION_STATES.get(v["state"], v["state"])}
                for v in detail["versions"]
            ],
            renditions=[_rendition(r) for r in detail["renditions"]],
            can=self._can(visit, row, detail),
            waves=wave_choices(detail["deliveries"]),
            told=told,
            faults=faults,
            typed=visit.form.get("reason", ""),
        )

    def _can(self, visit: Visit, row: Any, detail: Mapping[str, Any]) -> set[str]:
        """What this person may do to it as it stands."""
        if row.withdrawn_at is not None:
            return set()
        found = {"resend"} if visit.may_with("delivery.resend", row) else set()
        if self.acts is None:
            return found
        found |= {name for name, (right, _) in DEEDS.items() if visit.may_with(right, row)}
        found.discard("hold" if row.held_reason is not None else "resume")
        if not wave_choices(detail["deliveries"]):
            found.discard("open-wave")
        if visit.may_with("story.revise", row):
            found.add("revise")
        if visit.may("story.review") and detail["versions"][0]["waits_for"]:
            found.add("review")
        return found


def _rendition(row: Mapping[str, Any]) -> dict[str, str]:
    state = RENDITION_STATES.get(row["state"], row["state"])
    source, recipe = parse_placeholder(row["placeholder"])
    return {
        "name": RECIPES.get(recipe, recipe),
        "source": source,
        "state": f"{state} {row['progress']}%" if row["state"] == "working" else state,
        "reason": row["reason"],
    }
