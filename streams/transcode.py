"""Make renditions of one source: run, validate, rename. Knows no ledger, no S3, no queue.

Everything is made in ``<work_dir>/<recipe>.part`` and renamed to ``<work_dir>/<recipe>`` after its
checks; whatever is raised, no ``.part`` folder and no process is left.
"""

import errno
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from schemas.errors import PermanentError, StorageFull, TransientError
from schemas.rendition import RecipeName
from streams import pictures
from streams.clips import make_clip
from streams.ffmpeg_run import Cancelled, ProgramFailed
from streams.ffprobe import MAX_PIXELS
from streams.frames import Frame, best_frames
from streams.media_facts import MediaFacts
from streams.programs import Programs
from streams.recipes import RECIPES, Clip, Picture
from streams.renditions import applies
from streams.validate import Checked, check_picture
from streams.work import Work, cannot

_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
    ".mxf": "application/mxf",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
    ".vtt": "text/vtt",
}


@dataclass(frozen=True)
class MadeFile:
    """One finished file. ``name`` is its name inside the rendition."""

    path: Path
    name: str
    content_type: str


@dataclass(frozen=True)
class Made:
    """One finished, validated rendition: the entry file first."""

    recipe: RecipeName
    files: tuple[MadeFile, ...]
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    facts: dict[str, JsonValue] = field(default_factory=dict)


Outcome = tuple[RecipeName, Made | PermanentError]


def make(
    recipe: RecipeName,
    source: Path,
    facts: MediaFacts,
    work_dir: Path,
    programs: Programs,
    *,
    on_progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    nice: int = 5,
    accept_damage: bool = False,
) -> Made:
    """One rendition. Raises PermanentError (this source cannot be done), TransientError (killed,
    too slow), StorageFull, or Cancelled once ``cancelled()`` is true."""
    group = make_group(
        [recipe],
        source,
        facts,
        work_dir,
        programs,
        on_progress=on_progress,
        cancelled=cancelled,
        nice=nice,
        accept_damage=accept_damage,
    )
    _, outcome = next(group)
    group.close()
    if isinstance(outcome, PermanentError):
        raise outcome
    return outcome


def make_group(
    recipes: Sequence[RecipeName],
    source: Path,
    facts: MediaFacts,
    work_dir: Path,
    programs: Programs,
    *,
    on_progress: Callable[[float], None],
    cancelled: Callable[[], bool],
    nice: int = 5,
    accept_damage: bool = False,
) -> Generator[Outcome, None, None]:
    """Several renditions of one source, each handed out as soon as it is ready, in the order of
    the recipe table; the chosen frame is shared. A recipe that cannot be done is handed out as
    its PermanentError and holds up no other; everything else is raised as by :func:`make`, and
    what was handed out before stays good. ``on_progress`` gets 0 to 1 over all. A damaged source
    is refused unless a person accepts the best that it gives (``accept_damage``).
    """
    work = Work(
        source.resolve(), facts, work_dir.resolve(), programs, nice, cancelled, accept_damage
    )
    stills = _Stills(work)
    ordered = [recipe for name, recipe in RECIPES.items() if name in recipes]
    total = sum(_effort(recipe) for recipe in ordered)
    done = 0
    for recipe in ordered:
        share = _Share(on_progress, done / total, _effort(recipe) / total)
        try:
            outcome: Made | PermanentError = _make(recipe, work, stills, share)
        except PermanentError as error:
            outcome = error
        done += _effort(recipe)
        on_progress(done / total)
        yield recipe.name, outcome


@dataclass(frozen=True)
class _Share:
    """Progress of one recipe as its part of the whole."""

    on_progress: Callable[[float], None]
    begins: float
    part: float

    def __call__(self, fraction: float) -> None:
        self.on_progress(self.begins + fraction * self.part)


class _Stills:
    """The frames chosen once for all pictures of a clip, so that poster, cover and still agree."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._frames: list[Frame] = []

    def frames(self, part: Path, count: int) -> list[Frame]:
        """At most ``count``, the best first; a short clip may give fewer."""
        if len(self._frames) < count:
            scraps = part / "scraps"
            scraps.mkdir()
            self._frames = best_frames(self._work, scraps, count)
            shutil.rmtree(scraps)
        return self._frames[:count]


def _effort(recipe: Picture | Clip) -> int:
    """How long a recipe takes beside the others, roughly."""
    return 1 if isinstance(recipe, Picture) else 10


def _make(recipe: Picture | Clip, work: Work, stills: _Stills, share: _Share) -> Made:
    if work.cancelled():
        raise Cancelled("cancelled before it began")
    if not applies(recipe.name, work.facts.kind):
        raise cannot("wrong_kind", f"{work.facts.kind} 不能做成 / cannot become {recipe.name}")
    part, final = work.folder / f"{recipe.name}.part", work.folder / recipe.name
    for folder in (part, final):
        shutil.rmtree(folder, ignore_errors=True)
    started = time.monotonic()
    try:
        part.mkdir(parents=True)
        if isinstance(recipe, Picture):
            paths, checked = _make_picture(recipe, work, stills, part)
        else:
            paths, checked = make_clip(recipe, work, part, share)
        part.rename(final)
    except ProgramFailed as error:
        last = (error.lines[-1] if error.lines else str(error)).replace(str(work.source), "…")
        raise cannot(
            "cannot_transcode", f"无法转码 / it cannot be transcoded: {last[:300]}"
        ) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"no room for {recipe.name}") from error
        raise TransientError(f"{recipe.name}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    checked.facts["work_s"] = round(time.monotonic() - started, 2)
    files = tuple(MadeFile(final / path.name, path.name, _type_of(path)) for path in paths)
    return Made(
        recipe.name, files, checked.width, checked.height, checked.duration_s, checked.facts
    )


def _type_of(path: Path) -> str:
    if path.name == "a.mp4":
        return "audio/mp4"
    return _TYPES.get(path.suffix) or pictures.content_type(path)


def _make_picture(
    recipe: Picture, work: Work, stills: _Stills, part: Path
) -> tuple[list[Path], Checked]:
    try:
        if work.facts.kind == "video":
            return _from_clip(recipe, work, stills.frames(part, recipe.candidates), part)
        reader = work.facts.reader
        if recipe.fit == "original":
            path = pictures.original_or_copy(recipe, work.source, reader, MAX_PIXELS, part)
        else:
            picture = pictures.read_picture(work.source, reader, MAX_PIXELS, recipe.box)
            path = pictures.write_picture(recipe, picture, part)
    except pictures.Unreadable as error:
        raise cannot(
            "damaged_picture", f"图片无法处理 / the picture cannot be used: {error}"
        ) from error
    return [path], check_picture(recipe, path, work.facts)


def _from_clip(
    recipe: Picture, work: Work, frames: list[Frame], part: Path
) -> tuple[list[Path], Checked]:
    paths: list[Path] = []
    checked = Checked()
    for number, frame in enumerate(frames, start=1):
        path = pictures.write_picture(recipe, frame.picture, part)
        found = check_picture(recipe, path, work.facts)
        if recipe.candidates > 1:
            path = path.rename(path.with_stem(f"{recipe.name}_{number}"))
        checked = checked if paths else found
        paths.append(path)
    checked.facts["frame_at_s"] = round(frames[0].at_s, 3)
    if recipe.candidates > 1:
        checked.facts["frames_at_s"] = [round(frame.at_s, 3) for frame in frames]
    return paths, checked
