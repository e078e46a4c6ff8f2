"""A browser for the tests: the system's, or Debian's own where root may install it; axe-core from a
package, fetched once with its hash."""

import functools
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from schemas.settings import REPOSITORY

CACHE = REPOSITORY / ".cache" / "browser"
NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
_AXE = "axe-playwright-python==0.1.8"
_AXE_SHA256 = "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8"
_AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@functools.cache
def chromium() -> str | None:
    """Its path, or None where there is none and nobody may install it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium",
             "fonts-noto-cjk"],
        ):  # fmt: skip
            subprocess.run(command, check=False, capture_output=True, timeout=900, env=env)
        found = next(filter(None, map(shutil.which, NAMES)), None)
    return found


@functools.cache
def axe() -> str:
    """The script of axe-core (MPL-2.0), as it is; used by tests alone."""
    folder = CACHE / _AXE_SHA256[:12]
    script = folder / "axe.min.js"
    if not script.exists():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = folder / "wanted.txt"
        wanted.write_text(f"{_AXE} --hash=sha256:{_AXE_SHA256}\n", encoding="ascii")
        fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes"]
        subprocess.run([*fetch, "-r", wanted, "-d", folder], check=True, timeout=300)
        (package,) = folder.glob("*.whl")
        with zipfile.ZipFile(package) as packed:
            made = folder / "axe.part"
            made.write_bytes(packed.read("axe_playwright_python/axe.min.js"))
            made.rename(script)
    return script.read_text(encoding="utf-8")


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        try:
            yield browser
        finally:
            browser.close()


def faults_for_readers(page: Page) -> list[str]:
    """What axe-core finds on the page as it is: rule and elements. Run outside the page's own
    policy, which lets no foreign script in."""
    told: dict[str, Any] = page.evaluate(
        "([script, tags]) => { (0, eval)(script);"
        " return axe.run({ runOnly: tags, resultTypes: ['violations'] }); }",
        [axe(), _AXE_RULES],
    )
    return [
        f"{one['id']}: {[node['html'][:160] for node in one['nodes'][:4]]} {one['help']}"
        for one in told["violations"]
    ]
