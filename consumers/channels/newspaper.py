"""The newspaper (报纸): a package per story for the page desk, its manifest last.

Page systems of county papers (Founder, InDesign) import files from a watched folder; there is no
public import schema, so a package holds the story in the forms that all of them take: DOCX, ICML,
text in UTF-8 and GB18030, IPTC ninjs 3.1, and the pictures in full resolution. A withdrawal is a
notice: people take the story off the page. Where the desk writes acknowledgements (``ack_folder``),
an item is live once it is acknowledged; otherwise once the package is read back.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from consumers import folder_answers, package_folder
from consumers.article import PrintCopy
from consumers.folder_records import Outlet, Prefix
from consumers.package_folder import PackageFolder
from consumers.story_lines import lines_of
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
from schemas.story import Story
from schemas.text import Line

capabilities = Capabilities(
    update=True, recall="notice", absent_is_sure=True, asynchronous=True, by_marker=True
)

_ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Spec(ChannelSpec):
    """A newspaper's entry in the channels file; it counts no calls."""

    folder: Path
    """The hot folder, made by the page desk; never created here."""
    ack_folder: Path | None = None
    """Where the desk writes ``<package>.ack.json``; none: no acknowledgements."""
    proof: str = Field(default="", max_length=100)
    """A file that lies in the hot folder and proves that its share is mounted."""
    prefix: Prefix = "SF"
    headline_max: int = Field(default=100, ge=4, le=200)
    edition: Line = ""
    """Name of the paper or edition."""
    page: Line = ""
    """版次 where no entry of ``pages`` fits."""
    pages: dict[str, str] = Field(default_factory=dict)
    """Column or section of the story → page."""
    column: Line = ""
    """栏目 of the page for stories without a column."""
    cut_off: _ClockTime | None = None
    """Beijing time at which an edition closes; the manifest says which one a story reaches."""
    print_width_mm: float = Field(default=120.0, gt=0, le=2000)
    """Width for which the effective resolution of pictures is stated."""


class Payload(PrintCopy):
    """The copy for the page desk."""


def render(story: Story, spec: Spec) -> Payload:
    headline = story.headline_for(spec.id)
    if len(headline) > spec.headline_max:
        raise PermanentError(
            Fault(
                "too_long",
                "headline",
                f"标题 {len(headline)} 字，报纸最多 {spec.headline_max} 字 / "
                f"headline has {len(headline)} characters, {spec.headline_max} at most",
                f"写 variants.{spec.id}.headline / give variants.{spec.id}.headline",
            )
        )
    lines = lines_of(
        story, spec.id, spec.family, image="print_image", clip="print_still", with_cover=True
    )
    page = next(
        (spec.pages[k] for k in (*story.columns, *story.sections) if k in spec.pages), spec.page
    )
    column = story.columns[0] if story.columns else spec.column
    imprint = [f"{spec.prefix}{story.number:06d}", f"第 {story.version} 稿", spec.edition]
    imprint += [f"{page} 版" if page else "", column]
    return Payload(
        pieces=lines.pieces,
        pictures=lines.pictures,
        headline=headline,
        byline=story.byline,
        source=story.source,
        desk=story.desk,
        imprint="　".join(part for part in imprint if part),
        language=story.language,
        edition=spec.edition,
        page=page,
        column=column,
        print_width_mm=spec.print_width_mm,
        created_at=story.created_at.isoformat(),
        updated_at=story.updated_at.isoformat(),
        urgency=story.urgency,
        keywords=story.keywords,
        columns=story.columns,
        digital_source_type=story.digital_source_type,
    )


def connect(spec: Spec, outside: Outside) -> PackageFolder:
    outlet = Outlet(
        folder=spec.folder,
        ack_folder=spec.ack_folder,
        proof=spec.proof,
        state_dir=outside.state_dir,
        people="版面编辑",
        contact=spec.contact,
        now=outside.now,
    )
    return PackageFolder(outlet, spec.prefix, spec.cut_off)


def submit(account: PackageFolder, payload: Payload, attempt: Attempt) -> Live | Accepted | Refused:
    return package_folder.deliver(account, payload, attempt, "new")


def confirm(
    account: PackageFolder, _payload: Payload, handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | Refused | Recalled | CannotRecall:
    return folder_answers.confirm(account.outlet, handle, attempt)


def update(
    account: PackageFolder, payload: Payload, _receipt: Receipt, attempt: Attempt
) -> Live | Accepted | Refused:
    return package_folder.deliver(account, payload, attempt, "update")


def find(
    account: PackageFolder, payload: Payload, attempt: Attempt
) -> Live | Accepted | Absent | CannotTell:
    return package_folder.find(account, payload, attempt)


def recall(
    account: PackageFolder, receipt: Receipt, reason: str, attempt: Attempt
) -> Recalled | Accepted | CannotRecall:
    return package_folder.take_out(account, receipt, reason, attempt)
