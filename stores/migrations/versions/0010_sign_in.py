"""Sign-in at the desk: accounts, sessions, links, wrong passwords; roles bound to desks; whose desk
a story is of."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("bound", sa.Text, nullable=False, server_default="{}"))
    op.add_column("people", sa.Column("source", sa.String(8), nullable=False, server_default="file"))
    op.add_column("people", sa.Column("barred_at", sa.BigInteger))
    op.add_column("stories", sa.Column("desk", sa.String(120), nullable=False, server_default=""))
    op.execute(
        "UPDATE stories SET desk = "
        "coalesce((SELECT people.desk FROM people WHERE people.id = stories.by), '')"
    )
    op.create_table(
        "accounts",
        sa.Column("person_id", sa.String(32), primary_key=True),
        sa.Column("password", sa.Text),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(32), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_table(
        "tickets",
        sa.Column("token_sha256", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(32), nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "wrong_passwords",
        sa.Column("key", sa.String(80), primary_key=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("wait_until", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_audit_person_id", "audit", ["person_id"])
    op.create_index("ix_audit_act", "audit", ["act"])


def downgrade() -> None:
    raise RuntimeError("restore the backup that was made before the upgrade")
