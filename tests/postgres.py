"""Databases for tests on a real PostgreSQL: one server a test run, emptied tables for each test."""

import contextlib
from collections.abc import Iterator
from itertools import count

import psycopg

from deploy.stack.postgres import PostgresServer
from stores.ledger.tables import metadata
from stores.ledger.transaction import open_ledger

_numbers = count(1)
_clean: dict[int, list[str]] = {}
"""By the server's port: databases with empty tables that no test uses now."""

EMPTY = ";".join(
    [
        *(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)),
        "ALTER SEQUENCE outbox_seq_seq RESTART",
        "ALTER SEQUENCE audit_seq_seq RESTART",
    ]
)


def run(server: PostgresServer, statement: str, database: str = "postgres") -> list[object]:
    """One statement as the superuser, outside of any transaction; the first column."""
    address = server.url(database).replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as link:
        cursor = link.execute(statement)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def cut_off(server: PostgresServer, database: str) -> None:
    """End every connection to a database, as its server's restart would."""
    run(
        server,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{database}' AND pid <> pg_backend_pid()",
    )


@contextlib.contextmanager
def empty_database(server: PostgresServer) -> Iterator[str]:
    """Name of a database without any table."""
    name = f"test_{next(_numbers)}"
    run(server, f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        run(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def database(server: PostgresServer) -> Iterator[str]:
    """URL of a database of its own, with empty tables."""
    free = _clean.setdefault(server.port, [])
    name = free.pop() if free else _with_tables(server)
    yield server.url(name)
    cut_off(server, name)
    run(server, EMPTY, name)
    free.append(name)


def _with_tables(server: PostgresServer) -> str:
    name = f"test_{next(_numbers)}"
    run(server, f"CREATE DATABASE {name}")
    ledger = open_ledger(server.url(name))
    metadata.create_all(ledger.engine)
    ledger.close()
    return name
