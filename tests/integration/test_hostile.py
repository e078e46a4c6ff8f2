"""Crafted uploads: refused in plain words, or used without reaching anything but themselves.

A secret clip, all magenta, lies beside them; a server waits for a request that must never come.
"""

import http.server
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from schemas.errors import InvalidInput, PermanentError
from schemas.rendition import RecipeName
from schemas.settings import Settings
from streams.ffmpeg_run import Limits, ProgramFailed, run
from streams.inspect import inspect
from streams.media_facts import MediaFacts
from streams.programs import Programs, find_programs
from streams.transcode import make
from tests.clips import Lab
from tests.debian import bubblewrap, ffmpeg_5_1
from tests.hostile import Hostile, hostile_set
from tests.missing import without

pytestmark = pytest.mark.slow

MAGENTA = (255, 0, 255)
_LIMITS = Limits(wall_s=60, cpu_s=30)


class Canary:
    """Remembers every request."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        canary = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canary.asked.append(self.path)
                self.send_error(404)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    made = Canary()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module", params=["as installed", "5.1"])
def programs(request: pytest.FixtureRequest) -> Programs:
    found = find_programs(Settings()) if request.param == "as installed" else ffmpeg_5_1()
    if found is None:
        without("neither installed nor to be had from Debian")
    return found


@pytest.fixture(scope="module")
def lab(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    made = Lab(programs, tmp_path_factory.mktemp("hostile"))
    made.draw("secret.mp4", picture="color=0xFF00FF", vf="null", seconds=1)
    made.ffmpeg("-i", "secret.mp4", "-c", "copy", "secret.ts")
    made.draw("clip.mp4", size="320x240", seconds=1)
    return made


@pytest.fixture(scope="module")
def crafted(lab: Lab, canary: Canary) -> list[Hostile]:
    return hostile_set(lab.folder, lab.folder / "clip.mp4", canary.address)


def shows_the_secret(pixels: np.ndarray) -> bool:
    away = np.abs(pixels.astype(int) - MAGENTA).max(axis=-1)
    return bool((away < 70).mean() > 0.02)


def transcode(recipe: RecipeName, source: Path, facts: MediaFacts, lab: Lab, work: Path) -> Path:
    made = make(
        recipe, source, facts, work, lab.programs,
        on_progress=lambda _: None, cancelled=lambda: False, nice=0,
    )  # fmt: skip
    return made.files[0].path


def test_at_least_sixty(crafted: list[Hostile]) -> None:
    assert len(crafted) >= 60
    assert len({one.name for one in crafted}) == len(crafted)


def test_each_is_refused_in_plain_words_or_shows_itself_alone(
    lab: Lab, crafted: list[Hostile], canary: Canary, tmp_path: Path
) -> None:
    wrong = []
    for one in crafted:
        upload = lab.folder / "upload"  # as the spool names it: never by the sender's own name
        upload.write_bytes(one.data)
        try:
            facts = inspect(upload, lab.programs, file_name=one.file_name, listen=True)
        except InvalidInput as refused:
            (fault,) = refused.faults
            plain = "/ " in fault.reason and fault.next_step and str(lab.folder) not in fault.reason
            if fault.code not in one.becomes or not plain:
                wrong.append(f"{one.name}: {fault.code}: {fault.reason}")
            continue
        if "taken" not in one.becomes or (facts.duration_s or 0) > 3:
            wrong.append(f"{one.name}: taken as {facts.duration_s} s")
            continue
        try:
            still = transcode("web_thumb", upload, facts, lab, tmp_path / "work")
            clip = transcode("vertical", upload, facts, lab, tmp_path / "work")
        except PermanentError:
            continue
        with Image.open(still) as picture:
            if shows_the_secret(np.asarray(picture.convert("RGB"))):
                wrong.append(f"{one.name}: shows the secret")
        if shows_the_secret(lab.pixels(clip, "-s", "54x96")):
            wrong.append(f"{one.name}: shows the secret")
    assert not wrong, "\n".join(wrong)
    assert canary.asked == []
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert used < 2 * 1024**3, "a process grew over two gigabytes"


def test_forged_facts_open_no_list_either(
    lab: Lab, crafted: list[Hostile], canary: Canary, tmp_path: Path
) -> None:
    """Where the first look was fooled, the forced reader still opens one kind of file only."""
    facts = inspect(lab.folder / "clip.mp4", lab.programs)
    lists = [one for one in crafted if "disguised_playlist" in one.becomes]
    assert len(lists) > 20
    for one in lists[::3]:
        upload = lab.folder / "upload.mp4"
        upload.write_bytes(one.data)
        with pytest.raises(PermanentError):
            transcode("web_thumb", upload, facts, lab, tmp_path)
    assert canary.asked == []


@pytest.mark.parametrize("sandbox", ["landlock", "bwrap"])
def test_the_sandbox_alone_holds_too(
    lab: Lab, canary: Canary, tmp_path: Path, sandbox: str
) -> None:
    """Without any white list, a list that ffmpeg does follow leads nowhere."""
    if sandbox == "bwrap":
        sandbox = bubblewrap() or without("no bubblewrap")
    pair = {"ffmpeg": lab.programs.ffmpeg, "ffprobe": lab.programs.ffprobe}
    programs = find_programs(Settings(**pair, sandbox=sandbox))  # type: ignore[arg-type]
    listed = lab.folder / "list.ffconcat"
    listed.write_text("ffconcat version 1.0\nfile secret.mp4\n", encoding="utf-8")
    out = tmp_path / "out.png"
    argv = [programs.ffmpeg, "-v", "error", "-y", "-i", str(listed), "-frames:v", "1", str(out)]
    run(argv, _LIMITS, cwd=tmp_path)
    with Image.open(out) as picture:  # so would it leak
        assert shows_the_secret(np.asarray(picture.convert("RGB")))
    out.unlink()
    with pytest.raises(ProgramFailed):
        run(argv, _LIMITS, cwd=tmp_path, fence=programs.fence([listed], [tmp_path]))
    assert not out.exists()
    other = tmp_path.parent / "beside.png"
    clip = lab.folder / "clip.mp4"
    argv = [programs.ffmpeg, "-v", "error", "-y", "-i", str(clip), str(other)]
    with pytest.raises(ProgramFailed):
        run(argv, _LIMITS, cwd=tmp_path, fence=programs.fence([clip], [tmp_path]))
    assert not other.exists()
    with pytest.raises(ProgramFailed):
        run([programs.ffmpeg, "-v", "error", "-i", f"{canary.address}/x.mp4", "-f", "null", "-"],
            _LIMITS, cwd=tmp_path, fence=programs.fence([], [tmp_path]))  # fmt: skip
    assert canary.asked == []
