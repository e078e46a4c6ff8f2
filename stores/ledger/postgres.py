"""The ledger on PostgreSQL: how it is opened, locked, and heard.

Rules of the server (postgresql.org/docs: explicit locking, client configuration, LISTEN):
advisory locks of a transaction end with it; each statement of READ COMMITTED sees what was
committed before it began, so what is read after the lock was got is the newest.
"""

import hashlib
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from schemas.errors import Unavailable

log = structlog.get_logger("ledger")

LOCK_WAIT_S = 15
STATEMENT_S = 30
IDLE_S = 10
"""A process that was paused inside a transaction loses it, and with it its locks, after so long:
before whoever waits for them gives up."""

CHANNEL = "shoufa_outbox"
_LEDGER = (0x5F0, 0x1ED)
"""The advisory lock of the whole ledger: two numbers, another space than the one of stories."""

LINK: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "shoufa",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server that went away without a word is noticed within about ten seconds."""


@cache
def _without_nul() -> type[Any]:
    """PostgreSQL has no NUL in text; what a sender smuggled in is shown as a replacement sign."""
    from psycopg.types.string import StrDumperUnknown  # 9 MiB, not for each process on SQLite

    class WithoutNul(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\x00", "\ufffd"))

    return WithoutNul


def open_engine(url: str) -> Engine:
    """An engine whose connections have bounded waits and durable commits."""
    engine = create_engine(url, pool_size=8, pool_pre_ping=True, connect_args=LINK)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.adapters.register_dumper(str, _without_nul())
    connection.autocommit = True
    connection.execute(
        f"SET lock_timeout = '{LOCK_WAIT_S}s'; SET statement_timeout = '{STATEMENT_S}s';"
        f"SET idle_in_transaction_session_timeout = '{IDLE_S}s'"
    )
    # "off" answers before the commit is on disk; the stricter kinds (remote_apply …) stay
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.autocommit = False


def lock(connection: Connection, story: str | None) -> None:
    """Make the rest of the transaction the only writer: of that story, or of the whole ledger."""
    if story is None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", _LEDGER)
        return
    number = int.from_bytes(hashlib.sha256(story.encode()).digest()[:8], "big", signed=True)
    connection.exec_driver_sql(
        "SELECT pg_advisory_xact_lock_shared(%s, %s), pg_advisory_xact_lock(%s)",
        (*_LEDGER, number),
    )


def lock_for_upgrade(connection: Connection) -> None:
    """No other writer and no other upgrade until this transaction ends; it may last long.

    Raises Unavailable where a power cut would lose what was acknowledged.
    """
    refuse_what_is_not_durable(connection)
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '5min'")
    lock(connection, None)


def ring(connection: Connection) -> None:
    """Tell the relay, wherever it runs, once this transaction is committed."""
    connection.exec_driver_sql(f"NOTIFY {CHANNEL}")


def is_full(error: DBAPIError) -> bool:
    return _sqlstate(error) == "53100"


def is_away(error: DBAPIError) -> bool:
    """The server, not the statement, is at fault: away, stopping, a standby (25006), a lock or a
    statement that took too long, a deadlock."""
    state = _sqlstate(error)
    return state[:2] in {"08", "40", "53", "55", "57", "58"} or state in {"25006", "25P03"}


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def refuse_what_is_not_durable(connection: Connection) -> None:
    """Raises Unavailable for a server that does not write through: a power cut would lose what
    was acknowledged."""
    shown = {
        name: connection.exec_driver_sql(f"SHOW {name}").scalar()
        for name in ("fsync", "full_page_writes", "synchronous_commit")
    }
    weak = [f"{name} = {value}" for name, value in shown.items() if value == "off"]
    if weak:
        raise Unavailable(
            "ledger",
            f"PostgreSQL 断电会丢数据, 请改回 on / would lose data at a power cut: {', '.join(weak)}",
        )


class Notices:
    """Hears ``NOTIFY`` in a thread of its own and calls ``heard``; connects again by itself.

    A notice that is lost costs the relay its next look, a quarter of a second.
    """

    def __init__(self, url: str, heard: Callable[[], None]) -> None:
        self._address = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._heard = heard
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        import psycopg

        while not self._stop.is_set():
            try:
                with psycopg.connect(self._address, autocommit=True, **LINK) as link:
                    link.execute(f"LISTEN {CHANNEL}")
                    while not self._stop.is_set():
                        for _ in link.notifies(timeout=1.0, stop_after=1):
                            self._heard()
            except psycopg.Error as error:
                log.warning("ledger.no_notices", error=str(error))
                self._stop.wait(1.0)
