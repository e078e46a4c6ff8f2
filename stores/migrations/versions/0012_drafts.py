"""Drafts: what is being written, saved as it goes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("story_id", sa.String(36), unique=True),
        sa.Column("base_version", sa.Integer),
        sa.Column("by", sa.String(32), nullable=False, index=True),
        sa.Column("holder", sa.String(32), nullable=False, index=True),
        sa.Column("held_at", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    raise RuntimeError("restore the backup that was made before the upgrade")
