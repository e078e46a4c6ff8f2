"""Records of a static tree: what stands at each story's address, one small JSON file each."""

import errno
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from consumers.static_files import Placed, write_group
from schemas.beijing import SHANGHAI
from schemas.channel import Attempt, Refused
from schemas.hashing import canonical
from schemas.receipt import Receipt, Substitution

RECORDS = ".records"
"""Folder below the root; hidden, so that no server shows it."""


class Notice(BaseModel):
    """One correction notice (更正) that a story page shows."""

    model_config = ConfigDict(frozen=True)

    version: int
    text: str
    at: AwareDatetime


class Record(BaseModel):
    """What stands at one story's address."""

    model_config = ConfigDict(frozen=True)

    number: int
    story_id: UUID
    release: int
    version: int
    state: Literal["live", "withdrawn"]
    settled: bool = False
    """False from before the first byte of a change until its last one."""
    payload_sha256: str
    text_sha256: str = ""
    """Of the story page's bytes."""
    published_at: AwareDatetime
    updated_at: AwareDatetime
    corrections: tuple[Notice, ...] = ()
    media: tuple[Substitution, ...] = ()
    folders: tuple[str, ...] = ()
    """Media folders that the page uses, or used until it was withdrawn."""
    reason: str = ""
    """Why it was withdrawn; for the newsroom, never shown to readers."""
    card: dict[str, JsonValue] = Field(default_factory=dict)
    """What index pages show of it, the outlet's own; empty once withdrawn."""
    previous: "Record | None" = None
    """What stood there before, while unsettled."""

    @cached_property
    def day(self) -> str:
        """Beijing day of first publication, ``2026-11-24``."""
        return self.published_at.astimezone(SHANGHAI).strftime("%Y-%m-%d")

    @cached_property
    def order(self) -> tuple[float, int]:
        """Sorts the newest first."""
        return (-self.published_at.timestamp(), -self.number)

    def receipt(self, public_url: str, path: str) -> Receipt:
        return Receipt(
            item_id=path,
            url=f"{public_url}/{path}",
            at=self.updated_at,
            payload_sha256=self.payload_sha256,
            text_sha256=self.text_sha256,
            media=self.media,
            data={"number": self.number, "release": self.release, "version": self.version},
        )


def load(root: Path) -> dict[int, Record]:
    """All records by story number. Raises OSError, also for a file that is not a record."""
    found = [_read(p) for p in (root / RECORDS).glob("*.json") if p.stem.isdecimal()]
    return {record.number: record for record in found}


def _read(path: Path) -> Record:
    try:
        return Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise OSError(errno.EIO, "不是记录文件 / not a record", str(path)) from error


def save(root: Path, record: Record) -> None:
    """Durable before it returns. OSError."""
    write_group(root, {f"{RECORDS}/{record.number}.json": canonical(record)})


def drop(root: Path, number: int) -> None:
    (root / RECORDS / f"{number}.json").unlink(missing_ok=True)


def folders_in_use(records: Iterable[Record]) -> set[str]:
    return {folder for record in records for folder in record.folders}


def refusal(before: Record | None, attempt: Attempt) -> Refused | None:
    """Why this attempt may not stand where ``before`` stands; None where it may.

    A withdrawn release stays withdrawn, and versions never go backwards.
    """
    if before is None:
        return None
    if before.story_id != attempt.story_id:
        return Refused(
            f"编号 {attempt.number} 的地址已属于另一篇稿件 / the address of this number belongs "
            "to another story",
            "number_taken",
            "number",
        )
    if before.release > attempt.release:
        return Refused("已有后一次签发 / a later release stands there", "later_release")
    if before.state == "withdrawn":
        if before.release == attempt.release:
            return Refused(
                "这次签发已撤稿，不再发出；需重新签发 / this release was withdrawn: release anew",
                "withdrawn",
            )
        return None
    if before.version > attempt.version:
        return Refused(
            f"已有较新的第 {before.version} 版，第 {attempt.version} 版不再发出 / "
            f"version {before.version} stands there already",
            "newer_version",
        )
    return None


def coming(
    before: Record | None,
    attempt: Attempt,
    placed: Sequence[Placed],
    *,
    public_url: str,
    correction: str,
    card: dict[str, JsonValue],
    now: datetime,
) -> Record:
    """The record of what this attempt brings. The same version told again keeps its times, so
    that its page is the same bytes."""
    old = before if before is not None and before.state == "live" else None
    same = old is not None and old.version == attempt.version
    notices = old.corrections if old else ()
    if correction and all(notice.version != attempt.version for notice in notices):
        notices = (*notices, Notice(version=attempt.version, text=correction, at=now))
    return Record(
        number=attempt.number,
        story_id=attempt.story_id,
        release=attempt.release,
        version=attempt.version,
        state="live",
        payload_sha256=attempt.payload_sha256,
        published_at=old.published_at if old else now,
        updated_at=old.updated_at if old and same else now,
        corrections=notices,
        media=tuple(
            Substitution(
                placeholder=p.placeholder,
                sha256=p.files[0].sha256,
                address=f"{public_url}/{p.entry}",
            )
            for p in placed
        ),
        folders=tuple(dict.fromkeys(p.folder for p in placed)),
        card=card,
        previous=before.model_copy(update={"previous": None}) if before else None,
    )


def tombstone(before: Record | None, attempt: Attempt, reason: str, now: datetime) -> Record:
    """The record of a withdrawal; holds nothing of the story but its number and hashes."""
    return Record(
        number=attempt.number,
        story_id=attempt.story_id,
        release=attempt.release,
        version=before.version if before else attempt.version,
        state="withdrawn",
        payload_sha256=before.payload_sha256 if before else attempt.payload_sha256,
        text_sha256=before.text_sha256 if before else "",
        published_at=before.published_at if before else now,
        updated_at=now,
        media=before.media if before else (),
        folders=before.folders if before else (),
        reason=reason,
        previous=before.model_copy(update={"previous": None}) if before else None,
    )
