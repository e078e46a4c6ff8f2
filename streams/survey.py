"""A second look into a clip that can be used: how loud it is, and what decoders complain about."""

from pathlib import Path

from schemas.errors import TransientError
from streams import soundings
from streams.ffmpeg_run import Limits, ProgramFailed, run
from streams.loudness import parse
from streams.media_facts import HEARD_S, Loudness, MediaFacts
from streams.programs import Programs

_LIMITS = Limits(wall_s=60, cpu_s=45, memory_bytes=3 * 1024**3)
_MOST_LINES = 5


def surveyed(path: Path, facts: MediaFacts, programs: Programs) -> MediaFacts:
    """The same facts with ``loudness`` and ``damage``. A machine too busy to look leaves them
    open: that is no reason to refuse a clip."""
    argv = soundings.survey(programs, path, facts, HEARD_S)
    try:
        lines = list(run(argv, _LIMITS, cwd=path.parent, fence=programs.fence([path])).lines)
    except TransientError:
        return facts
    except ProgramFailed as error:
        lines = error.lines or [f"[error] {error}"]
    heard = parse(lines)
    loudness = None
    if facts.audio is not None and any("Integrated loudness" in line for line in lines):
        loudness = Loudness(lufs=heard.lufs, true_peak_db=heard.true_peak_db)
    damage = [
        line.replace(str(path), "…")[:200]
        for line in lines
        if "[error]" in line or "[fatal]" in line
    ]
    return facts.model_copy(
        update={"loudness": loudness, "damage": tuple(dict.fromkeys(damage))[:_MOST_LINES]}
    )
