"""Hands the desk what the ways in and the channels do for the pages of those who write."""

import re
from collections.abc import Callable
from functools import partial

from cli.wiring import Centre
from consumers import previews
from desk.ways_pages import Writing
from producers import drafting
from producers.filing import Desk
from schemas.copy import ChannelCopy
from schemas.errors import PermanentError
from stores.ledger.people import Caller
from streams.adapt import render

_PLACEHOLDER = re.compile(r"asset://([0-9a-f]{64})/[a-z0-9_]+")


def writing_of(centre: Centre, desk: Desk) -> Writing:
    return Writing(
        begin=partial(drafting.begin, desk),
        look=partial(drafting.look, desk),
        save=partial(drafting.save, desk),
        mine=partial(drafting.mine, desk),
        copies=partial(_copies, centre, desk),
        previews=previews.PREVIEWS,
        styles=previews.styles(),
        fill=fill,
        kind=previews.views,
    )


def fill(page: str, address: Callable[[str], str]) -> str:
    """Placeholders of media as addresses of the originals."""
    return _PLACEHOLDER.sub(lambda found: address(found[1]), page)


def _copies(centre: Centre, desk: Desk, who: Caller, draft_id: str) -> dict[str, ChannelCopy | str]:
    """The draft rendered as adaptation will render it."""
    content = drafting.look(desk, who, draft_id)["content"]
    story = drafting.story_of(desk, who, draft_id, content)
    made: dict[str, ChannelCopy | str] = {}
    for channel, spec in centre.specs.items():
        if not spec.active:
            continue
        try:
            made[channel] = render(story, spec, centre.modules[spec.module])
        except PermanentError as error:
            made[channel] = "；".join(fault.reason for fault in error.faults)
    return made
