"""``newsroom.toml``: the people, the default plan, the upload limits. Editorial rules as data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.checks import CheckRules
from schemas.rights import Role
from schemas.text import Line


class Person(BaseModel):
    """One person of the newsroom; the API key is made at first start, in a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{1,31}$")
    name: Line = Field(min_length=1, max_length=40)
    desk: Line = Field(default="", max_length=60)
    roles: tuple[Role, ...] = Field(min_length=1)
    bound: dict[Role, tuple[Line, ...]] = Field(default_factory=dict)
    """Role → the desks (部门) whose stories it is for; one that is not here reaches as far as
    ``schemas.rights`` says."""


class SignInRules(BaseModel):
    """How long a sign-in at the desk lasts, and what wrong passwords cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idle_h: float = Field(default=4.0, gt=0, le=24)
    """Nothing was done for so long: sign in again."""
    longest_h: float = Field(default=12.0, gt=0, le=72)
    """In any case after so long."""
    tries: int = Field(default=5, ge=3, le=20)
    """Wrong passwords in a row for one account before it waits; an address has four times as
    many."""
    wait_s: int = Field(default=30, ge=1, le=3600)
    """The first wait; each further wrong password doubles it, up to 15 minutes."""


class DefaultPlan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    gate: Literal["any", "all"] = "any"
    fallback_after_s: dict[str, int] = Field(default_factory=lambda: {"2": 900, "3": 1800})
    """Wave number → seconds after release at which it opens in any case."""

    def fallback_s(self, wave: int) -> int:
        return self.fallback_after_s.get(str(wave), 1800)


class UploadLimits(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    image_bytes: int = 40 * 1024**2
    video_bytes: int = 4 * 1024**3
    video_s: float = 3600.0
    story_json_bytes: int = 2 * 1024**2
    files: int = 40
    person_bytes_day: int = 20 * 1024**3
    """What one person may upload on one day of Beijing."""
    desk_bytes_day: int = 100 * 1024**3
    open_uploads: int = 300
    """Of one person at a time."""
    resume_h: float = 24.0
    """So long after its last byte an unfinished upload may go on."""


class Robot(BaseModel):
    """The chat group's robot that is told of alarms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["wecom", "dingtalk"]
    api_base: str | None = Field(default=None, pattern=r"^https?://")
    """None: the platform's own address."""
    key_file: str = Field(min_length=1)
    """File that holds the key at the end of the robot's address (WeCom's ``key``, DingTalk's
    ``access_token``): a secret."""
    sign_file: str | None = None
    """DingTalk's 加签: file that holds its secret; None where the robot has none."""


class Newsroom(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    county: Line
    centre: Line
    plan: DefaultPlan = DefaultPlan()
    uploads: UploadLimits = UploadLimits()
    robot: Robot | None = None
    sign_in: SignInRules = SignInRules()
    checks: CheckRules = CheckRules()
    people: tuple[Person, ...] = Field(min_length=1)
