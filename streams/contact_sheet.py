"""A contact sheet (样张) of a finished clip: twelve pictures from beginning to end on one page."""

from pathlib import Path

import ffmpeg

from streams.chains import QUIET
from streams.ffmpeg_run import Limits, run
from streams.programs import Programs

_COLUMNS, _ROWS = 4, 3
_LONG_SIDE = 480
_READERS = {".mp4": "mov", ".mxf": "mxf"}
_LIMITS = Limits(wall_s=600, cpu_s=600)


def is_clip(name: str) -> bool:
    """Whether a file of a rendition has pictures that move; the sound of HLS has none."""
    return Path(name).suffix in _READERS and name != "a.mp4"


def contact_sheet(programs: Programs, clip: Path, duration_s: float, picture: Path) -> None:
    """Write ``picture`` (JPEG) beside ``clip``, one of our own files. Fields are woven out, so
    that what combs on the sheet combs in the file."""
    step_s = max(duration_s, 0.1) / (_COLUMNS * _ROWS)
    taken = ffmpeg.input(str(clip), f=_READERS[clip.suffix], protocol_whitelist="file")
    shown = (
        taken["v:0"]
        .filter("bwdif", mode="send_frame", deint="interlaced")
        .filter("fps", f"1/{step_s:.4f}", start_time=0, round="up")
        .filter(
            "scale",
            _LONG_SIDE,
            _LONG_SIDE,
            force_original_aspect_ratio="decrease",
            force_divisible_by=2,
        )
        .filter("setsar", 1)
        .filter("tile", f"{_COLUMNS}x{_ROWS}", padding=8, margin=8, color="0x303030")
    )
    out = ffmpeg.output(shown, picture.name, f="image2", update=1, **{"frames:v": 1, "q:v": 3})
    argv = [programs.ffmpeg, *QUIET, "-v", "error", *ffmpeg.get_args(out)]
    fence = programs.fence([clip.resolve()], [picture.parent.resolve()])
    run(argv, _LIMITS, cwd=picture.parent.resolve(), fence=fence)
