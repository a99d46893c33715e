"""Does what is kept agree with what was said about it? The invariants of docs/design/0015, for `check`.

Reads only. Not here: rows, journals and files of footage (check).
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from holdfast.catalog import holds, nodes, removals
from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.kept import Deleted, Held, Released
from holdfast.core.retention import DERIVED, HoldKind
from holdfast.core.timing import iso
from holdfast.library import kept
from holdfast.library.holds import stands_again

INVARIANTS: dict[str, str] = {
    "K1": "a hold that stands beside the footage stands in the catalog, and no other one of people or bookings does",
    "K2": "nothing was deleted by policy while people or bookings held it",
    "K3": "what is being deleted is written down, or still there",
}

Wrong = tuple[str, str, str]
"""Number of the invariant, where, and what."""


def wrong_with(
    catalog: Catalog | None, volumes: Mapping[str, Path], keys: Iterable[StreamKey], node: str
) -> Iterator[Wrong]:  # fmt: skip
    """Yield what is not as it must be.

    Raises:
        StorageError: A kept journal cannot be read.
        CatalogUnavailable: The catalog did not answer.
    """
    keys = list(keys)
    yield from _deleted_though_held(volumes, keys)
    if catalog is None:
        return
    # Those of events and incidents follow from their rows, and stand here only where those were lost.
    standing = {uid: one for uid, one in kept.holds(volumes, keys)[0].items() if one[1].hold not in DERIVED}
    with catalog.read() as tx:
        number = nodes.find(tx, node)
        kinds = frozenset(HoldKind) - DERIVED
        rows = [] if number is None else holds.listed(tx, number, kinds=kinds, released=True)
        begun = [] if number is None else removals.pending(tx, number, 1_000)
    known = {row.hold.uid: row for row in rows}
    for uid, (set_us, event) in sorted(standing.items()):
        if uid not in known or stands_again(known[uid], set_us):
            yield "K1", event.camera, f"the hold {uid} has no row; holdfast reindex makes it"
    # A volume that is away may be the one that speaks of it.
    everything = kept.present(volumes).keys() == volumes.keys()
    for uid, row in sorted(known.items()) if everything else ():
        if row.released_us is None and uid not in standing:
            yield "K1", row.hold.camera, f"the hold {uid} is in no kept journal; the next pass of retention writes it"
    for one in begun:
        root = volumes.get(one.volume)
        if root is None or not (root / "footage").is_dir() or (root / one.file).exists():
            continue
        said = kept.deletions(volumes, StreamKey(one.camera, one.file.split("/")[2]))
        if kept.Instance(one.volume, one.file, one.sha256) not in said:
            yield "K3", one.file, "was being deleted, is gone, and no kept journal says so"


def _deleted_though_held(volumes: Mapping[str, Path], keys: Iterable[StreamKey]) -> Iterator[Wrong]:
    """Follow holds and deletions in the order in which they were said."""
    by_camera: dict[str, list[StreamKey]] = {}
    for key in keys:
        by_camera.setdefault(key.camera, []).append(key)
    for camera, streams in by_camera.items():
        said = [line for key in streams for some in kept.said_of(volumes, key).values() for line in some]
        held: dict[str, Held] = {}
        for line in sorted(said, key=lambda line: line.at_us):
            event = line.event
            if isinstance(event, Held):
                # Events and incidents hold for as long as the settings say, and end without a line.
                if event.hold not in DERIVED:
                    held[event.uid] = event
            elif isinstance(event, Released):
                held.pop(event.uid, None)
            elif isinstance(event, Deleted) and (begin_us := kept.begin_of(event.file)) is not None:
                for hold in held.values():
                    # The name says when it began, to the second; whether it reached into a hold only its line knows.
                    if hold.from_us <= begin_us and begin_us + 1_000_000 <= hold.to_us:
                        what = f"was deleted ({event.why}) on {iso(line.at_us)}, though {hold.uid} held it"
                        yield "K2", f"{camera} {event.file}", what
