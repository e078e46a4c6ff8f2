"""Builds what the processes work with, once, from settings and the two configuration files."""

import importlib
import json
import pkgutil
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import consumers.channels
from deploy.stack.secret_files import ADMINISTRATOR
from producers.filing import Desk, Inspect
from schemas.channel import Channel, ChannelSpec
from schemas.configuration import read_channels, read_newsroom
from schemas.errors import Fault, InvalidInput, PermanentError
from schemas.newsroom import Newsroom, Person
from schemas.settings import REPOSITORY, Settings
from schemas.story import Story
from schemas.topics import Topic, topics
from stores import objects
from stores.ledger import accounts, passwords, people
from stores.ledger.transaction import Ledger, open_ledger
from streams.adapt import render
from streams.story_state import ChannelRule


@dataclass(frozen=True)
class Centre:
    """The two files as read, and the channel modules they name."""

    settings: Settings
    newsroom: Newsroom
    specs: dict[str, ChannelSpec]
    modules: dict[str, Channel]

    def topics(self) -> list[Topic]:
        return topics(list(self.specs))

    def rules(self) -> dict[str, ChannelRule]:
        return {
            spec.id: ChannelRule(
                id=spec.id,
                wave=spec.wave,
                active=spec.active,
                applies_to=spec.applies_to,
                can_update=self.modules[spec.module].capabilities.update,
                contact=spec.contact,
                cut_off=getattr(spec, "cut_off", None),
            )
            for spec in self.specs.values()
        }

    def refusals(self, story: Story, channels: Sequence[str]) -> dict[str, str]:
        """Channel → why it cannot carry the story."""
        found = {}
        for channel in channels:
            spec = self.specs[channel]
            try:
                render(story, spec, self.modules[spec.module])
            except PermanentError as error:
                found[channel] = "；".join(
                    f"{f.field}: {f.reason} {f.next_step}".strip() for f in error.faults
                )
        return found


def channel_modules() -> dict[str, Channel]:
    """Every module in ``consumers/channels/``, by its name."""
    names = [m.name for m in pkgutil.iter_modules(consumers.channels.__path__)]
    return {
        name: cast("Channel", importlib.import_module(f"consumers.channels.{name}"))
        for name in names
    }


def read_centre(settings: Settings) -> Centre:
    """Read both files; raises InvalidInput with all faults of both at once."""
    modules = channel_modules()
    faults: list[Fault] = []
    specs: dict[str, ChannelSpec] = {}
    newsroom: Newsroom | None = None
    try:
        text = _read(settings.channels, "channels")
        specs = read_channels(text, variables(settings), modules)
    except InvalidInput as error:
        faults += error.faults
    try:
        newsroom = read_newsroom(_read(settings.newsroom, "newsroom"), variables(settings))
    except InvalidInput as error:
        faults += error.faults
    if faults or newsroom is None:
        raise InvalidInput(*faults)
    return Centre(settings, newsroom, specs, modules)


def variables(settings: Settings) -> dict[str, str]:
    """What ``${name}`` stands for in the channels file."""
    return {
        "data": str(settings.data.resolve()),
        "secrets": str(settings.secrets_dir.resolve()),
        "repository": str(REPOSITORY),
        "site_url": settings.site_url,
        "api_url": settings.api_url,
        "wechat_url": settings.wechat_url,
        "douyin_url": settings.douyin_url,
        "robot_url": settings.robot_url,
    }


def open_ledger_of(settings: Settings) -> Ledger:
    return open_ledger(settings.ledger_url, wake_port=settings.relay_port)


def desk_of(centre: Centre, ledger: Ledger, store: objects.Objects, inspect: Inspect) -> Desk:
    return Desk(
        settings=centre.settings,
        ledger=ledger,
        store=store,
        newsroom=centre.newsroom,
        specs=centre.specs,
        refusals=centre.refusals,
        inspect=inspect,
    )


def ensure_people(centre: Centre, ledger: Ledger) -> int:
    """Give every person of the newsroom file a key of their own, and nobody else; returns how many
    are new."""
    folder = centre.settings.secrets_dir / "keys"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = 0
    with ledger.transaction() as tx:
        for person in centre.newsroom.people:
            path = folder / f"{person.id}.key"
            if not path.exists():
                path.touch(mode=0o600)
                path.write_text(f"sf_{secrets.token_urlsafe(32)}\n")
                made += 1
            people.put(tx, person, path.read_text().strip())
        people.keep_only(tx, [person.id for person in centre.newsroom.people])
    return made


def ensure_administrator(centre: Centre, ledger: Ledger) -> str:
    """At the first start: somebody who can let the others in, by the password that was made for
    them (``secrets/administrator.password``). Returns their account; empty where nobody was
    needed: there is an administrator who can sign in."""
    with ledger.snapshot() as view:
        everybody = accounts.everybody(view)
    if any(accounts.administers(row) for row in everybody):
        return ""
    named = [p for p in centre.newsroom.people if "administrator" in p.roles]
    person = named[0] if named else Person(id="admin", name="管理员", roles=("administrator",))
    path = centre.settings.secrets_dir / ADMINISTRATOR
    hashed = passwords.hashed(path.read_text(encoding="utf-8").strip())
    with ledger.transaction() as tx:
        if not named:
            people.put(tx, person, None, source="desk")
        accounts.set_password(tx, person.id, hashed, must_change=True, at=ledger.now_ms())
    return person.id


def key_of(settings: Settings, person_id: str) -> str:
    """A person's API key on this machine; raises InvalidInput naming the folder."""
    path = settings.secrets_dir / "keys" / f"{person_id}.key"
    try:
        return path.read_text().strip()
    except OSError as error:
        known = "、".join(sorted(file.stem for file in path.parent.glob("*.key")))
        step = (
            f"--as 可用 / may be: {known}"
            if known
            else "先启动 ./run up, 或用 --data 指明哪一套, 或用 --key / start the stack first, "
            "name its folder by --data, or pass --key"
        )
        told = f"找不到密钥文件 {path} / there is no key file"
        raise InvalidInput(Fault("no_key", "as", told, step)) from error


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            Fault("unreadable", what, f"无法读取 {path} / cannot be read: {error}")
        ) from error


def told(faults: Sequence[Fault]) -> str:
    """Faults for a terminal, one a line."""
    return "\n".join(
        f"  {f.field}: {f.reason}" + (f"\n      → {f.next_step}" if f.next_step else "")
        for f in faults
    )


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
