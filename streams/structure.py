"""The station's file as MediaInfo sees it: the container's structure, which ffprobe does not tell.

It tests what a file says of itself, not a station's own acceptance: see docs/video.md.
"""

from pathlib import Path

from pydantic import JsonValue
from pymediainfo import MediaInfo

from streams.recipes import Station


class Wrong(Exception):
    """What an output is not; the text names the file and the finding."""


_WANTED: dict[str, dict[str, str | None]] = {
    "xdcam_hd422": {
        "commercial": "XDCAM HD422",
        "profile": "OP-1a",
        "rate": "CBR",
        "order": "TFF",
        "gop": "M=3, N=12",
        "chroma": "4:2:2",
    },
    "avc_intra_100": {
        "commercial": "AVC-Intra 100",
        "profile": "OP-1a",
        "order": "TFF",
        "chroma": "4:2:2",
    },
    "h264": {"order": "TFF", "chroma": "4:2:0"},
}


_NAMED_FROM_S = 2.0
"""Below it MediaInfo has too few pictures to tell rate and GOP, by which it names XDCAM."""


def check_structure(recipe: Station, path: Path, duration_s: float) -> dict[str, JsonValue]:
    """What was found; raises Wrong. Each wanted value is compared as MediaInfo words it."""
    info = MediaInfo.parse(path)
    general, video = info.general_tracks[0], info.video_tracks[0]
    order = video.scan_order
    found = {
        "commercial": {
            "xdcam_hd422": general.commercial_name,
            "avc_intra_100": video.commercial_name,
            "h264": "",
        }[recipe.coding],
        "profile": general.format_profile,
        "rate": video.bit_rate_mode,
        "order": "TFF" if order == "Top Field First" else order,
        "gop": video.format_settings__gop,
        "chroma": video.chroma_subsampling,
    }
    for name, value in _WANTED[recipe.coding].items():
        if name in {"commercial", "gop", "rate"} and duration_s < _NAMED_FROM_S:
            continue
        if found[name] != value:
            raise Wrong(f"{path.name}: {name} is {found[name]}, not {value}")
    told: dict[str, JsonValue] = {"structure": found["commercial"] or "MPEG-4"}
    if recipe.mxf:
        codes = {t.time_code_of_first_frame for t in info.other_tracks if t.format == "MXF TC"}
        if codes != {recipe.timecode}:
            raise Wrong(f"{path.name}: timecode is {codes}, not {recipe.timecode}")
        depths = {(a.format, a.channel_s, a.bit_depth, a.sampling_rate) for a in info.audio_tracks}
        if depths != {("PCM", 1, 24, 48_000)}:
            raise Wrong(f"{path.name}: sound is {depths}")
    return told | {"timecode": recipe.timecode}
