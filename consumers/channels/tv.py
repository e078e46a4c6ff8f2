"""TV station (电视台) by hot folder: the clip as the station plays it, and a sidecar XML last.

County stations' playout systems take files from a share together with a sidecar of their maker's
own design; there is no public common schema, so the sidecar is a template that the station edits.
The shipped ones: ``sidecar.xml``, and ``sidecar_adi.xml`` in the manner of CableLabs ADI 1.1.

Files: ``<prefix><number>_r<release>.mxf`` (a correction replaces it) and
``…_v<version>.xml`` with the verb new, update or delete. Where the station writes acknowledgements
(``ack_folder``), an item is live once it is acknowledged; otherwise once both files are read back.
"""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from consumers import clip_folder, folder_answers, sidecar
from consumers.clip_folder import Clip, ClipFolder
from consumers.folder_records import Outlet, Prefix
from consumers.story_lines import Picture, lines_of, links_of, text_lines
from schemas.beijing import SHANGHAI
from schemas.body import media_of
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
from schemas.errors import Fault, PermanentError
from schemas.receipt import Receipt
from schemas.rendition import RecipeName, placeholder
from schemas.story import Story
from schemas.text import Line

capabilities = Capabilities(
    update=True, recall="yes", absent_is_sure=True, asynchronous=True, by_marker=True
)

_TIMECODE = r"^[0-2]\d:[0-5]\d:[0-5]\d:\d\d$"


class Spec(ChannelSpec):
    """A TV station's entry in the channels file; it counts no calls.

    ``call_deadline_s`` must leave time to copy the longest clip and read it back.
    """

    folder: Path
    """The hot folder, made by the station; never created here."""
    ack_folder: Path | None = None
    """Where the station writes ``<sidecar's base name>.ack.json``; none: no acknowledgements."""
    proof: str = Field(default="", max_length=100)
    """A file that lies in the hot folder and proves that its share is mounted."""
    prefix: Prefix = "SF"
    recipe: RecipeName = "tv_xdcam_hd422"
    sidecar_template: Path = sidecar.SHIPPED / "sidecar.xml"
    """A path, or the bare name of a shipped template."""
    sidecar_encoding: sidecar.Encoding = "UTF-8"
    title_max: int = Field(default=100, ge=4, le=200)
    """Characters that the station's programme list takes."""
    programme: Line = ""
    """栏目 of the station in which clips run."""
    slot: Line = ""
    """Planned time of transmission, as the station writes it."""
    station: dict[str, str] = Field(default_factory=dict)
    """Free values for the template."""
    fps: int = Field(default=25, ge=1, le=60)
    start_timecode: str = Field(default="00:00:00:00", pattern=_TIMECODE)
    """Timecode of the first frame, as the recipe writes it."""

    @model_validator(mode="after")
    def _template_will_do(self) -> Self:
        sample = sidecar.Sidecar(
            "SAMPLE-ID", "new", "SF000001_r1", 1, 1, 1, "0" * 36, "0" * 64,
            Payload(title="样片 <A&B>", filed_at="2026-11-24T12:00:00+08:00"),
            (sidecar.SidecarFile("SF000001_r1.mxf", 1, "0" * 32, "0" * 64),),
        )  # fmt: skip
        found = sidecar.faults(_template(self), sample, self.station, self.sidecar_encoding)
        if found:
            raise ValueError(f"sidecar_template: {found}")
        return self


class Payload(BaseModel):
    """The copy for the station: titles, the slip (口播/字幕稿) and the clips."""

    model_config = ConfigDict(frozen=True)

    title: str
    lead: str = ""
    slip: str = ""
    """The text to be spoken or set as captions, one line a paragraph."""
    correction: str = ""
    byline: str = ""
    source: str = ""
    desk: str = ""
    columns: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    urgency: int = 5
    digital_source_type: str = ""
    notes: tuple[str, ...] = ()
    """What does not go along with the clip, for the editor's eye."""
    programme: str = ""
    slot: str = ""
    filed_at: str = ""
    clips: tuple[Clip, ...] = ()


def render(story: Story, spec: Spec) -> Payload:
    title = story.headline_for(spec.id)
    if len(title) > spec.title_max:
        raise PermanentError(
            Fault(
                "too_long",
                "headline",
                f"标题 {len(title)} 字，电视最多 {spec.title_max} 字 / "
                f"headline has {len(title)} characters, {spec.title_max} at most",
                f"写 variants.{spec.id}.headline / give variants.{spec.id}.headline",
            )
        )
    lines = lines_of(
        story, spec.id, spec.family, image="print_image", clip=spec.recipe, with_cover=False
    )
    words = {"image": "图片", "video": "视频"}
    pictures = {p.number: f"【{words[p.kind]}】{p.line}" for p in lines.pictures}
    stills = sum(p.kind == "image" for p in lines.pictures)
    told = [f"图片 {stills} 幅未随片交付 / {stills} pictures stay behind"] if stills else []
    links = [f"链接 {text}: {address}" for text, address in links_of(lines.pieces)]
    return Payload(
        title=title,
        lead=lines.lead,
        slip="\n".join(text_lines(lines.pieces, pictures)),
        correction=story.correction,
        byline=story.byline,
        source=story.source,
        desk=story.desk,
        columns=story.columns,
        keywords=story.keywords,
        urgency=story.urgency,
        digital_source_type=story.digital_source_type,
        notes=(*told, *links),
        programme=spec.programme,
        slot=spec.slot,
        filed_at=story.updated_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        clips=_clips(story, spec, lines.pictures),
    )


def connect(spec: Spec, outside: Outside) -> ClipFolder:
    outlet = Outlet(
        folder=spec.folder,
        ack_folder=spec.ack_folder,
        proof=spec.proof,
        state_dir=outside.state_dir,
        people="编播系统",
        contact=spec.contact,
        now=outside.now,
    )
    return ClipFolder(
        outlet=outlet,
        prefix=spec.prefix,
        template=sidecar.load(_template(spec)),
        station=spec.station,
        encoding=spec.sidecar_encoding,
        fps=spec.fps,
        start_timecode=spec.start_timecode,
    )


def submit(account: ClipFolder, payload: Payload, attempt: Attempt) -> Live | Accepted | Refused:
    return clip_folder.deliver(account, payload, payload.clips, attempt, "new")


def confirm(
    account: ClipFolder, _payload: Payload, handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | Refused | Recalled | CannotRecall:
    return folder_answers.confirm(account.outlet, handle, attempt)


def update(
    account: ClipFolder, payload: Payload, _receipt: Receipt, attempt: Attempt
) -> Live | Accepted | Refused:
    return clip_folder.deliver(account, payload, payload.clips, attempt, "update")


def find(
    account: ClipFolder, payload: Payload, attempt: Attempt
) -> Live | Accepted | Absent | CannotTell:
    return clip_folder.find(account, payload, payload.clips, attempt)


def recall(
    account: ClipFolder, receipt: Receipt, reason: str, attempt: Attempt
) -> Recalled | Accepted | CannotRecall:
    gone = Payload(title=attempt.headline)
    return clip_folder.take_out(account, gone, receipt, reason, attempt)


def _clips(story: Story, spec: Spec, pictures: tuple[Picture, ...]) -> tuple[Clip, ...]:
    """The clips that the text shows, each once; else the story's clip that stands nowhere in it."""
    shown = {p.placeholder: p for p in reversed(pictures) if p.kind == "video"}
    if shown:
        return tuple(
            Clip(media=p.placeholder, caption=p.caption, credit=p.credit, duration_s=p.duration_s)
            for p in reversed(shown.values())
        )
    lone = story.first("video")
    if lone is not None and lone.ref not in media_of(story.body):
        return (Clip(media=placeholder(lone.sha256, spec.recipe), duration_s=lone.duration_s),)
    raise PermanentError(
        Fault(
            "no_clip",
            "body",
            "这条稿件没有给电视的视频 / the story has no clip for TV",
            "加一段视频，或不选电视渠道 / add a clip, or leave TV out of the plan",
        )
    )


def _template(spec: Spec) -> Path:
    shipped = sidecar.SHIPPED / spec.sidecar_template.name
    bare = spec.sidecar_template == Path(spec.sidecar_template.name)
    return shipped if bare and shipped.exists() else spec.sidecar_template
