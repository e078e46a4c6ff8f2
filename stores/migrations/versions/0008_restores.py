"""When the ledger was restored or rebuilt: what was filed before is asked for before it is sent."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("restores",
    sa.Column("id", sa.String(length=36), nullable=False),
    sa.Column("at", sa.BigInteger(), nullable=False),
    sa.Column("source", sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint("id")
    )


def downgrade() -> None:
    raise RuntimeError("restore the backup that was made before the upgrade")
