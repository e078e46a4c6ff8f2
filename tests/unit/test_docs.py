"""What the documents name must exist, and what exists must be in the documents."""

import ast
import re
import typing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import shoufa
from schemas.settings import REPOSITORY
from tests.unit.pages import DOCS, PAGES, named, text

ROOMS = (
    "schemas", "stores", "bus", "producers", "streams", "consumers", "desk", "deploy", "cli",
    "tests", "bench", "docs", "run", "shoufa.py",
)  # fmt: skip


@cache
def commands() -> frozenset[str]:
    group = typing.cast("Any", typer.main.get_command(shoufa.app))
    return frozenset(name for name, command in group.commands.items() if not command.hidden)


def test_the_readme_fits_on_a_few_screens() -> None:
    assert 100 <= len(text("README.md").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    found = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", found):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{named(page)} → {target}"
        if anchor:
            assert anchor in anchors(place), f"{named(page)} → {target}"


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", head.lower()) for head in heads]
    return {head.replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_named_file_exists(page: Path) -> None:
    pattern = rf"`((?:{'|'.join(re.escape(r) for r in ROOMS)})(?:/[\w.*/<>-]*)?)`"
    for name in re.findall(pattern, page.read_text(encoding="utf-8")):
        if "<" in name:
            continue
        found = list(REPOSITORY.glob(name.rstrip("/"))) if "*" in name else [REPOSITORY / name]
        assert found, f"{named(page)} names {name}"
        assert all(path.exists() for path in found), f"{named(page)} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_exists(page: Path) -> None:
    for name in re.findall(r"\./run ([a-z][a-z-]*)", page.read_text(encoding="utf-8")):
        assert name in commands() | {"help"}, f"{named(page)}: ./run {name}"


def test_every_command_is_told() -> None:
    told = set(re.findall(r"\./run ([a-z][a-z-]*)", text("docs/operate.md")))
    assert commands() <= told, commands() - told
    assert {"demo", "test", "up"} <= set(re.findall(r"\./run ([a-z-]+)", text("README.md")))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_speaks_of_one_machine(page: Path) -> None:
    found = page.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(?:work|root|home|tmp)/", found)
    assert not re.search(r"pypi\.org|maven\.org|npmjs|files\.pythonhosted", found)


def test_every_decision_is_a_page_with_its_own_number() -> None:
    pages = sorted(DOCS.glob("decisions/*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    index = text("docs/architecture.md")
    for page in pages:
        assert f"decisions/{page.name}" in index, f"architecture.md does not list {page.name}"
        heads = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert heads == ["Why", "What follows", "When to look again"], page.name


def test_every_promise_has_its_page_and_its_tests() -> None:
    page = text("docs/promises.md")
    heads = re.findall(r"^## (\d+)\. ", page, re.MULTILINE)
    assert [int(number) for number in heads] == list(range(1, 14))
    for part in re.split(r"^## \d+\. ", page, flags=re.MULTILINE)[1:]:
        assert "**Kept by**" in part
        assert "**Fails first**" in part
        assert re.search(r"`tests/[\w/]+\.py::|\*\*Not tested yet\*\*", part), part[:60]


def test_every_named_test_exists() -> None:
    for page in PAGES:
        for file, name in re.findall(
            r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text(encoding="utf-8")
        ):
            assert name in functions(REPOSITORY / file), f"{named(page)}: {file}::{name}"


@cache
def functions(path: Path) -> frozenset[str]:
    assert path.exists(), path
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
