"""Pages of those who write: upload, drafts, compose, and what each outlet will show (预览)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.responses import PlainTextResponse, Response

from desk.answers import HEADERS, go, html
from desk.door import Door, Visit
from schemas.channel import ChannelSpec
from schemas.copy import ChannelCopy
from schemas.errors import Fault, InvalidInput, NotApproved, PermanentError
from schemas.hashing import sha256 as sha256_of_bytes
from schemas.rights import fault_of
from stores import objects
from stores.ledger import assets, stories, uploads
from stores.ledger.people import Caller
from stores.objects import Objects

_SHOWN = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_FRAME = "; ".join((
    "default-src 'none'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
))  # fmt: skip
"""A copy is shown without scripts, forms or anything from another place."""

Preview = Callable[[ChannelCopy, ChannelSpec], str]
"""One channel's copy as a page of its own; ``asset://`` placeholders stay for us to fill in."""


@dataclass(frozen=True)
class Writing:
    """What the ways in and the channels do for these pages; passed in by the wiring."""

    begin: Callable[[Caller, str | None], dict[str, Any]]
    look: Callable[[Caller, str], dict[str, Any]]
    save: Callable[[Caller, str, Any, int], dict[str, Any]]
    mine: Callable[[Caller], list[dict[str, Any]]]
    copies: Callable[[Caller, str], Mapping[str, ChannelCopy | str]]
    """Draft → channel → its copy, or why it cannot carry the story."""
    previews: Mapping[str, Preview]
    """Module → how its outlet shows a copy."""
    styles: Mapping[str, bytes]
    """Style sheets that previews name, by file name."""
    fill: Callable[[str, Callable[[str], str]], str]
    """Page, placeholder → address."""
    kind: Callable[[ChannelSpec], tuple[str, ...]]
    """Widths at which an outlet is shown: ``phone``, ``wide``."""


class WaysPages:
    def __init__(
        self, door: Door, specs: Mapping[str, ChannelSpec], store: Objects, writing: Writing
    ) -> None:
        self.door, self.specs, self.store, self.writing = door, specs, store, writing
        self.centre = door.newsroom.centre

    def install(self) -> None:
        add = self.door.add
        add("/upload", self.upload, "story.file")
        add("/compose", self.drafts, "story.file")
        add("/compose/new", self.new, "story.file")
        add("/compose/story/{story}", self.revise, "story.revise")
        add("/compose/media/{asset}", self.media, "story.look")
        add("/compose/{draft}", self.compose, "story.file")
        add("/compose/{draft}/preview", self.preview, "story.file")
        add("/compose/{draft}/preview/{channel}", self.frame, "story.file")
        add("/preview/style/{name}", self.style, None)
        add("/preview/media/{sha256}", self.media_by_hash, "story.look")
        add("/preview/{story}", self.preview_filed, "story.look")
        add("/preview/{story}/{channel}", self.frame_filed, "story.look")

    # -- upload and drafts -------------------------------------------------------------------------

    def upload(self, visit: Visit) -> Response:
        limits = self.door.newsroom.uploads
        with self.door.ledger.snapshot() as tx:
            rows = uploads.newest(tx, visit.who.id, limit=40)
        told = [
            {"id": r.id, "file_name": r.file_name, "offset": r.offset, "length": r.length,
             "receipt": f"S{r.number:06d}", "state": r.state, "created_at": r.created_at,
             "expires_at": r.expires_at}
            for r in rows
        ]  # fmt: skip
        return html(
            "upload.html",
            visit=visit,
            centre=self.centre,
            unfinished=[one for one in told if one["state"] == "open"],
            kept=[one for one in told if one["state"] == "done"][:12],
            image_mb=limits.image_bytes // 1024**2,
            video_gb=f"{limits.video_bytes / 1024**3:g}",
            video_min=round(limits.video_s / 60),
        )

    def drafts(self, visit: Visit) -> Response:
        found = [
            {**one, "updated_at": _ms(one["updated_at"])} for one in self.writing.mine(visit.who)
        ]
        return html("drafts.html", visit=visit, centre=self.centre, drafts=found)

    def new(self, visit: Visit) -> Response:
        """An empty draft, or one that begins with media that were uploaded (``?media=``)."""
        named = [one for one in visit.request.query_params.get("media", "").split(",") if one]
        draft = self.writing.begin(visit.who, None)
        if named:
            content = self._with_media(named[:40])
            self.writing.save(visit.who, draft["id"], content, draft["version"])
        return go(f"/compose/{draft['id']}")

    def _with_media(self, named: list[str]) -> dict[str, Any]:
        body: list[dict[str, Any]] = [{"kind": "paragraph", "spans": [{"text": ""}]}]
        media = []
        with self.door.ledger.snapshot() as tx:
            for number, asset_id in enumerate(named, 1):
                try:
                    asset = assets.get(tx, asset_id)
                except InvalidInput:
                    continue
                if asset.kind in {"image", "video"}:
                    media.append({"ref": f"m{number}", "asset_id": str(asset.id)})
                    body.append({"kind": asset.kind, "media": f"m{number}"})
        return {"headline": "", "body": body, "media": media}

    def revise(self, visit: Visit) -> Response:
        draft = self.writing.begin(visit.who, visit.request.path_params["story"])
        return go(f"/compose/{draft['id']}")

    def compose(self, visit: Visit) -> Response:
        draft = self.writing.look(visit.who, visit.request.path_params["draft"])
        known = {}
        with self.door.ledger.snapshot() as tx:
            for medium in _rows(draft["content"].get("media")):
                try:
                    asset = assets.get(tx, str(medium.get("asset_id")))
                except InvalidInput:
                    continue
                known[str(asset.id)] = {"kind": asset.kind, "file_name": asset.file_name}
        specs = [spec for spec in self.specs.values() if spec.active]
        start = {"content": draft["content"], "version": draft["version"], "yours": draft["yours"],
                 "holder_name": draft["holder_name"], "assets": known,
                 "outlets": [{"id": s.id, "name": s.name} for s in specs]}  # fmt: skip
        return html(
            "compose.html", visit=visit, centre=self.centre, draft=draft, start=start, specs=specs
        )

    # -- media -------------------------------------------------------------------------------------

    def media(self, visit: Visit) -> Response:
        with self.door.ledger.snapshot() as tx:
            asset = assets.get(tx, visit.request.path_params["asset"])
            key = assets.object_key(tx, asset.sha256)
        return self._picture(key, asset.sha256, asset.content_type)

    def media_by_hash(self, visit: Visit) -> Response:
        with self.door.ledger.snapshot() as tx:
            row = assets.with_sha256(tx, visit.request.path_params["sha256"])
        if row is None:
            return self._picture(None, "", "")
        return self._picture(row.object_key, row.sha256, row.content_type)

    def _picture(self, key: str | None, sha256: str, content_type: str) -> Response:
        """A picture as it was uploaded; nothing else is ever served from here."""
        if key is None or content_type not in _SHOWN:
            return PlainTextResponse("没有图 / no picture", 404, headers=HEADERS)
        data = objects.get(self.store, key, sha256)
        kept = {"Cache-Control": "private, max-age=86400, immutable"}
        policy = {"Content-Security-Policy": "default-src 'none'; sandbox"}
        return Response(data, media_type=content_type, headers={**HEADERS, **kept, **policy})

    # -- preview -----------------------------------------------------------------------------------

    def preview(self, visit: Visit) -> Response:
        draft = visit.request.path_params["draft"]
        copies = self.writing.copies(visit.who, draft)
        return self._previews(visit, copies, f"/compose/{draft}/preview", frozen=False)

    def frame(self, visit: Visit) -> Response:
        copies = self.writing.copies(visit.who, visit.request.path_params["draft"])
        return self._frame(copies.get(visit.request.path_params["channel"]))

    def preview_filed(self, visit: Visit) -> Response:
        copies = self._frozen(visit)
        here = f"/preview/{visit.request.path_params['story']}"
        return self._previews(visit, copies, here, frozen=True)

    def frame_filed(self, visit: Visit) -> Response:
        return self._frame(self._frozen(visit).get(visit.request.path_params["channel"]))

    def style(self, visit: Visit) -> Response:
        found = self.writing.styles.get(visit.request.path_params["name"])
        if found is None:
            return PlainTextResponse("没有这个文件 / no such file", 404, headers=HEADERS)
        return Response(found, media_type="text/css; charset=utf-8", headers=HEADERS)

    def _frozen(self, visit: Visit) -> dict[str, ChannelCopy | str]:
        """The copies that reviewers sign and publishers send, as they were frozen."""
        found: dict[str, ChannelCopy | str] = {}
        with self.door.ledger.snapshot() as tx:
            row = stories.find(tx, visit.request.path_params["story"])
            if not visit.may_with("story.look", row):
                raise NotApproved(fault_of("story.look", other_desk=True))
            for channel, copy in stories.copies_of(tx, row.id, row.version).items():
                if copy.sha256 is None:
                    found[channel] = copy.refused
                    continue
                body = stories.copy_body(tx, copy.sha256, row.id, channel)
                if body is None or sha256_of_bytes(body) != copy.sha256:
                    body = objects.get(self.store, f"copies/{copy.sha256}", copy.sha256)
                found[channel] = ChannelCopy.model_validate_json(body)
        return found

    def _previews(
        self, visit: Visit, copies: Mapping[str, ChannelCopy | str], here: str, *, frozen: bool
    ) -> Response:
        shown = []
        for channel, copy in copies.items():
            spec = self.specs.get(channel)
            if spec is None:
                continue
            there = isinstance(copy, ChannelCopy) and copy.module in self.writing.previews
            shown.append({"name": spec.name, "address": f"{here}/{channel}" if there else "",
                          "refused": "" if isinstance(copy, ChannelCopy) else copy,
                          "views": self.writing.kind(spec)})  # fmt: skip
        made = html("preview.html", visit=visit, centre=self.centre, shown=shown, frozen=frozen)
        made.headers["Content-Security-Policy"] += "; frame-src 'self'"
        return made

    def _frame(self, copy: ChannelCopy | str | None) -> Response:
        spec = self.specs.get(copy.channel) if isinstance(copy, ChannelCopy) else None
        if not isinstance(copy, ChannelCopy) or spec is None:
            told = "这个渠道没有稿 / no copy for this outlet"
            raise PermanentError(Fault("no_copy", "channel", told), status=404)
        page = self.writing.previews[copy.module](copy, spec)
        page = self.writing.fill(page, lambda sha256: f"/preview/media/{sha256}")
        headers = {**HEADERS, "Content-Security-Policy": _FRAME}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
