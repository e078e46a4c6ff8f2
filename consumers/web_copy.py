"""The web site's copy of a story: what reviewers sign and the article page shows. Pure."""

from pydantic import BaseModel, ConfigDict

from consumers.story_facts import Facts, facts_of
from consumers.web_body import body_html, clips, images
from schemas.body import Family, Paragraph, plain, shown_in
from schemas.story import Story


class Clip(BaseModel):
    """One clip of the text, for the page's linked data."""

    model_config = ConfigDict(frozen=True)

    hls: str
    poster: str
    caption: str
    duration_s: float | None


class Payload(BaseModel):
    """The article as it will be sent; media are placeholders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: Facts
    standfirst: str
    """Shown above the text: the lead, unless the text begins with the same words."""
    body_html: str
    """Inner HTML of the text, made by our own templates; ``src`` are placeholders."""
    images: tuple[str, ...]
    clips: tuple[Clip, ...]


def copy_of(story: Story, channel: str, family: Family) -> Payload:
    """Raises PermanentError for a block that names a medium of the wrong kind."""
    lead = story.lead_for(channel)
    return Payload(
        facts=facts_of(story, channel, family),
        standfirst="" if lead.strip() == _opening(story, family).strip() else lead,
        body_html=body_html(story, family),
        images=tuple(shown.src for shown in images(story, family)),
        clips=tuple(
            Clip(hls=s.src, poster=s.small, caption=s.caption, duration_s=s.duration_s)
            for s in clips(story, family)
        ),
    )


def _opening(story: Story, family: Family) -> str:
    """Text of the first block that the site shows, where it is a paragraph."""
    first = next(iter(shown_in(story.body, family)), None)
    return plain(first.spans) if isinstance(first, Paragraph) else ""
