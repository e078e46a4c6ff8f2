"""The web's ladder in a real browser with the site's own player: plays, seeks, changes its size."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.settings import REPOSITORY, Settings
from streams.inspect import inspect
from streams.programs import find_programs
from streams.transcode import make
from tests.clips import Lab
from tests.desk_browser.browser import browsing, chromium
from tests.missing import without

pytestmark = pytest.mark.slow

_PAGE = """<!doctype html><video muted></video><script src="hls.min.js"></script><script>
const video = document.querySelector("video"), hls = new Hls();
window.faults = []; hls.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) faults.push(e.details) });
hls.loadSource("master.m3u8"); hls.attachMedia(video); window.hls = hls;
hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
</script>"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def send_head(self) -> object:  # type: ignore[override]
        """The part that is asked for: the sizes are single files, read by byte range."""
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes="):
            return super().send_head()
        path = Path(self.translate_path(self.path))
        data = path.read_bytes()
        first, _, last = wanted[6:].partition("-")
        part = data[int(first) : int(last) + 1 if last else len(data)]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(part)
        return None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_plays_seeks_and_changes_its_size(site: tuple[Path, str], tmp_path: Path) -> None:
    """The largest size is the sender's own pictures, copied; the other is encoded."""
    if chromium() is None:
        without("no browser, and no right to install one")
    folder, address = site
    lab = Lab(find_programs(Settings()), tmp_path)
    keys = ("-g", "50", "-sc_threshold", "0", "-colorspace", "bt709", "-b:v", "1500k")
    source = lab.draw("own.mp4", *keys, size="1280x720", seconds=8, picture="testsrc2")
    facts = inspect(source, lab.programs, listen=True)
    made = make(
        "web_hls", source, facts, tmp_path / "work", lab.programs,
        on_progress=lambda _: None, cancelled=lambda: False,
    )  # fmt: skip
    assert made.facts["copied"] == ["v720"]
    for file in made.files:
        shutil.copy(file.path, folder / file.name)
    shutil.copy(REPOSITORY / "consumers" / "static" / "hls.min.js", folder)
    (folder / "index.html").write_text(_PAGE, encoding="utf-8")
    with browsing() as browser:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("video.currentTime > 0.5", timeout=60_000)
        assert page.evaluate("hls.levels.map(l => l.height)") == [360, 720]
        for level, height in ((1, 720), (0, 360)):
            page.evaluate(f"hls.currentLevel = {level}")
            page.wait_for_function(f"video.videoHeight === {height}", timeout=60_000)
        page.evaluate("video.currentTime = 6.5")
        page.wait_for_function("video.currentTime > 6.6 && !video.seeking", timeout=60_000)
        assert page.evaluate("video.duration") == pytest.approx(8, abs=0.1)
        assert page.evaluate("faults") == []
