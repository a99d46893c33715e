"""Lines of the journal of findings: what became of stills, events and incidents, as their rows say it.

`findings/<YYYY-MM-DD>.journal` lies in the root of the volume that has their pictures, and speaks of what began on that
UTC day. Each line is whole in itself; of two about the same thing the later one counts. So a catalog that was lost has
them again, with what people said about them (docs/design/0018).

Pure: values in, text out, and back. Not here: which rows (catalog.findings), files and when (library.findings).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from holdfast.core.errors import BadInput
from holdfast.core.timing import day_of

VERSION = 1
FOLDER = "findings"
SUFFIX = ".journal"

Row = Mapping[str, Any]


class Found(StrEnum):
    """What was found: the name of its table."""

    STILL = "stills"
    EVENT = "events"
    INCIDENT = "incidents"

    @property
    def begin(self) -> str:
        """Name of the column that says when it began."""
        return "slot_us" if self is Found.STILL else "start_us"

    @property
    def changed(self) -> str:
        """Name of the column that says when its row was written last."""
        return "created_us" if self is Found.STILL else "updated_us"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that tell it from all others, on one node."""
        return {
            Found.STILL: ("camera", "slot_us"), Found.EVENT: ("camera", "kind", "start_us"),
            Found.INCIDENT: ("camera", "type", "start_us"),
        }[self]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """A thing that was found.

    Attributes:
        kind: What it is.
        row: Its row by column, without the node.
        pictures: Rows of its evidence the same way, without ids; for incidents alone.
    """

    kind: Found
    row: Row
    pictures: Sequence[Row] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from all others."""
        return (self.kind, *(self.row[name] for name in self.kind.names))

    @property
    def journal(self) -> PurePosixPath:
        """Path of the journal that speaks of it, under the root of a volume."""
        return PurePosixPath(FOLDER) / f"{day_of(self.row[self.kind.begin])}{SUFFIX}"

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Volume and path of each picture that shows it; none where it was missed, or never had any."""
        if self.kind is Found.INCIDENT:
            return tuple((str(one["volume"]), str(one["file"])) for one in self.pictures)
        names = ("file",) if self.kind is Found.STILL else ("picture_a", "picture_b", "thumbnail")
        return tuple((str(self.row["volume"]), str(self.row[name])) for name in names if self.row.get(name))


def encode(finding: Finding) -> bytes:
    """Write one line, newline included."""
    body: dict[str, Any] = {"v": VERSION, "t": finding.kind.value, "row": dict(finding.row)}
    if finding.pictures:
        body["pictures"] = [dict(one) for one in finding.pictures]
    # In ASCII: a half of a surrogate pair, which Python makes of a name that is no UTF-8, then stays what it is.
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode(raw: bytes) -> Finding | None:
    """Read one line.

    Returns:
        None for a kind of later versions.

    Raises:
        BadInput: It is none; a torn line looks like this.
    """
    try:
        body = json.loads(raw)
        if body["t"] not in set(Found):
            return None
        finding = Finding(Found(body["t"]), dict(body["row"]), tuple(dict(one) for one in body.get("pictures", ())))
        whole = all(isinstance(finding.row[name], int if name.endswith("_us") else str) for name in finding.kind.names)
        if not whole or not all(_lies_below(file) for _, file in finding.files):
            raise BadInput(f"not a line of a journal of findings: {raw[:80]!r}")
        _ = finding.journal  # its day is one
    except (ValueError, KeyError, TypeError, OverflowError, OSError) as error:
        raise BadInput(f"not a line of a journal of findings: {raw[:80]!r}") from error
    return finding


def _lies_below(file: str) -> bool:
    """Say whether a path leads below the root of its volume: what a row names may be deleted some day."""
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts
