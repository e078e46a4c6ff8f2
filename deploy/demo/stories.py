"""The demo's stories: six reports of the invented county 青禾县, one corrected, one withdrawn.

Every name, figure and place is invented. Media are named by file: ``terraces.jpg`` is the picture
``terraces`` of ``deploy/demo/pictures.py``, ``lanterns.mp4`` the clip of ``deploy/demo/clips.py``.
"""

from datetime import date
from typing import Any

from deploy.demo.reports import country, service, town
from deploy.demo.reports.parts import DemoStory
from schemas.story import StoryIn

__all__ = ["DemoStory", "stories", "wire"]


def stories(today: date) -> list[DemoStory]:
    """The stories in the order of filing; dates in the texts lie around ``today`` (Beijing)."""
    return [*country.stories(), *town.stories(), *service.stories(today)]


def wire(story: StoryIn) -> dict[str, Any]:
    """The story as the API takes it, without empty fields.

    Defaults stay: a block's ``kind`` is one, and without it nobody can read the block.
    """
    plain: dict[str, Any] = story.model_dump(mode="json", exclude_none=True)
    return plain
