"""Probes: when each channel's publisher last took one."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "probes",
        sa.Column("channel", sa.String(32), primary_key=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("came_at", sa.BigInteger()),
        sa.Column("took_ms", sa.BigInteger()),
    )
