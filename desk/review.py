"""三审: the queue, and one version beside what was read before, with what will really be sent.

The page's form carries the version and the hash of the copies that it showed. The ledger decides:
who signs something that changed meanwhile gets the page again, with what changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from desk import copy_text, diff
from desk.acts import Acts
from desk.answers import go, html
from desk.door import Door, Visit
from desk.screen import Screen
from schemas.checks import findings
from schemas.errors import Conflict, Fault, InvalidInput, NotApproved, PermanentError
from schemas.review import LEVEL_NAMES, REQUIRED
from schemas.rights import Act, fault_of
from stores.ledger import review_view, stories, views
from stores.ledger.review_view import Waiting

LEVEL_ACTS: dict[int, Act] = {1: "story.sign.1", 2: "story.sign.2", 3: "story.sign.3"}
PLACES = {
    "headline": "标题",
    "lead": "导语",
    "correction": "更正说明",
    "byline": "署名",
    "source": "来源",
    "keywords": "关键词",
    "columns": "栏目",
    "sections": "板块",
    "answers": "百姓的提问",
}


@dataclass(frozen=True)
class ReviewPages:
    """``/review`` and ``/review/<story>`` behind the door."""

    door: Door
    screen: Screen
    acts: Acts

    def install(self) -> None:
        self.door.add("/review", self.queue, "story.review")
        self.door.add("/review/{story}", self.show, "story.review")
        self.door.add("/review/{story}", self.judge, "story.review", methods=["POST"])

    def queue(self, visit: Visit) -> Response:
        whole = visit.request.query_params.get("show") == "all"
        with self.door.ledger.snapshot() as tx:
            found = [w for w in review_view.waiting(tx) if visit.may_with("story.look", w)]
        mine = [w for w in found if may_sign(visit, w)]
        return html(
            "review.html",
            visit=visit,
            centre=self.door.newsroom.centre,
            waiting=found if whole else mine,
            mine=len(mine),
            all=len(found),
            whole=whole,
            names=self.screen.names,
            level_names=LEVEL_NAMES,
            done=self._done(visit),
        )

    def _done(self, visit: Visit) -> str:
        """What was just done, for the banner; only words of ours."""
        number = visit.request.query_params.get("story", "")
        word = DONE.get(visit.request.query_params.get("done", ""), "")
        return f"稿 {number}: {word}" if word and number.isascii() and number.isdigit() else ""

    def show(self, visit: Visit) -> Response:
        return self._page(visit)

    def judge(self, visit: Visit) -> Response:
        """Sign, send back, or release urgently; pressed twice it is done once."""
        form, key = visit.form, visit.request.path_params["story"]
        what = form.get("act", "")
        if what not in DONE:
            told = "没有这种审核意见 / no such decision"
            raise InvalidInput(Fault("bad_act", "act", told))
        body = {
            "version": _number(form.get("version", "")),
            "level": 3 if what == "urgent" else _number(form.get("level", "")),
            "copies_sha256": form.get("copies_sha256", ""),
            "decision": "return" if what == "return" else "sign",
            "note": form.get("note", ""),
            "urgent": what == "urgent",
        }
        try:
            shown = self.acts.sign(visit.who, key, body)
        except (Conflict, NotApproved, InvalidInput) as error:
            number = self._done_before(visit, key, body)
            if number is None:
                return self._page(visit, error)
        else:
            number = int(shown["number"])
        return go(f"/review?done={what}&story={number}")

    def _done_before(self, visit: Visit, key: str, body: Mapping[str, Any]) -> int | None:
        """The story's number, where just this was done by just this person already."""
        with self.door.ledger.snapshot() as tx:
            row = stories.find(tx, key)
            for signed in stories.signature_rows(tx, row.id):
                same = (signed.person_id, signed.version, signed.level, signed.copies_sha256) == (
                    visit.who.id,
                    body["version"],
                    body["level"],
                    body["copies_sha256"],
                )
                asked = body["decision"] == "sign" and signed.urgent == body["urgent"]
                if same and asked and signed.voided_at is None:
                    return int(row.number)
        return None

    # -- one version -----------------------------------------------------------------------------

    def _page(self, visit: Visit, error: PermanentError | None = None) -> Response:
        key = visit.request.path_params["story"]
        with self.door.ledger.snapshot() as tx:
            row = stories.find(tx, key)
            if not visit.may_with("story.look", row):
                raise NotApproved(fault_of("story.look", other_desk=True))
            version = stories.version_row(tx, row.id, row.version)
            story = stories.story_of(tx, row.id, row.version)
            before = self._compared(visit, tx, row)
            old = None if before is None else stories.story_of(tx, row.id, before)
            copies = review_view.copies_of(tx, row.id, row.version)
            detail = views.story_detail(tx, row.id)
            waits = next((w for w in review_view.waiting(tx) if w.story.id == row.id), None)
        channels = {spec.id: spec.name for spec in self.screen.specs}
        refused = {channels.get(c.channel, c.channel): c.refused for c in copies if c.refused}
        rules = self.door.newsroom.checks
        found = findings(story, rules, refused)
        return html(
            "review_story.html",
            200 if error is None else error.status,
            visit=visit,
            centre=self.door.newsroom.centre,
            story=story,
            row=row,
            by=self.screen.names.get(version.by, version.by),
            filed=version.created_at,
            state=version.state,
            returned=version.note,
            copies_sha256=version.copies_sha256 or "",
            findings=[(_place(one.place, channels), one) for one in found],
            blocked=any(one.weight == "block" for one in found),
            before=before,
            changes=diff.changes(old, story),
            copies=[
                (channels.get(c.channel, c.channel), c, copy_text.lines(c.body) if c.body else [])
                for c in sorted(
                    copies,
                    key=lambda c: list(channels).index(c.channel) if c.channel in channels else 99,
                )
            ],
            signatures=detail["signatures"],
            level_names=LEVEL_NAMES,
            level=None if waits is None else my_level(visit, waits),
            next_level=None if waits is None else waits.level,
            owed=waits is not None and waits.owed,
            signed_already=waits is not None and visit.who.id in waits.signed_by,
            urgent=self._may_urgent(visit, waits),
            returns=self._return_level(visit, row, version.state),
            faults=() if error is None else error.faults,
            note=visit.form.get("note", ""),
        )

    def _compared(self, visit: Visit, tx: Any, row: Any) -> int | None:
        """The version that it is shown beside: the one the form was about, where that is not the
        newest any more, else the last that anybody read."""
        asked = _number(visit.form.get("version", ""))
        if asked is not None and 0 < asked < row.version:
            return asked
        return review_view.last_read(tx, row.id, row.version)

    def _may_urgent(self, visit: Visit, waits: Waiting | None) -> bool:
        if waits is None or waits.owed or visit.who.id in waits.signed_by or waits.level == 3:
            return False
        return visit.may_with("story.sign.3", waits)

    def _return_level(self, visit: Visit, row: Any, state: str) -> int | None:
        if state != "in_review" or row.withdrawn_at is not None:
            return None
        return next((n for n in REQUIRED if visit.may_with(LEVEL_ACTS[n], row)), None)


DONE = {
    "sign": "已签字 / signed",
    "return": "已退回 / sent back",
    "urgent": "已签发, 先发后补 / released, the other levels are owed",
}


def my_level(visit: Visit, waits: Waiting) -> int | None:
    """The level that this person may sign now."""
    if visit.who.id in waits.signed_by:
        return None
    levels = waits.story.owed_levels if waits.owed else (waits.level,)
    return next((n for n in levels if visit.may_with(LEVEL_ACTS[n], waits)), None)


def may_sign(visit: Visit, waits: Waiting) -> bool:
    return waits.story.has_copies and my_level(visit, waits) is not None


def _place(place: str, channels: Mapping[str, str]) -> str:
    """Where a finding is, in words."""
    head, _, rest = place.partition(".")
    if head == "body":
        return f"正文第 {rest} 块"
    if head in {"channels", "variants"}:
        channel, _, field = rest.partition(".")
        return f"{channels.get(channel, channel)} {PLACES.get(field, field)}".strip()
    return PLACES.get(head, head)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
