"""What was found, beside its pictures: written down as rows change, and put back into a catalog that was lost.

The worker writes down what the watcher and people said a minute before: by then whatever was begun earlier is there.
So a catalog that is lost takes a minute or two of words with it, and footage is there to be watched once more.

Any thread but an event loop; may block on the disk; one process a node writes.

Not here: what lines say (core.findings), when (roles.findings_loop).
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path

from holdfast.catalog import findings, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.findings import NOWHERE, Place
from holdfast.catalog.nodes import LOCAL
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, CatalogError, CatalogUnavailable, VolumeMissing
from holdfast.core.findings import FOLDER, SUFFIX, Finding, Found, decode, encode
from holdfast.core.timing import DAY_US, MINUTE_US, day_of, from_datetime
from holdfast.library import kept, memory
from holdfast.storage.errors import storage_errors
from holdfast.storage.kept import AWAY_HINT, append

NAME = "findings.json"  # in the state folder
SETTLE_US = MINUTE_US  # chosen: a transaction waits for half of that at most, and says when it was begun
BATCH = 500  # chosen: SQLite takes 32,766 values a statement, and a row has 25
KEEP_US = 400 * DAY_US  # chosen: so long at least a journal stays that nobody can say is of no use


@dataclass(frozen=True, slots=True)
class Written:
    """How far a catalog is written down: when it first saw this node, which tells it from others, and the places."""

    catalog_us: int = 0
    places: Mapping[Found, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: how many of each, and sentences about what could not be read."""

    stills: int = 0
    events: int = 0
    incidents: int = 0
    problems: tuple[str, ...] = ()


def recall(state_dir: Path) -> Written:
    """Return how far it was when it was remembered last; nothing where that cannot be read."""
    said = memory.recall(state_dir, NAME)
    try:
        places = {Found(name): (int(us), int(number)) for name, (us, number) in said["places"].items()}
        return Written(int(said["catalog_us"]), places)
    except (KeyError, TypeError, ValueError, AttributeError):
        return Written()


def remember(state_dir: Path, written: Written) -> None:
    """Keep how far it is; a kill in between has lines written twice, which is harmless.

    Raises:
        StorageError: It cannot be written.
    """
    places = {kind.value: list(place) for kind, place in written.places.items()}
    memory.remember(state_dir, NAME, {"catalog_us": written.catalog_us, "places": places})


def write_down(
    catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, written: Written, *, node: str = LOCAL
) -> tuple[Written, int]:  # fmt: skip
    """Write down the next rows that changed.

    Args:
        catalog: An open catalog.
        volumes: Roots by name, in the order of the configuration.
        clock: Time.
        written: How far it was.
        node: Name of this node.

    Returns:
        How far it is, and how many lines that were; where there are none, nothing is left to be written.

    Raises:
        VolumeMissing: No volume is there.
        StorageError: It could not be made durable: it is written again with the next call.
        CatalogUnavailable: It did not answer.
    """
    until_us = clock.wall_us() - SETTLE_US
    places, found = dict(written.places), list[Finding]()
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        if number is None:
            return written, 0
        for kind in Found:
            after = places.get(kind, NOWHERE)
            if after[0] > until_us:
                # The clock was ahead: rows of now come before those of then. Some may be written twice.
                after = (until_us - DAY_US, 0)
            rows = findings.changed(tx, number, kind, after, until_us, BATCH)
            places[kind] = rows[-1][0] if rows else after
            found += [finding for _, finding in rows]
    _append(volumes, found)
    return replace(written, places=places), len(found)


def _append(volumes: Mapping[str, Path], found: list[Finding]) -> None:
    here = kept.present(volumes)
    if found and not here:
        raise VolumeMissing("no volume is there to write down what was found", hint=AWAY_HINT)

    def home(finding: Finding) -> tuple[Path, Path]:
        # What has no picture lies on the first one that is there, and so does what is on a disk that is away.
        name = next((volume for volume, _ in finding.files if volume in here), None)
        root = next(iter(here.values())) if name is None else here[name]
        return root, root / finding.journal

    for (root, path), some in groupby(sorted(found, key=home), key=home):
        append(root, path, map(encode, some), vital=False)


def restore(catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, *, node: str = LOCAL) -> Restored:
    """Put back what journals speak of and the catalog does not know, or knows as it was before. Safe at any time.

    What had pictures of which none is left was deleted: it stays so.

    Args:
        catalog: An open catalog, empty or not.
        volumes: Roots by name.
        clock: Time.
        node: Name of this node.

    Raises:
        CatalogUnavailable: It did not answer; what is done is done, start again.
    """
    counts, problems = dict.fromkeys(Found, 0), list[str]()
    with catalog.write() as tx:
        number = nodes.ensure(tx, node, clock.wall_us())
    for name, root in kept.present(volumes).items():
        for path in _journals(root):
            try:
                lines = _lines(path)
                while some := list(islice(lines, BATCH)):
                    there = [one for line in some if (one := _there(line, name, volumes)) is not None]
                    for kind in Found:
                        these = [one for one in there if one.kind is kind]
                        counts[kind] += _put(catalog, number, kind, these, path, problems)
            except OSError as error:
                problems.append(f"{path} cannot be read: {error.strerror}")
    return Restored(counts[Found.STILL], counts[Found.EVENT], counts[Found.INCIDENT], tuple(problems))


def _put(
    catalog: Catalog, node: int, kind: Found, some: list[Finding], path: Path, problems: list[str]
) -> int:  # fmt: skip
    if not some:
        return 0
    try:
        with catalog.write() as tx:
            return findings.restore(tx, node, kind, some)
    except CatalogUnavailable:
        raise
    except (BadInput, CatalogError) as error:
        if len(some) == 1:
            problems.append(f"a line of {path} cannot be a row: {error}")
            return 0
    # One of them is the reason.
    return sum(_put(catalog, node, kind, [one], path, problems) for one in some)


def tidy(catalog: Catalog, volumes: Mapping[str, Path], clock: Clock, *, node: str = LOCAL) -> int:
    """Delete journals of days of which nothing is left; return how many.

    Of days before the catalog first saw this node it may have lost what it knew: their journals stay for longer.

    Raises:
        StorageError: One cannot be deleted.
        CatalogUnavailable: It did not answer.
    """
    now_us, over = clock.wall_us(), list[Path]()
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        born_us = None if number is None else nodes.created_us(tx, number)
        if number is None or born_us is None:
            return 0
        for path in (path for root in kept.present(volumes).values() for path in _journals(root)):
            from_us = from_datetime(datetime.fromisoformat(path.name.removesuffix(SUFFIX)).replace(tzinfo=UTC))
            may_go = (from_us >= born_us or from_us < now_us - KEEP_US) and from_us < now_us - 2 * DAY_US
            if may_go and not findings.any_began(tx, number, from_us, from_us + DAY_US):
                over.append(path)
    for path in over:
        with storage_errors("deleting", path):
            path.unlink(missing_ok=True)
    return len(over)


def _journals(root: Path) -> list[Path]:
    """Return the journals of a volume, oldest day first."""
    folder = root / FOLDER
    with storage_errors("listing", folder):
        return sorted(path for path in folder.glob(f"*{SUFFIX}") if _is_day(path.name.removesuffix(SUFFIX)))


def _is_day(name: str) -> bool:
    with suppress(ValueError):
        return day_of(from_datetime(datetime.fromisoformat(name).replace(tzinfo=UTC))) == name
    return False


def _lines(path: Path) -> Iterator[Finding]:
    with path.open("rb") as journal:
        for raw in journal:
            with suppress(BadInput):  # torn, or ended after it was torn
                if (finding := decode(raw)) is not None:
                    yield finding


def _there(finding: Finding, volume: str, volumes: Mapping[str, Path]) -> Finding | None:
    """Return a finding with the pictures that it still has; None where it had some and has none."""
    homes = {file: _home(known, file, volume, volumes) for known, file in finding.files}
    left = {file: home for file, home in homes.items() if home is not None}
    if not homes:
        return finding
    if not left:
        return None
    if finding.kind is Found.INCIDENT:
        shown = tuple({**one, "volume": left[one["file"]]} for one in finding.pictures if one["file"] in left)
        return replace(finding, pictures=shown)
    return replace(finding, row={**finding.row, "volume": next(iter(left.values()))})


def _home(known: str, file: str, volume: str, volumes: Mapping[str, Path]) -> str | None:
    """Return which volume has a file: the one that it was on, or the one of its line, which is called so by now."""
    return next((name for name in (known, volume) if name in volumes and (volumes[name] / file).is_file()), None)
