"""The rows of the catalog as values, and what the modules of the nouns share: ids and cursors.

Not here: statements about one noun; each has a module of its own.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import select

from holdfast.catalog import schema
from holdfast.catalog.db import Transaction
from holdfast.core.camera import StreamKey
from holdfast.core.errors import NotFound, UsageError
from holdfast.core.gap import GapReason

PAGE = 200  # chosen: a screen or two; one page of segments is read in about a millisecond
PAGE_MAX = 1000  # chosen: bounds the memory of one answer

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, order=True)
class Id:
    """Names a row in every catalog: the node that made it, and its number there. Written `1-42`."""

    node: int
    number: int

    def __str__(self) -> str:
        return f"{self.node}-{self.number}"

    @classmethod
    def read(cls, text: str, noun: str) -> "Id":
        """Read what was written so.

        Raises:
            NotFound: It is none; the text calls it by `noun`.
        """
        node, _, number = text.partition("-")
        if not (node.isascii() and node.isdigit() and number.isascii() and number.isdigit() and len(text) < 40):  # noqa: PLR2004 - two numbers
            raise NotFound(f"there is no {noun} {text[:40]!r}")
        return cls(int(node), int(number))


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list. `cursor` asks for the next ones; None where there are no more."""

    rows: tuple[Row, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRow:
    """A camera. `settings` are those of one that was added while running, None for all others; times in `_us`."""

    id: Id
    camera: str
    site: str
    location: str
    enabled: bool
    origin: str
    settings: dict[str, Any] | None
    created_us: int
    removed_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """A stream. `settled_us` and `tail` are the indexer's memory (`library.index`)."""

    id: Id
    key: StreamKey
    settled_us: int | None
    tail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """A segment; columns as in the schema. `end_us` is None while it is being written and reaches to now."""

    id: Id
    stream: int
    volume: str
    file: str
    run: str
    state: str
    origin: str
    start_us: int
    end_us: int | None
    boot: str
    start_boot_us: int | None
    bytes: int | None
    media_bytes: int | None
    sha256: str | None
    video_samples: int | None
    audio_samples: int | None
    began: str
    ended: str
    recovered: bool
    removed_why: str | None
    missing_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow:
    """A gap. `end_us` is None while it lasts."""

    id: Id
    stream: int
    start_us: int
    end_us: int | None
    reason: GapReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """A note. `camera` is None where it is about the whole site."""

    id: Id
    uid: str
    camera: str | None
    site: str
    at_us: int
    words: str
    author: str
    created_us: int


def new_ids(tx: Transaction, node: int, noun: str, count: int = 1) -> range:
    """Draw ids; they are never given out again, even where the transaction's rows are deleted later."""
    counter = schema.ids.c
    # One statement, so that two who draw the very first id at once get different ones.
    drawn = tx.insert(schema.ids).values(node=node, noun=noun, last=count)
    drawn = drawn.on_conflict_do_update(
        index_elements=[counter.node, counter.noun], set_={"last": counter.last + count}
    )
    last = int(tx.run(f"ids for {noun}", drawn.returning(counter.last)).scalar_one())
    return range(last - count + 1, last + 1)


def count_rows(tx: Transaction, noun: str) -> int:
    """Count the rows of a table; for tests, reports and `check`."""
    table = schema.metadata.tables[noun]
    return len(tx.run(f"counting {noun}", select(table.c.node)).all())


def cursor_of(*values: int) -> str:
    """Write a place in a list as text that callers hand back unread."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(cursor: str, length: int) -> Sequence[int]:
    """Read a place in a list.

    Raises:
        UsageError: It is not one of ours.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if len(values) == length and all(type(value) is int for value in values):
            return list(values)
    except (ValueError, TypeError):
        pass
    raise UsageError(f"{cursor!r} is not a cursor", hint="pass back the cursor of the page before, unchanged")
