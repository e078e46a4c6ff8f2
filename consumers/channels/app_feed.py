"""The county app's feed (客户端): JSON files by board and column, read back through the address.

Lists are JSON Feed 1.1; one story is ``story-<number>.json`` with typed blocks and media
addresses. A withdrawn story leaves ``{"state": "withdrawn"}`` with status 410. The feed is ours:
no quota, no refusal but its own.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from consumers.app_blocks import blocks_of, text_of
from consumers.app_pages import AppPages
from consumers.public_url import PublicUrl
from consumers.shelves import Shelves
from consumers.static_tree import open_tree
from consumers.story_facts import Facts, facts_of
from consumers.tree_channel import (
    Account,
    capabilities,
    confirm,
    find,
    recall,
    submit,
    update,
)
from schemas.channel import ChannelSpec, Outside
from schemas.story import Story
from schemas.text import Line

__all__ = [
    "Account",
    "Payload",
    "Spec",
    "capabilities",
    "confirm",
    "connect",
    "find",
    "recall",
    "render",
    "submit",
    "update",
]


class Spec(ChannelSpec):
    """The app feed's entry in the channels file."""

    root: Path
    """Folder that the web server serves."""
    public_url: PublicUrl
    """Where the app (and the read-back) reaches that folder, e.g. ``${site_url}/feed``."""
    title: Line = Field(min_length=1, max_length=40)
    """Name of the app."""
    home_page_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    article_url: str = Field(default="", pattern=r"^(https?://\S*\{number\}\S*)?$")
    """Page to share, with ``{number}`` for the story's: where the web site shows it."""
    boards: Shelves = ()
    """板块: 首页、政务、服务…; sections without an entry get a file under a name of their own."""
    columns: Shelves = ()
    """栏目: 热点、百姓点题…; likewise."""
    page_size: int = Field(default=20, ge=1, le=200)
    read_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """For each request of the read-back."""


class Payload(BaseModel):
    """The story as it will be sent; media are placeholders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: Facts
    content_text: str
    """The text without pictures and marks, for a client that knows no blocks."""
    blocks: tuple[dict[str, Any], ...]
    """See :mod:`consumers.app_blocks`."""


def render(story: Story, spec: Spec) -> Payload:
    """Any story fits; refused is only a block whose medium is of another kind."""
    return Payload(
        facts=facts_of(story, spec.id, spec.family),
        content_text=text_of(story, spec.family),
        blocks=tuple(blocks_of(story, spec.family)),
    )


def connect(spec: Spec, outside: Outside) -> Account:
    """Makes lists anew where the entry changed since they were made."""
    return Account(
        open_tree(spec.root, spec.public_url, AppPages(spec), outside, spec.read_timeout_s)
    )
