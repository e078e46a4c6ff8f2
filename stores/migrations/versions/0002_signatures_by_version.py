"""One signature a level and version: two versions that every channel refuses have equal copies."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    standing = sa.text("voided_at IS NULL")
    op.drop_index("one_signature_a_level", "signatures")
    op.create_index(
        "one_signature_a_level",
        "signatures",
        ["story_id", "version", "level", "copies_sha256"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
