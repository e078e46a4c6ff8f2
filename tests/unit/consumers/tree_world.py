"""A site or feed in a folder, read back without a network; deaths between any two file steps."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import httpx

from consumers.channels import app_feed, web
from schemas.channel import Accepted, Attempt, Live, Outside, Recalled, Refused
from schemas.hashing import canonical, fingerprint
from schemas.rendition import placeholders
from schemas.story import Story
from tests.conformance.samples import files_of
from tests.fakes import FakeMedia, attempt, outside

URL = "https://www.example.cn"


class Death(BaseException):
    """The process dies here: nothing may catch it."""


def read_as_a_server_does(root: Path, base: str) -> Callable[[httpx.Request], httpx.Response]:
    """Answers from the folder: 410 for what ``gone.json`` lists, 404 for what is not there."""

    def answer(request: httpx.Request) -> httpx.Response:
        name = urlsplit(str(request.url)).path.removeprefix(base).lstrip("/")
        gone = json.loads((root / "gone.json").read_text())["paths"]
        if name in gone or any(p.endswith("/") and name.startswith(p) for p in gone):
            return httpx.Response(410, text="gone")
        path = root / name
        return httpx.Response(200, content=path.read_bytes()) if path.is_file() else _missing()

    return answer


def _missing() -> httpx.Response:
    return httpx.Response(404, text="missing")


@dataclass
class TreeWorld:
    """One outlet of ours with a clock that goes on by a minute for each publish."""

    module: Any
    spec: Any
    folder: Path
    media: FakeMedia
    clock: datetime = field(default_factory=lambda: datetime(2026, 11, 24, 4, 0, tzinfo=UTC))
    answer: Callable[[httpx.Request], httpx.Response] | None = None
    """Stands in for the public address; None reads the folder."""

    @property
    def root(self) -> Path:
        return Path(self.spec.root)

    def account(self) -> Any:
        """As a process started anew opens it."""
        plain = outside(self.folder / "state")
        account = self.module.connect(
            self.spec, Outside(plain.state_dir, plain.log, lambda: self.clock)
        )
        base = urlsplit(self.spec.public_url).path
        handler = self.answer or read_as_a_server_does(self.root, base)
        account.tree.client.close()
        account.tree.client = httpx.Client(transport=httpx.MockTransport(handler))
        return account

    def attempt(self, story: Story, payload: Any, release: int = 1) -> Attempt:
        for placeholder in _placeholders(payload):
            source, recipe = placeholder.removeprefix("asset://").split("/")
            if placeholder not in self.media.known:
                self.media.put(placeholder, *files_of(recipe, source))  # type: ignore[arg-type]
        return attempt(
            self.media,
            self.spec.id,
            story=story,
            release=release,
            payload_sha256=fingerprint(payload),
        )

    def publish(self, story: Story, *, release: int = 1) -> Live | Accepted | Refused:
        self.clock += timedelta(minutes=1)
        payload = self.module.render(story, self.spec)
        account = self.account()
        answer: Live | Accepted | Refused = self.module.submit(
            account, payload, self.attempt(story, payload, release)
        )
        account.tend()
        account.close()
        return answer

    def live(self, story: Story, *, release: int = 1) -> Live:
        answer = self.publish(story, release=release)
        assert isinstance(answer, Live), answer
        return answer

    def find(self, story: Story, *, release: int = 1) -> Any:
        payload = self.module.render(story, self.spec)
        account = self.account()
        found = self.module.find(account, payload, self.attempt(story, payload, release))
        account.close()
        return found

    def confirm(self, story: Story) -> Any:
        payload = self.module.render(story, self.spec)
        account = self.account()
        answer = self.module.confirm(account, payload, {}, self.attempt(story, payload))
        account.close()
        return answer

    def recall(self, story: Story, *, release: int = 1) -> Recalled:
        payload = self.module.render(story, self.spec)
        account = self.account()
        told = self.attempt(story, payload, release)
        record = account.tree.standing.records.get(story.number)
        receipt = record.receipt(self.spec.public_url, "x") if record else None
        answer: Recalled = self.module.recall(account, receipt, "内部原因：举报", told)
        account.close()
        return answer

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def everything(self) -> str:
        """All text that readers can reach."""
        return "".join(
            path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
            and path.suffix in {".html", ".xml", ".json"}
            and not any(part.startswith(".") for part in path.relative_to(self.root).parts)
        )

    def leftovers(self) -> list[str]:
        return [str(path) for path in self.root.rglob(".part-*")]


def site(folder: Path, **changes: Any) -> TreeWorld:
    fields: dict[str, Any] = {
        "id": "web",
        "module": "web",
        "name": "网站",
        "family": "web",
        "wave": 1,
        "root": folder / "site",
        "public_url": URL,
        "site_name": "青禾融媒",
        "sections": [
            {"name": "首页", "slug": "index"},
            {"name": "政务", "slug": "gov"},
            {"name": "服务", "slug": "service"},
        ],
        "columns": [{"name": "热点", "slug": "hot"}],
    }
    spec = web.Spec.model_validate(fields | changes)
    return TreeWorld(web, spec, folder, FakeMedia(folder / "media"))


def feed(folder: Path, **changes: Any) -> TreeWorld:
    fields: dict[str, Any] = {
        "id": "app",
        "module": "app_feed",
        "name": "客户端",
        "family": "app",
        "wave": 1,
        "root": folder / "app",
        "public_url": f"{URL}/feed",
        "title": "云上青禾",
        "article_url": f"{URL}/a/{{number}}.html",
        "boards": [{"name": "首页", "slug": "home"}, {"name": "政务", "slug": "gov"}],
        "columns": [{"name": "热点", "slug": "hot"}],
    }
    spec = app_feed.Spec.model_validate(fields | changes)
    return TreeWorld(app_feed, spec, folder, FakeMedia(folder / "media"))


@dataclass
class Steps:
    """Counts renames and deletions below a folder; dies before the chosen one."""

    die_at: int = 0
    passed: int = 0

    def reach(self) -> None:
        self.passed += 1
        if self.passed == self.die_at:
            raise Death


@contextmanager
def watched(steps: Steps) -> Iterator[Steps]:
    """Every rename and deletion that the tree makes passes by ``steps``."""
    replace, unlink, removed = Path.replace, Path.unlink, shutil.rmtree

    def counted_replace(self: Path, target: Any) -> Path:
        steps.reach()
        return replace(self, target)

    def counted_unlink(self: Path, missing_ok: bool = False) -> None:
        steps.reach()
        unlink(self, missing_ok=missing_ok)

    def counted_remove(path: Any, *, ignore_errors: bool = False) -> None:
        steps.reach()
        removed(path, ignore_errors=ignore_errors)

    with (
        mock.patch.object(Path, "replace", counted_replace),
        mock.patch.object(Path, "unlink", counted_unlink),
        mock.patch("consumers.static_files.shutil.rmtree", counted_remove),
    ):
        yield steps


def _placeholders(payload: Any) -> list[str]:
    return placeholders(json.loads(canonical(payload)))
