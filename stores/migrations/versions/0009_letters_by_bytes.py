"""Two letters may name one offset: after a power cut another record may lie there."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dead_letters") as table:
        table.drop_constraint("one_letter", type_="unique")


def downgrade() -> None:
    raise RuntimeError("restore the backup that was made before the upgrade")
