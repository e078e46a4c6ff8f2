"""Alembic's scripts: every change of the ledger's tables, in order."""
