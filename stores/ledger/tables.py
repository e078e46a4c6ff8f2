"""Tables of the ledger. Times are UTC integer milliseconds; JSON is canonical text."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData()
_Id = String(36)
_Sha = String(64)
_Sequence = BigInteger().with_variant(Integer, "sqlite")

people = Table(
    "people",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("desk", String(120), nullable=False),
    Column("roles", Text, nullable=False),
    Column("key_sha256", _Sha, nullable=False, unique=True),
    Column("active", Boolean, nullable=False),
    Column("bound", Text, nullable=False, server_default="{}"),
    # JSON: role → desks, see schemas.rights
    Column("source", String(8), nullable=False, server_default="file"),
    # file: newsroom.toml; desk: added on the desk's page
    Column("barred_at", BigInteger),
    # by hand: neither key nor password opens anything
)

accounts = Table(
    "accounts",
    metadata,
    # how a person signs in at the desk; never told on a topic
    Column("person_id", String(32), primary_key=True),
    Column("password", Text),
    # argon2; none until one is set
    Column("must_change", Boolean, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", _Sha, primary_key=True),
    Column("person_id", String(32), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("address", String(64), nullable=False),
)

tickets = Table(
    "tickets",
    metadata,
    # links that sign in once
    Column("token_sha256", _Sha, primary_key=True),
    Column("person_id", String(32), nullable=False),
    Column("ends_at", BigInteger, nullable=False),
)

wrong_passwords = Table(
    "wrong_passwords",
    metadata,
    Column("key", String(80), primary_key=True),
    # account or address
    Column("tries", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("wait_until", BigInteger, nullable=False),
)

assets = Table(
    "assets",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sha256", _Sha, nullable=False, index=True),
    Column("object_key", String(200), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("content_type", String(100), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration_ms", BigInteger),
    Column("facts", Text, nullable=False),
    Column("by", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

uploads = Table(
    "uploads",
    metadata,
    Column("number", _Sequence, primary_key=True, autoincrement=True),
    Column("id", _Id, nullable=False, unique=True),
    # also of the asset that it becomes
    Column("person_id", String(32), nullable=False, index=True),
    Column("desk", String(120), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    # as the sender wrote it (tus Upload-Metadata)
    Column("length", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    # bytes that are surely on disk
    Column("s3_upload", Text),
    Column("remove_place", Boolean, nullable=False),
    Column("state", String(8), nullable=False),
    Column("answer", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("uploads_by_state", "state", "expires_at"),
)

drafts = Table(
    "drafts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("story_id", _Id, unique=True),
    Column("base_version", Integer),
    Column("by", String(32), nullable=False, index=True),
    Column("holder", String(32), nullable=False, index=True),
    Column("held_at", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

stories = Table(
    "stories",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("headline", Text, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("version", Integer, nullable=False),
    # newest version filed; the compare-and-set value of If-Match
    Column("approved_version", Integer),
    Column("released_at", BigInteger),
    Column("plan", Text, nullable=False),
    Column("opened_waves", Text, nullable=False),
    # JSON: wave → why it is open, once it is
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_reason", Text),
    Column("held_reason", Text),
    Column("by", String(32), nullable=False),
    Column("desk", String(120), nullable=False, server_default=""),
    # 部门 of whoever filed it, as it was then
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False, index=True),
)

versions = Table(
    "versions",
    metadata,
    Column("story_id", _Id, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", String(12), nullable=False),
    # in_review, returned, approved, superseded, withdrawn
    Column("story", Text, nullable=False),
    Column("copies_sha256", _Sha),
    Column("note", Text, nullable=False),
    Column("by", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

copies = Table(
    "copies",
    metadata,
    Column("story_id", _Id, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("sha256", _Sha),
    Column("refused", Text, nullable=False),
    Column("needs", Text, nullable=False),
    Column("body", Text),
    # the frozen bytes beside the object in S3: the way out need not fetch them
)

signatures = Table(
    "signatures",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("story_id", _Id, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("person_id", String(32), nullable=False),
    Column("person_name", String(80), nullable=False),
    Column("copies_sha256", _Sha, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("voided_at", BigInteger),
    Column("voided_why", Text, nullable=False),
)
Index(
    "one_signature_a_level",
    signatures.c.story_id,
    signatures.c.version,
    signatures.c.level,
    signatures.c.copies_sha256,
    unique=True,
    sqlite_where=text("voided_at IS NULL"),
    postgresql_where=text("voided_at IS NULL"),
)

renditions = Table(
    "renditions",
    metadata,
    Column("source_sha256", _Sha, primary_key=True),
    Column("recipe", String(32), primary_key=True),
    Column("state", String(12), nullable=False),
    # ordered, working, done, failed
    Column("wave", Integer, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("cost_s", Integer, nullable=False),
    Column("owner", String(64)),
    Column("progress", Integer, nullable=False),
    Column("manifest", Text),
    Column("reason", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

story_renditions = Table(
    "story_renditions",
    metadata,
    Column("story_id", _Id, primary_key=True),
    Column("source_sha256", _Sha, primary_key=True),
    Column("recipe", String(32), primary_key=True),
)
Index("renditions_of_source", story_renditions.c.source_sha256, story_renditions.c.recipe)

publications = Table(
    "publications",
    metadata,
    Column("story_id", _Id, primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("release", Integer, primary_key=True),
    Column("wave", Integer, nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("verb", String(10), nullable=False),
    # create, update, recall: what the open work is about
    Column("version", Integer, nullable=False),
    Column("copy_sha256", _Sha),
    Column("live_version", Integer),
    # version that the receipt is for
    Column("gate", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("due_at", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("open_attempt", _Id),
    Column("sent_before", BigInteger),
    # wall time after which no request of the open attempt can still leave
    Column("handle", Text),
    Column("checkpoints", Text, nullable=False),
    Column("receipt", Text),
    Column("settled", Text),
    # JSON: what a person last answered about it, see schemas.settling
    Column("released_at", BigInteger),
    Column("requested_at", BigInteger),
    Column("received_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False, index=True),
)
Index(
    "one_open_intent",
    publications.c.story_id,
    publications.c.channel,
    unique=True,
    sqlite_where=text("open_attempt IS NOT NULL"),
    postgresql_where=text("open_attempt IS NOT NULL"),
)
Index("publications_due", publications.c.channel, publications.c.state, publications.c.due_at)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("story_id", _Id, nullable=False, index=True),
    Column("channel", String(32), nullable=False),
    Column("release", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("verb", String(10), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", String(20), nullable=False),
    Column("reason", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("event_id", _Id, nullable=False, unique=True),
    Column("type", String(60), nullable=False),
    Column("topic", String(100), nullable=False),
    Column("key", String(100), nullable=False),
    Column("headers", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("kafka_partition", Integer),
    Column("kafka_offset", BigInteger),
)
Index(
    "outbox_unsent",
    outbox.c.seq,
    sqlite_where=text("sent_at IS NULL"),
    postgresql_where=text("sent_at IS NULL"),
)
Index("outbox_place", outbox.c.topic, outbox.c.kafka_partition, outbox.c.kafka_offset)

seen = Table(
    "seen",
    metadata,
    Column("consumer", String(60), primary_key=True),
    Column("event_id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
)

wakeups = Table(
    "wakeups",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("due_at", BigInteger, nullable=False, index=True),
    Column("target", String(40), nullable=False),
    # conductor, or the topic whose order is to ring again
    Column("key", String(160), nullable=False),
    Column("type", String(60), nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("target", "key", "type", name="one_wakeup"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("owner", String(120), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    # by the ledger's own clock
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("person_id", String(32), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_sha256", _Sha, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

quotas = Table(
    "quotas",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("day", String(10), primary_key=True),
    # Beijing date
    Column("verb", String(40), primary_key=True),
    Column("used", Integer, nullable=False),
)

rests = Table(
    "rests",
    metadata,
    # channels whose outlet is away
    Column("channel", String(32), primary_key=True),
    Column("rests", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("topic", String(100), nullable=False),
    Column("kafka_partition", Integer, nullable=False),
    Column("kafka_offset", BigInteger, nullable=False),
    Column("consumer", String(60), nullable=False),
    Column("cause", Text, nullable=False),
    Column("key", Text, nullable=False, server_default=""),
    Column("headers", Text, nullable=False, server_default="[]"),
    # JSON: [[name, value], …] as text
    Column("value", Text, nullable=False),
    Column("exact", Boolean, nullable=False, server_default=false()),
    # key, headers and value as text are the record's own bytes: it can be sent again
    Column("at", BigInteger, nullable=False),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("last_at", BigInteger),
    # how often the same record was read, and when last
    Column("closed_at", BigInteger),
    Column("closed_how", String(12), nullable=False, server_default=""),
    # replayed, discarded
    Column("closed_by", String(32), nullable=False, server_default=""),
    Column("closed_why", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("person_id", String(32), nullable=False, index=True),
    Column("act", String(40), nullable=False, index=True),
    Column("story_id", _Id, index=True),
    Column("detail", Text, nullable=False),
)

probes = Table(
    "probes",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("sent_at", BigInteger, nullable=False),
    Column("came_at", BigInteger),
    # when the channel's publisher took the newest probe that reached it
    Column("took_ms", BigInteger),
)

alarms = Table(
    "alarms",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("told_at", BigInteger),
    Column("ended_at", BigInteger),
)

restores = Table(
    "restores",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    # where the ledger came from: the events, a backup
)
