"""The master playlist, written by us from what the files really hold.

ffmpeg's own lists the sound as a variant, has one BANDWIDTH for all sizes under a rate cap and no
FRAME-RATE. Attributes follow RFC 8216 and Apple's HLS authoring specification.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

_SEGMENT = re.compile(r"#EXTINF:([0-9.]+),[^\n]*\n#EXT-X-BYTERANGE:(\d+)")
_TARGET = re.compile(r"#EXT-X-TARGETDURATION:(\d+)")


@dataclass(frozen=True)
class Track:
    """One media playlist as measured."""

    name: str
    segments: tuple[tuple[float, int], ...]
    """Seconds and bytes of each segment."""
    target_s: int

    @property
    def duration_s(self) -> float:
        return sum(seconds for seconds, _ in self.segments)

    @property
    def average_bps(self) -> int:
        return round(8 * sum(size for _, size in self.segments) / max(self.duration_s, 0.001))

    @property
    def peak_bps(self) -> int:
        """Largest rate of a run of segments between half and one and a half target durations."""
        rates = [self.average_bps]
        for first in range(len(self.segments)):
            seconds, size = 0.0, 0
            for duration_s, size_bytes in self.segments[first:]:
                seconds, size = seconds + duration_s, size + size_bytes
                if seconds > 1.5 * self.target_s:
                    break
                if seconds >= 0.5 * self.target_s:
                    rates.append(round(8 * size / seconds))
        return max(rates)


def read_track(playlist: Path) -> Track:
    """Segments of one of our own byte-range playlists; raises ``ValueError`` when it has none."""
    text = playlist.read_text("utf-8")
    segments = tuple((float(s), int(n)) for s, n in _SEGMENT.findall(text))
    target = _TARGET.search(text)
    if not segments or target is None or "#EXT-X-ENDLIST" not in text:
        raise ValueError(f"{playlist.name} is not a finished playlist")
    return Track(playlist.stem, segments, int(target.group(1)))


def avc_codec(fragmented: Path) -> str:
    """``avc1.PPCCLL`` (RFC 6381) from the decoder configuration in the file's first bytes."""
    with fragmented.open("rb") as file:
        head = file.read(16_384)
    at = head.find(b"avcC")
    if at < 0 or head[at + 4] != 1:
        raise ValueError(f"{fragmented.name} holds no H.264 configuration")
    return "avc1." + head[at + 5 : at + 8].hex().upper()


def master(
    tracks: list[tuple[Track, str, tuple[int, int]]], sound: Track | None, rate: Fraction
) -> str:
    """Text of the master playlist; ``tracks`` are (track, codec, size), smallest first."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    sound_peak = sound_average = 0
    if sound is not None:
        sound_peak, sound_average = sound.peak_bps, sound.average_bps
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="原声",LANGUAGE="zh",DEFAULT=YES,'
            f'AUTOSELECT=YES,CHANNELS="2",URI="{sound.name}.m3u8"'
        )
    for track, codec, (width, height) in tracks:
        codecs = codec + (",mp4a.40.2" if sound is not None else "")
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={track.peak_bps + sound_peak},"
            f"AVERAGE-BANDWIDTH={track.average_bps + sound_average},"
            f'CODECS="{codecs}",RESOLUTION={width}x{height},FRAME-RATE={float(rate):.3f}'
            + (',AUDIO="sound"' if sound is not None else "")
        )
        lines.append(f"{track.name}.m3u8")
    return "\n".join(lines) + "\n"
