"""The command line's side of the HTTP API."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from cli.wiring import key_of
from producers.import_contract import HEAD_BYTES
from producers.imports import recognise
from schemas.errors import Fault, InvalidInput, Unavailable
from schemas.settings import Settings


class Api:
    """One person's connection to ``/v1``. Raises InvalidInput with the server's faults, and
    Unavailable when the stack is not running."""

    def __init__(self, settings: Settings, person: str, key: str | None = None) -> None:
        self._client = httpx.Client(
            base_url=f"{settings.api_url}/v1",
            headers={"Authorization": f"Bearer {key or key_of(settings, person)}"},
            timeout=httpx.Timeout(60, connect=3, write=600, read=600),
        )

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._client.request(method, path, **options)
        except httpx.ConnectError as error:
            raise Unavailable(
                "api",
                f"{self._client.base_url.host}:{self._client.base_url.port} 没有系统在运行: 先用 "
                "./run up 启动, 或用 --data、--port-base 指明哪一套 / no stack is running there: "
                "./run up, or name the stack by --data and --port-base",
            ) from error
        except httpx.HTTPError as error:
            raise Unavailable("api", f"{type(error).__name__}: {error}") from error
        if answer.is_error:
            raise InvalidInput(*_faults(answer), status=answer.status_code)
        return answer.json()

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, params={k: v for k, v in params.items() if v is not None})

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.call("POST", path, json=body)

    def send_story(
        self,
        story: dict[str, Any],
        plan: dict[str, Any] | None,
        folder: Path,
        *,
        revise: tuple[str, int] | None = None,
        key: str | None = None,
    ) -> Any:
        """File a story (or a newer version: ``(story, edited version)``) with the media files
        that it names, found in ``folder``; the files are streamed."""
        fields = {"story": (None, json.dumps(story, ensure_ascii=False), "application/json")}
        if plan:
            fields["plan"] = (None, json.dumps(plan), "application/json")
        headers = {"Idempotency-Key": key or str(uuid4())}
        method, path = "POST", "/stories"
        if revise is not None:
            method, path = "PUT", f"/stories/{revise[0]}"
            headers["If-Match"] = str(revise[1])
        with ExitStack() as stack:
            parts: list[tuple[str, Any]] = list(fields.items())
            for name in _files(story):
                source = _media(folder, name)
                file = stack.enter_context(source.open("rb"))
                parts.append(("file", (name, file, "application/octet-stream")))
            return self.call(method, path, files=parts, headers=headers)

    def send_document(self, file: Path, *, dry_run: bool, key: str | None = None) -> Any:
        """Import a document, or with ``dry_run`` only be told what would become of it."""
        try:
            content = file.read_bytes()
        except OSError as error:
            told = f"读不到稿件文件: {error.strerror} / cannot be read"
            raise InvalidInput(Fault("unreadable", str(file), told)) from error
        return self.call(
            "POST",
            "/imports",
            params={"name": file.name, "dry_run": dry_run},
            content=content,
            headers={"Idempotency-Key": key or str(uuid4())},
        )


def is_document(file: Path) -> bool:
    """Whether a file is imported: any but our own JSON."""
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
    except OSError:
        return False
    if file.suffix.lower() != ".json":
        return recognise(head, file.name) is not None
    return b'"headline"' not in head and recognise(head, file.name) is not None


_EXAMPLE = (
    '最少写 / at least: {"headline": "标题", "body": [{"kind": "paragraph", '
    '"spans": [{"text": "正文"}]}]}'
)


def read_filing(path: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A story file: either the story alone, or ``{"story": …, "plan": …}``."""
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        told = f"读不到稿件文件: {error.strerror} / cannot be read"
        raise InvalidInput(Fault("unreadable", str(path), told)) from error
    except ValueError as error:
        told = f"不是合法的 JSON (UTF-8) / is not valid JSON: {error}"
        raise InvalidInput(Fault("not_json", str(path), told, _EXAMPLE)) from error
    if not isinstance(whole, dict):
        raise InvalidInput(Fault("not_an_object", str(path), "应为 JSON 对象 / must be an object"))
    if isinstance(whole.get("story"), dict):
        return whole["story"], whole.get("plan")
    return whole, None


def _files(story: dict[str, Any]) -> Iterator[str]:
    media = story.get("media", [])
    for medium in media if isinstance(media, list) else []:
        if isinstance(medium, dict) and isinstance(medium.get("file"), str):
            yield medium["file"]


def _media(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise InvalidInput(
            Fault(
                "file_missing",
                "story.media",
                f"找不到素材文件 {path} / there is no such file",
                "把素材放在稿件文件旁边 / put it beside the story file",
            )
        )
    return path


def _faults(answer: httpx.Response) -> list[Fault]:
    try:
        rows = answer.json()["faults"]
        return [Fault(r["code"], r["field"], r["reason"], r.get("next_step", "")) for r in rows]
    except (ValueError, KeyError, TypeError):
        return [Fault("http", "", f"HTTP {answer.status_code}: {answer.text[:200]}")]
