"""The centre's own web site (网站): a static tree, read back through its public address.

One story is ``/a/<number>.html``; front page, section, column and day pages, ``rss.xml`` and the
sitemaps are made from records of what stands there (:mod:`consumers.static_tree`). A withdrawn
story leaves a notice with status 410. The site is ours: no quota, no refusal but its own.
"""

from pathlib import Path

from pydantic import Field

from consumers.public_url import PublicUrl
from consumers.shelves import Shelves
from consumers.static_tree import open_tree
from consumers.tree_channel import (
    Account,
    capabilities,
    confirm,
    find,
    recall,
    submit,
    update,
)
from consumers.web_copy import Payload, copy_of
from consumers.web_pages import WebPages
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
    """The site's entry in the channels file."""

    root: Path
    """Folder that the web server serves."""
    public_url: PublicUrl
    """Where readers (and the read-back) reach that folder."""
    site_name: Line = Field(min_length=1, max_length=40)
    tagline: Line = Field(default="", max_length=60)
    publisher: Line = Field(default="", max_length=60)
    """主办单位."""
    licence: Line = Field(default="", max_length=200)
    """备案号、许可证号, as they must be shown."""
    contact_line: Line = Field(default="", max_length=120)
    """Where readers report faults, e.g. ``更正与投诉：0000-0000000``."""
    corrections_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Page with the centre's rules for corrections."""
    sections: Shelves = ()
    """板块 in the order of the navigation; slug ``index`` is the front page itself."""
    columns: Shelves = ()
    """栏目 in the navigation after the sections; others get a page without an entry there."""
    front_page_size: int = Field(default=25, ge=1, le=200)
    list_page_size: int = Field(default=40, ge=1, le=200)
    feed_size: int = Field(default=50, ge=1, le=500)
    read_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """For each request of the read-back."""


def render(story: Story, spec: Spec) -> Payload:
    """Any story fits; refused is only a block whose medium is of another kind."""
    return copy_of(story, spec.id, spec.family)


def connect(spec: Spec, outside: Outside) -> Account:
    """Makes index pages anew where templates or the entry changed since they were made."""
    return Account(
        open_tree(spec.root, spec.public_url, WebPages(spec), outside, spec.read_timeout_s)
    )
