"""Look into a file that somebody sent: what it is and whether it can be used at all.

Of a clip the headers and all packet times are read, and where the sender waits for words about it
(``listen``) its keyframes and sound decoded, so a normal one takes about a second; a picture is
decoded to its end. A file is opened by the one reader that its first bytes
name; whatever makes a player fetch another file or address is refused before any program sees it.
"""

from pathlib import Path
from typing import Any

from schemas.errors import Fault, InvalidInput
from schemas.story import MediaKind
from streams import refusals
from streams.clip_facts import Bounds, check_declared, clip_facts, probed
from streams.ffmpeg_run import ProgramFailed
from streams.ffprobe import fields_of, packets_of, streams_of
from streams.media_facts import MediaFacts
from streams.media_words import problems, told
from streams.pictures import Unreadable, look
from streams.programs import Programs
from streams.refusals import Refused
from streams.sniff import HEAD_BYTES, Sniffed, kind_by_name, sniff
from streams.survey import surveyed
from streams.whole import check_whole

_KNOW_FIELDS = {"h264", "hevc", "mpeg2video", "prores", "dvvideo", "dnxhd", "mpeg4", "vc1"}
_FEWEST_LINES = 400  # no format below has fields


def inspect(
    path: Path,
    programs: Programs,
    *,
    field: str = "media",
    file_name: str = "",
    bounds: Bounds | None = None,
    listen: bool = False,
) -> MediaFacts:
    """Facts of one file. ``file_name`` is what the sender called it: its ending is a promise.
    With ``listen`` also its loudness and what decoders complain about.

    Raises InvalidInput naming ``field``: the file is empty, not media, of another kind than its
    name says, truncated, too long or too large. Raises TransientError when the machine is too
    busy to tell.
    """
    try:
        path = path.resolve()
        facts = _inspect(path, programs, kind_by_name(file_name), bounds or Bounds())
        if listen and facts.duration_s is not None:
            facts = surveyed(path, facts, programs)
        return facts.model_copy(update={"told": told(facts), "problems": problems(facts)})
    except Refused as refused:
        fault = Fault(refused.code, field, refused.reason, refused.next_step)
        raise InvalidInput(fault) from None


def _inspect(
    path: Path, programs: Programs, promised: MediaKind | None, bounds: Bounds
) -> MediaFacts:
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise refusals.empty()
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    sniffed = sniff(head)
    if sniffed is None:
        raise refusals.not_media(head)
    if sniffed.kind == "image":
        facts = _picture(path, sniffed, size_bytes, bounds)
    elif sniffed.kind == "file":
        facts = MediaFacts(
            kind="file", content_type=sniffed.content_type, reader="", size_bytes=size_bytes
        )
    else:
        facts = _clip(path, sniffed, size_bytes, programs, bounds, promised)
    if promised is not None and promised != facts.kind:
        raise refusals.wrong_kind(promised, sniffed)
    return facts


def _picture(path: Path, sniffed: Sniffed, size_bytes: int, bounds: Bounds) -> MediaFacts:
    if not sniffed.reader:
        raise refusals.unsupported_picture(sniffed.label)
    try:
        width, height = look(path, sniffed.reader, bounds.picture_pixels)
    except Unreadable as error:
        if error.pixels:
            raise refusals.too_many_pixels(error.pixels, bounds.picture_pixels) from None
        raise refusals.damaged_picture(str(error), cut_short=error.truncated) from None
    return MediaFacts(
        kind="image",
        content_type=sniffed.content_type,
        reader=sniffed.reader,
        size_bytes=size_bytes,
        width=width,
        height=height,
    )


def _clip(
    path: Path,
    sniffed: Sniffed,
    size_bytes: int,
    programs: Programs,
    bounds: Bounds,
    promised: MediaKind | None,
) -> MediaFacts:
    check_whole(path, sniffed.reader, size_bytes)
    try:
        found = probed(_with_fields(path, sniffed.reader, programs))
        check_declared(found, bounds, wants_video=(promised or sniffed.kind) == "video")
        packets = packets_of(path, sniffed.reader, programs)
    except ProgramFailed as error:
        words = (error.lines[-1] if error.lines else str(error)).replace(str(path), "…")
        raise refusals.unreadable(sniffed.label, words[:200]) from None
    return clip_facts(found, packets, sniffed, size_bytes, bounds)


def _with_fields(path: Path, reader: str, programs: Programs) -> dict[str, Any]:
    """ffprobe's answer; where the header of a coding that knows fields says nothing of them, the
    first frames do."""
    answer = streams_of(path, reader, programs)
    video = probed(answer).video
    if (
        video is not None
        and video.get("field_order", "unknown") == "unknown"
        and video["codec_name"] in _KNOW_FIELDS
        and video["height"] >= _FEWEST_LINES
    ):
        video["field_order"] = fields_of(path, reader, programs, video["index"])
    return answer
