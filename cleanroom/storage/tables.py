"""The relational schema, and the check that a database has exactly this version of it.

Must not know which database runs it, nor what the columns mean to a use case.
Rows are added or change state. Deleted are acceptances, when their proposal is made anew, and who
withdrew from a version, when the version is erased.
`seq` remembers the order of adding.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    inspect,
    select,
)

from cleanroom.storage.errors import StoreUnusable

SCHEMA_VERSION: Final = 3
# What BigInteger holds; SQLite would turn a larger sum into a float without a word.
MAX_INTEGER: Final = 2**63 - 1

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, String, nullable=False)


def _integer(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _binary(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _seq() -> Column[int]:
    # SQLite numbers rows by itself only for a key declared INTEGER, which holds 64 bits there.
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("seq", kind, primary_key=True, autoincrement=True)


def _points_to(
    columns: tuple[str, ...], table: str, targets: tuple[str, ...]
) -> ForeignKeyConstraint:
    # Deferred: within one transaction the order of writing is the use case's own business.
    return ForeignKeyConstraint(
        columns, [f"{table}.{t}" for t in targets], deferrable=True, initially="DEFERRED"
    )


schema_version = Table("schema_version", metadata, _integer("version"))

proposals = Table(
    "proposals",
    metadata,
    _seq(),
    _text("collaboration"),
    _text("digest"),
    _binary("document"),
    _text("proposed_by"),
    _integer("proposed_at_s"),
    UniqueConstraint("collaboration", "digest"),
)

# Which proposal of a collaboration is the latest, and which is in force.
standings = Table(
    "standings",
    metadata,
    Column("collaboration", String, primary_key=True),
    _text("latest"),
    Column("in_force", String),
    _points_to(("collaboration", "latest"), "proposals", ("collaboration", "digest")),
    _points_to(("collaboration", "in_force"), "proposals", ("collaboration", "digest")),
)

acceptances = Table(
    "acceptances",
    metadata,
    Column("collaboration", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("party", String, primary_key=True),
    _integer("accepted_at_s"),
    _binary("announcement"),
    _points_to(("collaboration", "digest"), "proposals", ("collaboration", "digest")),
)

# The history of a collaboration's policies; a party's word is the signed statement in it.
policy_steps = Table(
    "policy_steps",
    metadata,
    Column("collaboration", String, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    _text("digest"),
    _text("kind"),
    _text("policy_digest"),
    _text("party"),
    _binary("statement"),
    _binary("signature"),
    _binary("certificates"),
    _integer("taken_at_s"),
    _integer("put_in_force"),
    _points_to(("collaboration", "policy_digest"), "proposals", ("collaboration", "digest")),
)

envelopes = Table(
    "envelopes",
    metadata,
    Column("collaboration", String, primary_key=True),
    Column("recipient", String, primary_key=True),
    Column("sender", String, primary_key=True),
    _binary("ciphertext"),
)

uploads = Table(
    "uploads",
    metadata,
    _seq(),
    Column("id", String, nullable=False, unique=True),
    _text("collaboration"),
    _text("dataset"),
    _text("owner"),
    _text("policy_digest"),
    _text("request_id"),
    _text("state"),
    _integer("chunks"),
    _integer("rows"),
    _integer("created_at_s"),
    UniqueConstraint("owner", "request_id"),
    Index("uploads_of_dataset", "collaboration", "dataset"),
)

relay_tasks = Table(
    "relay_tasks",
    metadata,
    _seq(),
    Column("id", String, nullable=False, unique=True),
    _text("upload"),
    _text("collaboration"),
    _text("key_type"),
    _text("party"),
    _integer("position"),
    _text("state"),
    _integer("size"),
    _integer("returned"),
    _integer("shard"),
    _integer("shards"),
    _text("lease"),
    _integer("leased_until_s"),
    _points_to(("upload",), "uploads", ("id",)),
    Index("relay_tasks_of_upload", "upload"),
    Index("relay_tasks_of_party", "party", "state"),
    Index("relay_tasks_of_collaboration", "collaboration", "state"),
)

versions = Table(
    "versions",
    metadata,
    _seq(),
    Column("id", String, nullable=False, unique=True),
    _text("collaboration"),
    _text("dataset"),
    _text("owner"),
    _text("upload"),
    _text("policy_digest"),
    _text("file_digest"),
    _text("content_digest"),
    _integer("persons"),
    _integer("events"),
    _integer("sealed_at_s"),
    Column("erased_at_s", BigInteger),
    Column("predecessor", String),  # what it was compacted from
    Index("versions_of_dataset", "collaboration", "dataset"),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    _seq(),
    _text("collaboration"),
    _text("dataset"),
    _text("owner"),
    _text("request_id"),
    _text("fingerprint"),
    _integer("given"),
    _integer("known"),
    _integer("at_s"),
    UniqueConstraint("owner", "request_id"),
    Index("withdrawals_of_dataset", "collaboration", "dataset"),
)

# One-way marks of references that withdrew (model/withdrawal.py), which keep later uploads clean.
withdrawn_marks = Table(
    "withdrawn_marks",
    metadata,
    Column("collaboration", String, primary_key=True),
    Column("dataset", String, primary_key=True),
    Column("mark", LargeBinary, primary_key=True),
    _integer("at_s"),
)

# Who of a version withdrew, by number, until the version is compacted or erased.
withdrawn_people = Table(
    "withdrawn_people",
    metadata,
    Column("version", String, primary_key=True),
    Column("person", BigInteger, primary_key=True, autoincrement=False),
    _integer("at_s"),
    _points_to(("version",), "versions", ("id",)),
)

# The invariant "never more than the budget" is held three times: by the code that debits, by the
# serializable transaction around it, and by this CHECK.
ledgers = Table(
    "ledgers",
    metadata,
    Column("owner", String, primary_key=True),
    Column("pool", String, primary_key=True),
    _integer("budget"),
    _integer("spent"),
    CheckConstraint("spent >= 0 AND spent <= budget", name="never_overspent"),
)

debits = Table(
    "debits",
    metadata,
    _seq(),
    _text("owner"),
    _text("pool"),
    _text("question"),
    _integer("nano_rho"),
    CheckConstraint("nano_rho > 0", name="a_debit_costs_something"),
    UniqueConstraint("question", "owner", "pool"),  # a question never debits a ledger twice
    _points_to(("owner", "pool"), "ledgers", ("owner", "pool")),
)

questions = Table(
    "questions",
    metadata,
    _seq(),
    Column("digest", String, nullable=False, unique=True),
    _text("collaboration"),
    _text("asker"),
    _binary("canonical"),
    _text("state"),
    _integer("reserved_entry"),
    _integer("reserved_at_s"),
    Column("released_entry", BigInteger),
    Column("measurement", LargeBinary),
    Index("questions_by_state", "state"),
    Index("questions_of_asker", "collaboration", "asker", "reserved_at_s"),
)

# What a question says it debited, kept apart from `debits` so that fsck can hold them together.
question_debits = Table(
    "question_debits",
    metadata,
    Column("question", String, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    _text("owner"),
    _text("pool"),
    _integer("nano_rho"),
    _points_to(("question",), "questions", ("digest",)),
)

requests = Table(
    "requests",
    metadata,
    _seq(),
    _text("party"),
    _text("request_id"),
    _text("fingerprint"),
    _text("question"),
    _integer("requested_at_s"),
    UniqueConstraint("party", "request_id"),
    Index("requests_of_question", "question"),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    _binary("entry"),
)

# What entries commit to and may be erased: whole rows go, and SQLite zeroes what they held.
log_payloads = Table(
    "log_payloads",
    metadata,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String, primary_key=True),
    _binary("salt"),
    _text("content"),
    _points_to(("entry",), "log_entries", ("idx",)),
)

log_nodes = Table(
    "log_nodes",
    metadata,
    Column("level", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    _binary("hash"),
)


def prepare_schema(connection: Connection) -> None:
    """Create the tables in an empty database, or check that they have this version.

    Requires: a writing transaction, so that two processes that start at once do not both create.
    Raises StoreUnusable for a version that is not ours and for tables that carry none.
    """
    present = set(inspect(connection).get_table_names())
    if not present:
        metadata.create_all(connection)
        connection.execute(schema_version.insert().values(version=SCHEMA_VERSION))
    elif schema_version.name not in present:
        raise StoreUnusable("the database holds tables of something else: name an empty one")
    else:
        _check_version(connection)


def _check_version(connection: Connection) -> None:
    found = list(connection.execute(select(schema_version.c.version)).scalars())
    if found != [SCHEMA_VERSION]:
        raise StoreUnusable(
            f"the database has schema version {found}, this program knows {SCHEMA_VERSION}: "
            "run the program that wrote it, or migrate"
        )
