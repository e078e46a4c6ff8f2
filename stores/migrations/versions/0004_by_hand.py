"""What people settle by hand, and dead letters with all that a replay needs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("publications", sa.Column("settled", sa.Text()))
    for column in (
        sa.Column("key", sa.Text(), nullable=False, server_default=""),
        sa.Column("headers", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("exact", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("times", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("last_at", sa.BigInteger()),
        sa.Column("closed_how", sa.String(12), nullable=False, server_default=""),
        sa.Column("closed_by", sa.String(32), nullable=False, server_default=""),
    ):
        op.add_column("dead_letters", column)
