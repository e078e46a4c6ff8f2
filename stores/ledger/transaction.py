"""One way to write: ``ledger.transaction()``; one way to look: ``ledger.snapshot()``.

SQLite: WAL, synchronous=FULL, and ``BEGIN IMMEDIATE`` sent by us, since the driver's own mode
lets a read and the write that rests on it be split. PostgreSQL: one writer likewise by an
advisory lock, of the whole ledger or of one story (``stores.ledger.postgres``). No network call
inside a transaction.
"""

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from schemas.errors import StorageFull, Unavailable
from schemas.hashing import sha256
from schemas.topics import STORY_EVENTS
from stores.ledger import journal, postgres

BUSY_TIMEOUT_S = 15.0


class Ledger:
    """An open ledger: an engine, the clock, and whom to wake after a commit."""

    def __init__(
        self,
        engine: Engine,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        wake: Callable[[str, set[str]], None] = lambda _address, _topics: None,
        check: Callable[[Connection], None] | None = None,
        done: Callable[[], None] = lambda: None,
        turn: "threading.Lock | None" = None,
    ) -> None:
        """``check`` comes first in each transaction and may raise: whether we may write at all."""
        self.engine = engine
        self.now = now
        self._wake = wake
        self._done = done
        self._turn = turn or threading.Lock()
        """SQLite takes one writer; our own threads hand on to each other instead of asking it."""
        self._check = check
        self.shared = engine.dialect.name != "sqlite"
        """Several hosts may write to it."""

    def checked(self, check: Callable[[Connection], None]) -> "Ledger":
        """The same ledger for an owner who must still be one when a transaction begins."""
        return Ledger(
            self.engine,
            now=self.now,
            wake=self._wake,
            check=check,
            done=self._done,
            turn=self._turn,
        )

    @property
    def address(self) -> str:
        """The engine's URL, password and all: for no log."""
        return self.engine.url.render_as_string(hide_password=False)

    def now_ms(self) -> int:
        return round(self.now().timestamp() * 1000)

    @contextmanager
    def transaction(
        self, story: UUID | str | None = None, *, locked: bool = True
    ) -> Iterator[Connection]:
        """Read, decide and write as one; wakes the relay after a commit that wrote to the outbox.
        What was written is told on ``story-events`` too (``stores.ledger.journal``).

        ``story``: reads and writes nothing but this story's rows, so that on PostgreSQL it need
        not wait for other stories. Without it, it is the only writer of the whole ledger. Not
        ``locked``: one statement that is right whoever writes beside it.
        Raises StorageFull (disk), Unavailable (locked for too long, unreachable); then nothing
        was changed.
        """
        with spoken(), self._one_writer(), self.engine.connect() as connection:
            connection.info.pop("outbox", None)
            with connection.begin():
                if self.shared and locked:
                    postgres.lock(connection, None if story is None else str(story))
                if self._check is not None:
                    self._check(connection)
                journal.begin(connection)
                yield connection
                journal.write(connection, at=self.now_ms())
                rang: set[str] = connection.info.pop("outbox", set())
                if rang and self.shared:
                    postgres.ring(connection)
        if rang:
            self._wake(self.address, rang)

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if self.shared:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_TIMEOUT_S):
            raise Unavailable("ledger", "another thread of this process has it")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A short consistent read; no write lock."""
        with spoken(), self.engine.connect() as connection:
            options: dict[str, Any] = {"shoufa_read": True}
            if self.shared:
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            read = connection.execution_options(**options)
            with read.begin():
                yield read

    @contextmanager
    def settled_snapshot(self) -> Iterator[Connection]:
        """A snapshot from a moment at which nobody was writing: no row of the outbox with a lower
        number than its highest can still appear. For whoever goes on after the last number."""
        with ExitStack() as stack:
            with self.transaction() if self.shared else nullcontext():
                view = stack.enter_context(self.snapshot())
                view.execute(text("SELECT 1"))  # the moment is the one of the first statement
            yield view

    def close(self) -> None:
        self.engine.dispose()
        self._done()


def open_ledger(url: str, *, wake_port: int | None = None) -> Ledger:
    """Open the ledger at a SQLAlchemy URL; makes the folder of an SQLite file."""
    if url.startswith("sqlite"):
        file = url.removeprefix("sqlite:///")
        if file not in {"", ":memory:"}:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, pool_size=8)
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        engine = postgres.open_engine(url)
    if wake_port is None:
        return Ledger(engine)
    wake, done = _datagrams(wake_port)
    return Ledger(engine, wake=wake, done=done)


@cache
def bell_name(address: str, topic: str) -> str:
    """Where who works on a topic's orders listens on this host (Linux abstract socket)."""
    return f"\0shoufa/{sha256(address.encode())[:16]}/{topic}"


def _sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    if connection.get_execution_options().get("shoufa_read", False):
        _run(connection, "BEGIN")
        return
    # SQLite's own waiting for the write lock sleeps in steps of up to 100 ms; transactions here
    # last a few, so asking again in fractions of a millisecond brings each hop to its turn sooner
    _run(connection, "PRAGMA busy_timeout=0")
    try:
        _take_write_lock(connection)
    finally:
        _run(connection, f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")


def _run(connection: Connection, statement: str) -> None:
    """Straight by the driver: these come with each transaction."""
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute(statement)
    except sqlite3.OperationalError as error:
        raise OperationalError(statement, None, error) from error


def _take_write_lock(connection: Connection) -> None:
    end = time.monotonic() + BUSY_TIMEOUT_S
    pause_s = 0.0002
    while True:
        try:
            _run(connection, "BEGIN IMMEDIATE")
        except OperationalError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            # the low byte: after a crash "busy" comes as SQLITE_BUSY_RECOVERY
            if code != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.005)
        else:
            return


def _datagrams(port: int) -> tuple[Callable[[str, set[str]], None], Callable[[], None]]:
    """What wakes, and what ends that."""
    relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bells = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for sock in (relay, bells):
        sock.setblocking(False)

    def wake(address: str, topics: set[str]) -> None:
        """The relay, and whoever works on the orders just written; both look by themselves too."""
        with suppress(OSError):
            relay.sendto(b"1", ("127.0.0.1", port))
        for topic in topics - {STORY_EVENTS}:
            with suppress(OSError):
                bells.sendto(b"1", bell_name(address, topic))

    def done() -> None:
        relay.close()
        bells.close()

    return wake, done


@contextmanager
def spoken() -> Iterator[None]:
    """The driver's errors in our tree."""
    try:
        yield
    except OperationalError as error:
        cause = error.orig
        code = getattr(cause, "sqlite_errorcode", None)
        full = code == sqlite3.SQLITE_FULL or "disk is full" in str(cause).lower()
        if full or postgres.is_full(error):
            raise StorageFull("ledger") from error
        raise Unavailable("ledger", str(cause)) from error
    except DBAPIError as error:
        if is_damaged(error.orig):
            told = damaged(str(error.orig))
            DAMAGE.end(told)
            raise Unavailable("ledger", told) from error
        if error.connection_invalidated or postgres.is_away(error):
            raise Unavailable("ledger", str(error.orig)) from error
        raise


class _Damage:
    """What a process does when a page of the ledger cannot be read: nothing by itself (tests, the
    command line), or end at once (``cli.processes``), since nothing it reads can be trusted."""

    def __init__(self) -> None:
        self.end: Callable[[str], None] = lambda _told: None


DAMAGE = _Damage()


def is_damaged(cause: object) -> bool:
    """SQLite found a page that is not what it wrote, or a file that is no database."""
    code = getattr(cause, "sqlite_errorcode", None) or 0
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def damaged(why: str) -> str:
    """What the operator is told."""
    return (
        f"账本文件损坏, 停止工作 / the ledger's file is damaged: {why}. "
        "停止系统后恢复 / stop the stack, then: ./run restore DIR (or ./run rebuild)"
    )


def check_pages(ledger: Ledger) -> None:
    """Read every page of an SQLite ledger; raises Unavailable with what to do."""
    if ledger.shared:
        return
    with spoken(), ledger.engine.connect() as connection:
        told = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        connection.rollback()
    if told != "ok":
        raise Unavailable("ledger", damaged(told))


def ping(ledger: Ledger) -> None:
    """Raises Unavailable when the ledger cannot be read."""
    with ledger.snapshot() as connection:
        connection.execute(text("SELECT 1"))
