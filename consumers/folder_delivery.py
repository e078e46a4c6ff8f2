"""The way of a delivery through a watched folder: what both folder channels do alike.

``prior`` tells whether this delivery was revealed already or may not be, ``hand_over`` reveals it,
``look`` and ``withdraw`` answer the publisher. The channel itself prepares the files,
writes the one file that makes them visible, and says what is renamed or removed just before.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from consumers.folder_answers import Answer, certain, told, waiting
from consumers.folder_records import (
    Outlet,
    Record,
    Traces,
    acknowledged,
    intact,
    remember,
    remembered,
    strangers,
    where,
)
from consumers.hot_folder import reported, require, reveal, stage
from schemas.channel import (
    Absent,
    Accepted,
    Attempt,
    CannotRecall,
    CannotTell,
    Live,
    Recalled,
    Refused,
)
from schemas.errors import UnknownOutcome
from schemas.receipt import Receipt

_LOOK_BYTES = 1 << 20


def ready(outlet: Outlet) -> None:
    """Raise TransientError naming the folder that is missing or cannot be written."""
    require(outlet.folder, outlet.proof)
    if outlet.ack_folder is not None:
        require(outlet.ack_folder)


def prior(
    outlet: Outlet, attempt: Attempt, item: str, wanted: str, traces: Traces, *, first: bool
) -> Live | Accepted | Refused | None:
    """The answer of the delivery ``wanted`` (its id) where it was revealed before, or why it may
    not be made; None when it is to be made.

    ``first``: no version of this release was delivered yet. Where one was after all, or stands
    there unremembered, this is an UnknownOutcome: the publisher looks instead of sending twice.
    """
    ready(outlet)
    known = remembered(outlet, attempt, item)
    for record in known:
        if where(outlet, record) == "staged":
            continue
        if record.id == wanted:
            return certain(told(outlet, record, attempt))
        if record.verb == "recall":
            return Refused(f"{item} 已经撤稿 / was withdrawn", code="withdrawn")
        ack = acknowledged(outlet, record)
        if ack is not None and ack.result == "error":
            continue
        if record.version > attempt.version:
            return Refused(
                f"已交付更新的第 {record.version} 版 / version {record.version} stands there",
                code="newer_version",
            )
        if first:
            raise UnknownOutcome(f"{record.id} was delivered before")
    for path in strangers(outlet, traces, known) if first else ():
        if _is_of(path, attempt):
            raise UnknownOutcome(f"{path.name} stands there, and nothing is recorded of it")
        if path.parent != outlet.ack_folder:
            return Refused(
                f"{path} 是别的稿件，文件名相同：请清理，或改 prefix / belongs to another story",
                code="name_taken",
                field="prefix",
            )
    return None


def hand_over(
    outlet: Outlet, attempt: Attempt, record: Record, shown: bytes, place: Callable[[], None]
) -> Live | Accepted | Refused:
    """Remember a delivery, put its files in place, reveal it.

    ``place`` renames what was prepared to its final names and removes what it replaces; it may be
    repeated. Raises TransientError before the delivery is visible, UnknownOutcome after.
    """
    return certain(_reveal(outlet, attempt, record, shown, place))


def look(
    outlet: Outlet,
    attempt: Attempt,
    item: str,
    traces: Traces,
    rebuild: Callable[[], Sequence[Record]],
) -> Live | Accepted | Absent | CannotTell:
    """Is anything of this release there?

    Where a delivery or an acknowledgement of it is remembered by nobody (the ledger came out of a
    backup), ``rebuild`` gives the records that this version would have; one that fits is adopted.
    """
    ready(outlet)
    known = remembered(outlet, attempt, item)
    recall = next((record for record in known if record.verb == "recall"), None)
    withdrawn = recall is not None and where(outlet, recall) != "staged"
    for record in known:
        if withdrawn or record.verb == "recall" or where(outlet, record) == "staged":
            continue
        answer = told(outlet, record, attempt)
        if isinstance(answer, Live | Accepted | CannotTell):
            return answer
        if record.version == attempt.version:
            return waiting(record, "已被退回 / was refused")
    if recall is not None:
        return CannotTell(f"{item} 已经撤稿，请向{outlet.contact}核实 / was withdrawn, please ask")
    if not any(_is_of(path, attempt) for path in strangers(outlet, traces, known)):
        return Absent()
    for record in rebuild():
        if acknowledged(outlet, record) is not None or intact(outlet, record, attempt):
            answer = told(outlet, record, attempt)
            if isinstance(answer, Live | Accepted):
                return answer
    return CannotTell(
        f"文件夹里有 {item} 的交付，但不是这一版，请向{outlet.contact}核实 / "
        "another delivery of this release stands there, please ask"
    )


def withdraw(
    outlet: Outlet, attempt: Attempt, record: Record, shown: bytes, place: Callable[[], None]
) -> Recalled | Accepted | CannotRecall:
    """Take our files back and tell the station to take the item out; again, if need be."""
    ready(outlet)
    known = remembered(outlet, attempt, record.item)
    begun = next((earlier for earlier in known if earlier.id == record.id), None)
    if begun is not None and where(outlet, begun) != "staged":
        return _recalling(told(outlet, begun, attempt, revealed=True), outlet)
    unfetched = _unfetched(outlet, known) if begun is None else begun.unfetched
    record = record.model_copy(update={"unfetched": unfetched})
    return _recalling(_reveal(outlet, attempt, record, shown, place), outlet)


def delivered_record(receipt: Receipt) -> Record | None:
    """The delivery behind a receipt; None where a person typed the receipt."""
    with suppress(ValidationError):
        return Record.model_validate(receipt.data)
    return None


def _reveal(
    outlet: Outlet, attempt: Attempt, record: Record, shown: bytes, place: Callable[[], None]
) -> Answer | CannotTell:
    with reported(outlet.folder):
        stage(shown, outlet.folder / record.part)
    remember(outlet, attempt, record)
    attempt.remaining_s()
    with reported(outlet.folder):
        place()
    reveal(outlet.folder / record.part, outlet.folder / record.shown)
    return told(outlet, record, attempt, revealed=True)


def _unfetched(outlet: Outlet, known: Sequence[Record]) -> bool:
    """Whether the station, which acknowledges what it takes, has taken nothing of an item yet."""
    items = [r for r in known if r.verb != "recall" and where(outlet, r) != "staged"]
    return (
        outlet.ack_folder is not None
        and bool(items)
        and all(where(outlet, r) == "shown" and acknowledged(outlet, r) is None for r in items)
    )


def _is_of(path: Path, attempt: Attempt) -> bool:
    """Whether a visible file or an acknowledgement belongs to this release of this story."""
    with reported(path.parent), path.open("rb") as file:
        return attempt.marker.encode() in file.read(_LOOK_BYTES)


def _recalling(answer: Answer | CannotTell, outlet: Outlet) -> Recalled | Accepted | CannotRecall:
    if isinstance(answer, Recalled | Accepted | CannotRecall):
        return answer
    return CannotRecall(outlet.contact, "撤稿通知的结果无法判断 / the outcome cannot be told")
