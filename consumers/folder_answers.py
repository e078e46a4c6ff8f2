"""What the publisher is told of a delivery into a watched folder."""

from datetime import datetime

from pydantic import JsonValue

from consumers.folder_records import Outlet, Record, acknowledged, intact, where
from schemas.channel import Accepted, Attempt, CannotRecall, CannotTell, Live, Recalled, Refused
from schemas.errors import UnknownOutcome
from schemas.receipt import Receipt

Answer = Live | Accepted | Refused | Recalled | CannotRecall


def told(
    outlet: Outlet, record: Record, attempt: Attempt, *, revealed: bool = False
) -> Answer | CannotTell:
    """What became of a delivery.

    Where there are acknowledgements they alone decide. Where there are none, it is live once its
    files are read back; ``revealed``: it was surely made visible, so a station that has fetched it
    is no reason to doubt.
    """
    ack = acknowledged(outlet, record)
    if ack is not None and ack.result == "error":
        return _said_no(outlet, record, ack.reason or "没有写明原因 / no reason given")
    if ack is not None and ack.result == "ok":
        known = {placed.md5 for placed in record.files if placed.md5}
        if not ack.md5 or not known or ack.md5 in known:
            return _done(outlet, record, ack.at or outlet.now(), acknowledged_by=outlet.people)
        return waiting(
            record,
            f"{outlet.people}回执的 MD5 {ack.md5} 与交付的文件不符，请核对 / "
            "acknowledged with the MD5 of another file",
        )
    if ack is not None:
        return waiting(record, f"回执 {record.ack} 还读不懂 / cannot be read yet")
    if outlet.ack_folder is not None:
        return waiting(
            record, f"已交热文件夹，等{outlet.people}回执 / delivered, not yet acknowledged"
        )
    state = where(outlet, record)
    if (revealed and state == "fetched") or (state == "shown" and intact(outlet, record, attempt)):
        return _done(outlet, record, record.placed_at, acknowledged_by="")
    return CannotTell(
        f"{record.shown} 已不在 {outlet.folder} 或已被改动，请向{outlet.contact}核实 / "
        "is no longer in the folder as it was written, please ask"
    )


def confirm(
    outlet: Outlet, handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | Refused | Recalled | CannotRecall:
    """Read the acknowledgement of the delivery that the handle names."""
    record = Record.model_validate(handle["record"])
    answer = told(outlet, record, attempt, revealed=True)
    return waiting(record, answer.reason) if isinstance(answer, CannotTell) else answer


def certain(answer: Answer | CannotTell) -> Live | Accepted | Refused:
    """The answer to a create or an update; raises UnknownOutcome where nobody can tell."""
    if isinstance(answer, Live | Accepted | Refused):
        return answer
    raise UnknownOutcome(answer.reason)


def waiting(record: Record, reason: str) -> Accepted:
    """Accepted, with the handle that ``confirm`` takes."""
    return Accepted({"verb": record.verb, "record": record.model_dump(mode="json")}, reason)


def _done(outlet: Outlet, record: Record, at: datetime, *, acknowledged_by: str) -> Live | Recalled:
    if record.verb == "recall" and acknowledged_by:
        return Recalled(f"{acknowledged_by}已确认撤下 {record.item} / confirmed as taken out")
    if record.verb == "recall":
        return Recalled(
            f"撤稿通知已放入热文件夹；此处没有回执，请向{outlet.contact}确认 {record.item} 已撤下 / "
            "notice delivered; there are no acknowledgements here, please confirm by telephone"
        )
    return Live(
        Receipt(
            item_id=record.item,
            at=at,
            payload_sha256=record.payload_sha256,
            text_sha256=record.text_sha256,
            media=record.media,
            data=record.model_dump(mode="json"),
        )
    )


def _said_no(outlet: Outlet, record: Record, reason: str) -> Refused | Recalled | CannotRecall:
    if record.unfetched:
        return Recalled(f"{outlet.people}还没有取走，已收回 / taken back before it was fetched")
    if record.verb == "recall":
        return CannotRecall(
            outlet.contact, f"{outlet.people}未能撤下：{reason} / refused to take out"
        )
    return Refused(
        f"{outlet.people}退回：{reason} / the station sent it back", code="station_refused"
    )
