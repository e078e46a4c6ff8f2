"""The centre's own web site (网站): a static tree, read back through its public address.

One story is ``/a/<number>.html``; front page, section, column and day pages, ``rss.xml`` and the
sitemaps are made from records of what stands there (:mod:`consumers.static_tree`). A withdrawn
story leaves a notice with status 410. The site is ours: no quota, no refusal but its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import Field, JsonValue

from consumers.public_url import PublicUrl
from consumers.shelves import Shelves
from consumers.static_tree import Draft, Tree
from consumers.web_copy import Payload, copy_of
from consumers.web_pages import WebPages
from schemas.channel import (
    Absent,
    Attempt,
    CannotTell,
    Capabilities,
    ChannelSpec,
    Live,
    Outside,
    Recalled,
    Refused,
)
from schemas.errors import TransientError
from schemas.receipt import Receipt
from schemas.rendition import placeholders
from schemas.story import Story
from schemas.text import Line

capabilities = Capabilities(update=True, recall="yes", absent_is_sure=True, asynchronous=False)


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


@dataclass
class Account:
    tree: Tree

    def close(self) -> None:
        self.tree.client.close()


def render(story: Story, spec: Spec) -> Payload:
    """Any story fits; refused is only a block whose medium is of another kind."""
    return copy_of(story, spec.id)


def connect(spec: Spec, outside: Outside) -> Account:
    """Makes index pages anew where templates or the entry changed since they were made."""
    client = httpx.Client(follow_redirects=False, trust_env=False)
    tree = Tree(
        root=spec.root,
        public_url=spec.public_url,
        pages=WebPages(spec),
        client=client,
        now=outside.now,
        read_timeout_s=spec.read_timeout_s,
    )
    try:
        tree.settle()
    except TransientError as error:  # told again by the first attempt
        outside.log.warning("channel.web.not_ready", reason=error.reason)
    return Account(tree)


def submit(account: Account, payload: Payload, attempt: Attempt) -> Live | Refused:
    """A PUT by story, release and version: repeating it is harmless."""
    return account.tree.publish(_draft(payload), attempt)


def confirm(
    account: Account, payload: Payload, _handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Refused:
    """Nothing is ever only accepted here; tells what stands at the address."""
    found = find(account, payload, attempt)
    if isinstance(found, CannotTell):
        raise TransientError(found.reason)
    if isinstance(found, Absent):
        return Refused("网站上没有这篇稿件 / not on the site", "absent")
    return found


def update(
    account: Account, payload: Payload, _receipt: Receipt, attempt: Attempt
) -> Live | Refused:
    """The same PUT; an older version never replaces a newer one."""
    return account.tree.publish(_draft(payload), attempt)


def find(account: Account, _payload: Payload, attempt: Attempt) -> Live | Absent | CannotTell:
    """Conclusive: the folder is ours, and the page is read through the public address."""
    return account.tree.find(attempt)


def recall(account: Account, _receipt: Receipt, reason: str, attempt: Attempt) -> Recalled:
    """410 with a notice; media that no other story uses are deleted. The reason stays inside."""
    return account.tree.withdraw(reason, attempt)


def _draft(payload: Payload) -> Draft:
    def card(addresses: Mapping[str, str]) -> dict[str, JsonValue]:
        told = payload.model_dump(
            mode="json",
            include={
                "headline", "summary", "kind", "language", "urgency", "sections", "columns",
                "byline", "source",
            },
        )  # fmt: skip
        return {
            **told,
            "cover": addresses.get(payload.cover, ""),
            "thumb": addresses.get(payload.thumb, ""),
            "clip": bool(payload.clips),
            "duration_s": payload.clips[0].duration_s if payload.clips else None,
        }

    found = placeholders(payload.model_dump(mode="json"))
    return Draft(payload, tuple(found), payload.correction, card)
