"""What is known about one source file after it was looked into: typed, pure, no I/O."""

from typing import Literal

from pydantic import Field

from schemas.body import Model
from schemas.story import MediaKind

Hdr = Literal["", "hlg", "pq"]
HEARD_S = 600.0
"""How much of a clip is listened to at its first look."""
FieldOrder = Literal["progressive", "tff", "bff"]


class StreamFacts(Model):
    """One stream of the file, used or not."""

    stream: int
    kind: str
    """video, audio, subtitle, data, attachment …"""
    codec: str
    language: str = ""
    used: bool = False


class VideoFacts(Model):
    """The one video stream that is used."""

    stream: int
    """Index inside the file, for ``-map``."""
    codec: str
    profile: str = ""
    level: int = 0
    """As the codec counts: 42 is H.264's 4.2."""
    pixel_format: str = ""
    bit_depth: int = 8
    coded_width: int
    coded_height: int
    sample_aspect: str = "1:1"
    """Width to height of one pixel, reduced."""
    rotation: int = 0
    """Degrees by which a player turns the picture; the size in :class:`MediaFacts` is after it."""
    rate: float
    """Frames per second, measured from the packets' own times where possible."""
    variable_rate: bool = False
    uneven_steps: int = 0
    """Frames that come sooner or later than the usual step."""
    field_order: FieldOrder = "progressive"
    interlaced: bool = False
    frames: int = Field(ge=1)
    hidden_frames: int = 0
    """Pictures that an edit list cuts off."""
    start_s: float = 0.0
    """First picture, from the file's time zero."""
    duration_s: float = 0.0
    """From the first picture to the end of the last, by packets."""
    key_every_s: float = 0.0
    """Longest way between two keyframes; 0 where it is not known."""
    even_keys: bool = False
    """A keyframe at every second second, to half a frame: segments can be cut there."""
    bit_rate: int = 0
    """Bits a second by the packets' sizes."""
    peak_bit_rate: int = 0
    """Largest number of bits in one second."""
    matrix: str = ""
    """Colour matrix as tagged: bt709, smpte170m, bt2020nc …; empty means not tagged."""
    primaries: str = ""
    transfer: str = ""
    full_range: bool = False
    hdr: Hdr = ""


class AudioFacts(Model):
    """The one audio stream that is used."""

    stream: int
    codec: str
    profile: str = ""
    channels: int
    layout: str = ""
    sample_rate: int
    start_s: float = 0.0
    duration_s: float = 0.0
    bit_rate: int = 0


class Loudness(Model):
    """Of the sound as it is in the file (ITU-R BS.1770), at most over its first ten minutes."""

    lufs: float
    true_peak_db: float


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
    declared_s: float | None = None
    """What the container claims."""
    start_s: float = 0.0
    """Time stamp of the file's time zero: cameras count on from the last clip."""
    has_audio: bool = False
    fps: float | None = None
    video: VideoFacts | None = None
    audio: AudioFacts | None = None
    streams: tuple[StreamFacts, ...] = ()
    edit_list: bool = False
    """An edit list cuts off pictures."""
    loudness: Loudness | None = None
    """``None``: no sound, too short to tell, or not listened to yet."""
    damage: tuple[str, ...] = ()
    """What decoders complain about in keyframes and sound, a few lines."""
    aigc: str | None = None
    """The AIGC label (GB 45438) as found in the container, JSON text."""
    told: tuple[str, ...] = ()
    """What it is and what becomes of it, in words for the sender; Chinese first."""
    problems: tuple[str, ...] = ()
    """What the sender should know although the file can be used; Chinese first."""
