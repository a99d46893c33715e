"""The journal's own words about a span: whole lines, one after the other, as they lie on the disk, with their chain.

They let whoever receives an export recompute the chain that the recorder wrote, without the recorder.

Reads only; any thread. Not here: what the lines amount to (core.footage), the chain's rule (core.journal).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.camera import StreamKey
from holdfast.core.journal import Begun, Line, Sealed, verify_chain
from holdfast.core.manifest import JournalPart
from holdfast.library.journal_days import days_for
from holdfast.storage.errors import storage_errors
from holdfast.storage.journal import chain_after, journal_files

_MARK = b',"chain":"'


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a journal, and where its bytes lie; `line` is None where it is damaged."""

    path: Path
    begin: int
    end: int
    line: Line | None


@dataclass(frozen=True, slots=True)
class Extract:
    """Lines of one volume's journal that follow each other, and the chain value of the one before them."""

    volume: str
    raw: bytes
    previous: str

    def read(self) -> Iterator[bytes]:
        """Give out its bytes."""
        yield self.raw

    def part(self, name: str) -> JournalPart:
        """Describe it under its name in an export."""
        lines = self.raw.splitlines(keepends=True)
        breaks = tuple(broken(lines, self.previous))
        return JournalPart(file=name, volume=self.volume, previous=self.previous, lines=len(lines), breaks=breaks)


def said_of(root: Path, key: StreamKey, span: tuple[int, int]) -> Iterator[Said]:
    """Yield the lines of a stream's journals on one volume that a span needs, in the order of writing, by whole days.

    Raises:
        StorageError: A journal cannot be read.
    """
    for day in days_for(root, key, span):
        for entry in day.entries:
            yield Said(day.path, entry.offset_after - len(entry.raw), entry.offset_after, entry.line)


def extracts(
    roots: Mapping[str, Path], key: StreamKey, said: Mapping[str, Sequence[Said]], files: set[str],
    span: tuple[int, int],
) -> Iterator[Extract]:  # fmt: skip
    """Yield of each volume the lines from the first to the last that concern a span or one of these files.

    Args:
        roots: Volumes by name.
        key: The stream.
        said: What `said_of` found for the span, by volume.
        files: Segments, as `volume:path`.
        span: Begin and end, wall time.

    Raises:
        StorageError: A journal cannot be read.
    """
    for volume, its in said.items():
        wanted = [n for n, one in enumerate(its) if one.line is not None and _concerns(volume, one.line, files, span)]
        if wanted:
            first, last = its[wanted[0]], its[wanted[-1]]
            days = journal_files(roots[volume], key)
            begin = days.index(first.path)
            today = [one.line.chain for one in its[: wanted[0]] if one.path == first.path and one.line is not None]
            previous = today[-1] if today else chain_after(days[:begin])
            yield Extract(volume, b"".join(_raw(days[begin : days.index(last.path) + 1], first, last)), previous)


def broken(lines: Iterable[bytes], previous: str) -> Iterator[int]:
    """Yield the lines, from 0 on, that do not follow from the one before; after each the chain is taken up again."""
    for number, raw in enumerate(lines):
        if not verify_chain(raw, previous):
            yield number
        # What a damaged line says of itself is all that there is to go on from.
        _, mark, chain = raw.rstrip(b"\n").rpartition(_MARK)
        if mark:
            previous = chain.removesuffix(b'"}').decode(errors="replace")


def _concerns(volume: str, line: Line, files: set[str], span: tuple[int, int]) -> bool:
    if isinstance(line.event, Begun | Sealed) and f"{volume}:{line.event.file}" in files:
        return True
    return span[0] <= line.when.at_us <= span[1]


def _raw(days: Sequence[Path], first: Said, last: Said) -> Iterator[bytes]:
    """Read the bytes from one line to another, with all days between them: the chain goes through every line."""
    for path in days:
        with storage_errors("reading", path):
            raw = path.read_bytes()
        end = last.end if path == last.path else raw.rfind(b"\n") + 1
        yield raw[first.begin if path == first.path else 0 : end]
