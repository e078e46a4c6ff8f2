"""What is known about one source file after it was looked into: typed, pure, no I/O."""

from typing import Literal

from pydantic import Field

from schemas.body import Model
from schemas.story import MediaKind

Hdr = Literal["", "hlg", "pq"]


class VideoFacts(Model):
    """The one video stream that is used."""

    stream: int
    """Index inside the file, for ``-map``."""
    codec: str
    pixel_format: str = ""
    coded_width: int
    coded_height: int
    rotation: int = 0
    """Degrees by which a player turns the picture; the size in :class:`MediaFacts` is after it."""
    rate: float
    """Frames per second, measured from the packets' own times where possible."""
    variable_rate: bool = False
    interlaced: bool = False
    frames: int = Field(ge=1)
    matrix: str = ""
    """Colour matrix as tagged: bt709, smpte170m, bt2020nc …; empty means not tagged."""
    hdr: Hdr = ""


class AudioFacts(Model):
    """The one audio stream that is used."""

    stream: int
    codec: str
    channels: int
    sample_rate: int


class MediaFacts(Model):
    """One source file. ``width`` and ``height`` are display pixels: after rotation and SAR."""

    kind: MediaKind
    content_type: str
    reader: str
    """ffmpeg demuxer or Pillow format by which the file must be opened, and by no other."""
    size_bytes: int
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    """From the file's time zero to the end of the last packet that is really there."""
    has_audio: bool = False
    fps: float | None = None
    video: VideoFacts | None = None
    audio: AudioFacts | None = None
    aigc: str | None = None
    """The AIGC label (GB 45438) as found in the container, JSON text."""
    problems: tuple[str, ...] = ()
    """What the sender should know although the file can be used; Chinese first."""
