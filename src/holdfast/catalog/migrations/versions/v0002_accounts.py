"""Sign-in and settings: users, tokens, tries to sign in, settings changed while running.

The tables are written out again, as they were then: `catalog.schema` will move on, this must not.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    func,
    text,
)

revision = "0002"
down_revision = "0001"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def _whole(name: str, comment: str, *, null: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=null, comment=comment, autoincrement=False)


def _words(name: str, comment: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=null, comment=comment)


def _flag(name: str, comment: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False, comment=comment)


def _node() -> Column[Any]:
    return _whole("node", "id of the node whose row this is; first half of the row's identity")


def _id(noun: str) -> Column[Any]:
    return _whole("id", f"number of the {noun} on its node, from 1, never used again; second half of its identity")


users = Table(
    "users",
    metadata,
    _node(),
    _id("user"),
    Column("name", String(64), nullable=False, comment="name to sign in with, unique ignoring case"),
    _words("password", "argon2id hash of the password, with its parameters and salt"),
    Column("role", String(10), nullable=False, comment="what the user may do: viewer, operator or admin"),
    _flag("enabled", "false while the user may not sign in"),
    _whole(
        "generation", "counts what ends all sessions: a new password, switching off, signing out everywhere; from 1"
    ),
    _whole("created_us", "when the user was added, microseconds since the epoch, UTC"),
    _whole("changed_us", "when anything about the user last changed, microseconds since the epoch, UTC"),
    _whole(
        "signed_in_us",
        "when the user last signed in with the password, microseconds since the epoch, UTC; null before the first time",
        null=True,
    ),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("name <> ''", name="name"),
    CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="role"),
    CheckConstraint("generation >= 1", name="generation"),
    Index("uq_users_name", func.lower(text("name")), unique=True),
    comment="People who may sign in.",
)

tokens = Table(
    "tokens",
    metadata,
    _node(),
    _id("token"),
    Column("name", String(64), nullable=False, comment="what the token is for, unique ignoring case while it is valid"),
    Column(
        "sha256", String(64), nullable=False, comment="SHA-256 of the token in hex; the token itself is kept nowhere"
    ),
    Column("role", String(10), nullable=False, comment="what its bearer may do: viewer, operator or admin"),
    _words("created_by", "name of the user who made it; empty where it was made on the command line"),
    _whole("created_us", "when it was made, microseconds since the epoch, UTC"),
    _whole(
        "used_us",
        "when it was last used, to the minute, microseconds since the epoch, UTC; null before the first time",
        null=True,
    ),
    _whole("expires_us", "from when on it is refused, microseconds since the epoch, UTC; null for never", null=True),
    _whole("revoked_us", "when it was revoked, microseconds since the epoch, UTC; null while it is valid", null=True),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("name <> ''", name="name"),
    CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="role"),
    Index("uq_tokens_sha256", "sha256", unique=True),
    Index(
        "uq_tokens_name",
        func.lower(text("name")),
        unique=True,
        sqlite_where=text("revoked_us IS NULL"),
        postgresql_where=text("revoked_us IS NULL"),
    ),
    comment="What programs show instead of a password.",
)

sign_ins = Table(
    "sign_ins",
    metadata,
    _node(),
    _id("sign-in"),
    _whole("at_us", "when it was tried, microseconds since the epoch, UTC"),
    Column(
        "name",
        String(64),
        nullable=False,
        comment="name of the user; (unknown) where nobody has the given name, which may be a mistyped password",
    ),
    Column("address", String(64), nullable=False, comment="address that it came from; empty where that is not known"),
    Column(
        "outcome", String(10), nullable=False, comment="how it went: ok, refused (wrong) or limited (too many tries)"
    ),
    PrimaryKeyConstraint("node", "id"),
    CheckConstraint("outcome IN ('ok', 'refused', 'limited')", name="outcome"),
    Index("ix_sign_ins_at", "at_us"),
    comment="Who signed in, or tried to; the newest ten thousand a node.",
)

settings = Table(
    "settings",
    metadata,
    _node(),
    Column("key", String(200), nullable=False, comment="the setting's key in the configuration, dotted"),
    _words("value", "JSON with the value that goes before the configuration file's"),
    _whole("changed_us", "when it was last changed, microseconds since the epoch, UTC"),
    _words("changed_by", "name of the user or token that changed it; empty where that is not known"),
    PrimaryKeyConstraint("node", "key"),
    CheckConstraint("key <> ''", name="key"),
    comment="Settings that people changed while running, laid over the configuration file.",
)


def upgrade() -> None:
    """Create the tables."""
    metadata.create_all(op.get_bind())
