"""ffmpeg's arguments for looking and listening: loudness, small frames, one full frame, decoding."""

from pathlib import Path

import ffmpeg

from streams import chains
from streams.chains import QUIET
from streams.media_facts import MediaFacts
from streams.programs import Programs
from streams.recipes import Clip
from streams.sprites import Sheet


def listen(
    programs: Programs, source: Path, facts: MediaFacts, recipe: Clip, gain_db: float
) -> list[str]:
    """Arguments that measure loudness as the recipe would have it, behind gain and limiter."""
    sound = chains.raw_sound(chains.source_input(source, facts), facts)
    heard = chains.levelled(sound, recipe, facts, gain_db)
    heard = heard.filter("ebur128", peak="true", framelog="verbose")
    arguments = ffmpeg.get_args(ffmpeg.output(heard, "-", f="null"))
    return [programs.ffmpeg, *QUIET, "-v", "info", *arguments]


def survey(programs: Programs, source: Path, facts: MediaFacts, within_s: float) -> list[str]:
    """Arguments that decode the keyframes and all sound of the first ``within_s``, and measure its
    loudness as it stands. Lines of stderr carry their level, so that complaints can be told."""
    taken = chains.source_input(source, facts, t=f"{within_s:.0f}", skip_frame="nokey")
    wanted = []
    if facts.audio is not None:
        heard = taken[str(facts.audio.stream)].filter("aformat", channel_layouts="stereo|mono")
        wanted.append(heard.filter("ebur128", peak="true", framelog="verbose"))
    if facts.video is not None:
        wanted.append(taken[str(facts.video.stream)])
    out = ffmpeg.output(*wanted, "-", f="null")
    return [programs.ffmpeg, *QUIET, "-v", "level+info", *ffmpeg.get_args(out)]


def frame_at(
    programs: Programs, source: Path, facts: MediaFacts, at_s: float, name: str
) -> list[str]:
    """Arguments that write the first frame from ``at_s`` on in full display size as PNG."""
    taken = chains.source_input(source, facts, ss=f"{max(0.0, at_s):.4f}")
    picture = chains.to_rgb(chains.upright(taken, facts), facts)
    out = ffmpeg.output(picture, name, f="image2", update=1, **{"c:v": "png", "frames:v": 1})
    return [programs.ffmpeg, *QUIET, "-v", "error", *ffmpeg.get_args(out)]


def candidates(
    programs: Programs,
    source: Path,
    facts: MediaFacts,
    pattern: str,
    *,
    step_s: float,
    within_s: float,
    keyframes: bool,
) -> list[str]:
    """Arguments that write small frames at least ``step_s`` apart into files of ``pattern`` and
    say each one's time on stdout. ``keyframes`` decodes no others, which is many times faster;
    without it frames that no other rests on are left out, and deblocking in any case."""
    taken = chains.source_input(
        source,
        facts,
        t=f"{within_s:.3f}",
        skip_frame="nokey" if keyframes else "noref",
        skip_loop_filter="all",
    )
    small = (
        taken[str(chains.video_of(facts).stream)]
        .filter("select", f"isnan(prev_selected_t)+gte(t-prev_selected_t,{step_s:.3f})")
        .filter("scale", 320, -2)
        .filter("signalstats")
        .filter("metadata", "print", file="-", key="lavfi.signalstats.YAVG")
    )
    out = ffmpeg.output(small, pattern, f="image2", fps_mode="passthrough")
    return [programs.ffmpeg, *QUIET, "-v", "error", *ffmpeg.get_args(out)]


def whole_pictures(programs: Programs, source: Path, facts: MediaFacts) -> list[str]:
    """Arguments that decode all pictures, drop whatever is not whole, and count the rest on
    stdout (``frame=``)."""
    taken = chains.source_input(source, facts, err_detect="explode")
    picture = taken[str(chains.video_of(facts).stream)]
    out = ffmpeg.output(picture, "-", f="null", fps_mode="passthrough")
    return [programs.ffmpeg, *QUIET, "-v", "quiet", "-progress", "pipe:1", *ffmpeg.get_args(out)]


def listen_to_tracks(programs: Programs, path: Path) -> list[str]:
    """Arguments that measure the loudness of a finished MXF, its two mono tracks together."""
    taken = ffmpeg.input(str(path), f="mxf", protocol_whitelist="file")
    joined = ffmpeg.filter([taken["a:0"], taken["a:1"]], "amerge", inputs=2)
    heard = joined.filter("ebur128", peak="true", framelog="verbose")
    arguments = ffmpeg.get_args(ffmpeg.output(heard, "-", f="null"))
    return [programs.ffmpeg, *QUIET, "-v", "info", *arguments]


def listen_to(programs: Programs, path: Path, reader: str) -> list[str]:
    """Arguments that measure the loudness of a finished file's one sound stream."""
    taken = ffmpeg.input(str(path), f=reader, protocol_whitelist="file")
    heard = taken["a:0"].filter("ebur128", peak="true", framelog="verbose")
    arguments = ffmpeg.get_args(ffmpeg.output(heard, "-", f="null"))
    return [programs.ffmpeg, *QUIET, "-v", "info", *arguments]


def sprite(programs: Programs, path: Path, name: str, sheet: Sheet) -> list[str]:
    """Arguments that put small pictures of one of our own files, one each ``step_s``, into one."""
    taken = ffmpeg.input(str(path), f="mov", skip_frame="nokey", protocol_whitelist="file")
    picked = taken["v"].filter("fps", f"1/{sheet.step_s}", round="up", start_time=0)
    shown = picked.filter("scale", sheet.width, sheet.height).filter(
        "tile", f"{sheet.columns}x{sheet.rows}"
    )
    out = ffmpeg.output(shown, name, f="image2", update=1, **{"frames:v": 1, "q:v": 4})
    return [programs.ffmpeg, *QUIET, "-v", "error", *ffmpeg.get_args(out)]


def decode_keyframes(programs: Programs, path: Path, reader: str) -> list[str]:
    """Arguments that decode every keyframe and all sound of one of our own files to nothing."""
    taken = ffmpeg.input(str(path), f=reader, skip_frame="nokey", protocol_whitelist="file")
    out = ffmpeg.output(taken["v?"], taken["a?"], "-", f="null")
    return [programs.ffmpeg, *QUIET, "-v", "error", "-xerror", *ffmpeg.get_args(out)]
