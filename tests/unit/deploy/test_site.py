"""The site server: types, ranges, caching, 410, and what it never serves."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from deploy.site import make_site

FILES = {
    "index.html": "<!doctype html>青禾",
    "a/7.html": "<!doctype html>正文",
    "404.html": "<!doctype html>没有这个页面",
    "rss.xml": "<rss/>",
    "sitemap.xml": "<urlset/>",
    "m/ab/master.m3u8": "#EXTM3U",
    "m/ab/1.m4s": "segment",
    "m/ab/init.mp4": "0123456789",
    "m/ab/picture.jpg": "jpeg",
    "m/ab/page.exe": "MZ",
    "static/site-1.css": "body{}",
    "static/site-1.js": "1",
    "static/icon-1.svg": "<svg/>",
    ".records/7.json": "{}",
    "m/.part-cd/x.jpg": "half",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@dataclass
class Reader:
    """Asks the app without a network; paths go out as written, dots and all."""

    app: ASGIApp

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport) as client:
                address = httpx.URL("http://www.example.cn").copy_with(raw_path=path.encode())
                return await client.send(httpx.Request(method, address, headers=headers))

        return asyncio.run(asked())

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.ask("GET", path, headers)


@contextmanager
def client(root: Path, feed: Path | None = None) -> Iterator[Reader]:
    yield Reader(make_site(root, feed))


def gone(root: Path, *paths: str) -> None:
    """Replaced by rename, as the tree does it."""
    part = root / ".part"
    part.write_text(json.dumps({"paths": list(paths)}))
    part.replace(root / "gone.json")


@pytest.mark.parametrize(
    ("path", "kind", "cached"),
    [
        ("/", "text/html; charset=utf-8", "public, max-age=30"),
        ("/a/7.html", "text/html; charset=utf-8", "public, max-age=30"),
        ("/rss.xml", "application/rss+xml; charset=utf-8", "public, max-age=30"),
        ("/sitemap.xml", "application/xml; charset=utf-8", "public, max-age=30"),
        ("/m/ab/master.m3u8", "application/vnd.apple.mpegurl", "immutable"),
        ("/m/ab/1.m4s", "video/iso.segment", "immutable"),
        ("/m/ab/init.mp4", "video/mp4", "immutable"),
        ("/m/ab/picture.jpg", "image/jpeg", "immutable"),
        ("/m/ab/page.exe", "application/octet-stream", "immutable"),
        ("/static/site-1.css", "text/css; charset=utf-8", "immutable"),
        ("/static/site-1.js", "text/javascript; charset=utf-8", "immutable"),
        ("/static/icon-1.svg", "image/svg+xml", "immutable"),
    ],
)
def test_types_caching_and_guards(root: Path, path: str, kind: str, cached: str) -> None:
    with client(root) as reader:
        answer = reader.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert cached in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "media-src 'self' blob:" in policy
    assert "unsafe" not in policy


def test_pages_are_never_cached_longer_than_a_minute(root: Path) -> None:
    with client(root) as reader:
        for path in ("/", "/a/7.html", "/rss.xml", "/nothing"):
            age = reader.get(path).headers["cache-control"].rsplit("=", 1)[1]
            assert int(age) <= 60


def test_part_of_a_clip(root: Path) -> None:
    with client(root) as reader:
        answer = reader.get("/m/ab/init.mp4", headers={"range": "bytes=2-4"})
        assert (answer.status_code, answer.text) == (206, "234")
        assert answer.headers["content-range"] == "bytes 2-4/10"
        assert answer.headers["content-type"] == "video/mp4"
        beyond = reader.get("/m/ab/init.mp4", headers={"range": "bytes=50-"})
        assert beyond.status_code == 416


def test_unchanged_is_not_sent_again(root: Path) -> None:
    with client(root) as reader:
        tag = reader.get("/a/7.html").headers["etag"]
        again = reader.get("/a/7.html", headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        (root / "a/7.html").write_text("<!doctype html>更正")
        changed = reader.get("/a/7.html", headers={"if-none-match": tag})
        assert "更正" in changed.text


@pytest.mark.parametrize(
    "path",
    [
        "/.records/7.json",
        "/m/.part-cd/x.jpg",
        "/a/../.records/7.json",
        "/a/%2e%2e/.records/7.json",
        "/%2erecords/7.json",
        "/..%2f..%2fetc/passwd",
        "/../../etc/passwd",
        "//etc/passwd",
        "/a\\..\\.records\\7.json",
        "/a/7.html%00.jpg",
        "/a/",
        "/a",
        "/m/ab/",
        "/" + "x" * 5000,
    ],
)
def test_never_served(root: Path, path: str) -> None:
    with client(root) as reader:
        answer = reader.get(path)
    assert answer.status_code == 404
    assert "没有这个页面" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_no_link_out_of_the_tree(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (root / "a" / "8.html").symlink_to(tmp_path / "secret")
    with client(root) as reader:
        assert reader.get("/a/8.html").status_code == 404


def test_reading_only(root: Path) -> None:
    with client(root) as reader:
        assert reader.ask("POST", "/a/7.html").status_code == 405
        assert reader.ask("DELETE", "/a/7.html").status_code == 405
        head = reader.ask("HEAD", "/a/7.html")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 0


def test_gone_and_back_again(root: Path) -> None:
    (root / "a/7.html").write_text("<!doctype html>内容已撤回")
    gone(root, "a/7.html", "m/ab/")
    with client(root) as reader:
        answer = reader.get("/a/7.html")
        assert answer.status_code == 410
        assert "内容已撤回" in answer.text
        assert answer.headers["x-robots-tag"] == "noindex"
        assert answer.headers["cache-control"] == "public, max-age=30"
        assert reader.ask("HEAD", "/m/ab/picture.jpg").status_code == 410
        assert reader.get("/m/ab/deleted.jpg").status_code == 410
        tagged = reader.get("/a/7.html", headers={"if-none-match": "*"})
        assert (tagged.status_code, tagged.text) == (410, answer.text)
        assert reader.get("/a/70.html").status_code == 404
        gone(root)
        assert reader.get("/a/7.html").status_code == 200


def test_feed_beside_the_site(root: Path, tmp_path: Path) -> None:
    feed = tmp_path / "app"
    with client(root, feed) as reader:
        assert reader.get("/feed/index.json").status_code == 404, "not there as yet"
        (feed / ".records").mkdir(parents=True)
        (feed / "index.json").write_text('{"items":[]}')
        (feed / "story-7.json").write_text('{"state":"withdrawn"}')
        gone(feed, "story-7.json")
        answer = reader.get("/feed/index.json")
        assert answer.json() == {"items": []}
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["access-control-allow-origin"] == "*"
        withdrawn = reader.get("/feed/story-7.json")
        assert (withdrawn.status_code, withdrawn.json()) == (410, {"state": "withdrawn"})
        missing = reader.get("/feed/nothing.json")
        assert (missing.status_code, missing.text) == (404, "404\n")


def test_without_a_feed(root: Path) -> None:
    with client(root) as reader:
        assert reader.get("/feed/index.json").status_code == 404


def test_an_empty_folder_answers(tmp_path: Path) -> None:
    with client(tmp_path / "none") as reader:
        assert reader.get("/").status_code == 404
        assert reader.get("/").headers["x-content-type-options"] == "nosniff"
