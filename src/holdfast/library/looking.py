"""Looking for finished files that a rule has not planned yet: what is new since the last look, and all of it each hour.

Both may be done again: whoever is killed loses nothing. The walk finds what came late, was adopted, or could not be
read. Since when rules are known stands in the state folder, so that a catalog that was lost does not begin with today.

One thread: the worker's. Not here: what rules make of what is found (handing_on, handing_over), statements (catalog).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from holdfast.catalog import cameras, handing_on
from holdfast.catalog.db import Transaction
from holdfast.catalog.handing_on import Picture, Position, Receiver
from holdfast.catalog.rows import StreamRow
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.errors import StorageError
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US
from holdfast.library import handing_files, memory

AGAIN_US = HOUR_US  # chosen: what comes late by other ways waits no longer than this

_MOST = 200  # segments of a stream in one pass: a year of them is planned in minutes, and no pass takes a second
_BACK_US = MINUTE_US  # chosen: the begin of a run's first file is set right by seconds when it is finished
_STEP = 500  # rows of pictures in one pass
_OVERLAP = 200  # rows that are looked at again: a lower number may be committed, or an export done, later

_log = structlog.stdlib.get_logger("holdfast.deliveries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a rule looks for.

    Attributes:
        receiver: Whose rows say what is planned already.
        kinds: Kinds of assets.
        cameras: Ids of cameras; none is all.
        streams: `main`, `sub`; none is both.
        since_us: What began before is left out, microseconds since the epoch, UTC.
        prefix: Begins the names that positions are kept under; with another one everything is looked at anew.
    """

    receiver: Receiver
    kinds: frozenset[AssetKind]
    cameras: Sequence[str] = ()
    streams: Sequence[str] = ()
    since_us: int = 0
    prefix: str = ""

    def wants(self, *cameras: str) -> bool:
        """Say whether a file is meant that shows these: none that shows a camera that is not named, or nobody knows."""
        return not self.cameras or (bool(cameras) and set(cameras) <= set(self.cameras))

    def of(self, tx: Transaction, node: int) -> list[StreamRow]:
        """Return the streams that are meant."""
        return [
            stream
            for stream in cameras.streams(tx, node)
            if self.wants(stream.key.camera) and (not self.streams or stream.key.stream in self.streams)
        ]


@dataclass(slots=True)
class Found:
    """What a look found: assets, pictures whose content may have to be read first, and positions to write."""

    assets: list[Asset] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)


def since(state_dir: Path, file: str, names: Iterable[str], now_us: int) -> dict[str, int]:
    """Return since when rules are known, and remember it: the first time that anybody asked, microseconds, UTC.

    Args:
        state_dir: The state folder.
        file: Name of the file in it.
        names: What the rules are known under; others are forgotten.
        now_us: Wall time.
    """
    said = seen(state_dir, file)
    known = {name: int(said.get(name, now_us)) for name in names}
    if known != said:
        try:
            memory.remember(state_dir, file, known)
        except StorageError as error:
            _log.warning("deliveries.not_remembered", reason=str(error), hint=error.hint)
    return known


def seen(state_dir: Path, file: str) -> dict[str, int]:
    """Return what `since` has remembered."""
    said = memory.recall(state_dir, file)
    return said if isinstance(said, dict) else {}


def look(tx: Transaction, node: int, wish: Wish, known: Mapping[str, Position], now_us: int) -> Found:
    """Return what a rule wants and has not planned, as much of it as one pass takes.

    Args:
        tx: A transaction.
        node: The node's number.
        wish: What is looked for.
        known: How far it has looked, from `catalog.handing_on.positions`.
        now_us: Wall time.
    """
    found = Found()
    if AssetKind.SEGMENT in wish.kinds:
        for stream in wish.of(tx, node):
            _segments(tx, wish, stream, known, found, now_us)
    pictures = [
        one
        for kind in (AssetKind.STILL, AssetKind.EVENT, AssetKind.EVIDENCE, AssetKind.EXPORT)
        if kind in wish.kinds
        for one in _pictures(tx, node, wish, kind, known, found, now_us)
    ]
    files = [(one.asset.volume, one.asset.file) for one in pictures]
    planned = handing_on.planned_sizes(tx, node, wish.receiver, files)
    # What has a row is left out: its content need not be read again.
    found.pictures = [one for one in pictures if (one.asset.volume, one.asset.file) not in planned]
    return found


def _segments(
    tx: Transaction, wish: Wish, stream: StreamRow, known: Mapping[str, Position], found: Found, now_us: int
) -> None:  # fmt: skip
    source = f"{wish.prefix}segments:{stream.key.camera}/{stream.key.stream}"
    place = known.get(source) or Position(since_us=wish.since_us, place=wish.since_us, walked_us=now_us)
    # Asked first: where each statement sees what was committed before it (PostgreSQL), the other order passes over what
    # was committed between the two, and that would wait for the walk.
    reach_us = handing_on.reach_us(tx, stream, place.place)
    new = handing_on.segments(tx, stream, wish.receiver, max(wish.since_us, place.place - _BACK_US), None, _MOST)
    found.assets += new
    if len(new) == _MOST:
        # Never beyond what is unfinished: what follows it is found from there, as what is planned is left out.
        reach_us = min(new[-1].start_us, new[-1].start_us if reach_us is None else reach_us)
    place = replace(place, place=max(place.place, reach_us or 0))
    if place.walked == 0 and abs(now_us - place.walked_us) >= AGAIN_US:
        first_us = handing_on.first_us(tx, stream)
        place = replace(place, walked=max(wish.since_us, first_us or 0), walked_us=now_us)
    if place.walked:
        late = handing_on.segments(tx, stream, wish.receiver, place.walked, place.walked + DAY_US, _MOST)
        found.assets += late
        walked = late[-1].start_us if len(late) == _MOST else place.walked + DAY_US
        place = replace(place, walked=walked if walked < place.place else 0)
    found.positions[source] = place


def _pictures(
    tx: Transaction, node: int, wish: Wish, kind: AssetKind, known: Mapping[str, Position], found: Found, now_us: int
) -> list[Picture]:  # fmt: skip
    noun, ask = {
        AssetKind.STILL: ("stills", None), AssetKind.EVENT: ("events", handing_on.events),
        AssetKind.EVIDENCE: ("evidence", handing_on.evidence), AssetKind.EXPORT: ("exports", handing_on.exports),
    }[kind]  # fmt: skip
    source = f"{wish.prefix}{noun}"
    place = known.get(source) or Position(since_us=wish.since_us, walked_us=now_us)
    sites = handing_on.sites(tx, node)

    def between(first: int, last: int) -> list[Picture]:
        if ask is None:
            return handing_on.stills(tx, node, first, last, sites)
        return ask(tx, node, first, last)

    last = handing_on.last_number(tx, node, noun)
    upto = min(last, place.place + _STEP)
    pictures = between(max(1, place.place - _OVERLAP), upto)
    settled = upto
    if kind is AssetKind.EVENT and (lasting := handing_on.first_open_event(tx, node)) is not None:
        settled = max(place.place, min(upto, lasting - 1))  # its second picture is still to come
    place = replace(place, place=settled)
    if place.walked == 0 and abs(now_us - place.walked_us) >= AGAIN_US:
        place = replace(place, walked=1, walked_us=now_us)
    elif place.walked:
        pictures += between(place.walked, place.walked + _STEP)
        walked = place.walked + _STEP
        place = replace(place, walked=walked if walked < last else 0)
    found.positions[source] = place
    return [one for one in pictures if _meant(wish, one)]


def _meant(wish: Wish, one: Picture) -> bool:
    """Say whether a rule means a file."""
    made_us = one.asset.start_us if one.made_us is None else one.made_us
    return made_us >= wish.since_us and wish.wants(*(one.cameras or (one.asset.camera,)))


class Contents:
    """Says what files hold whose content nobody has written down.

    Args:
        volumes: Roots by name.
    """

    def __init__(self, volumes: Mapping[str, Path]) -> None:
        self._volumes = volumes
        self._problems: set[str] = set()

    def all(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Return pictures with their size and hash; those that cannot be read now are left to the next walk."""
        found = []
        for one in pictures:
            asset = one.asset if one.asset.sha256 else self.one(one.asset)
            if asset is not None:
                found.append(replace(one, asset=asset))
        return found

    def one(self, asset: Asset) -> Asset | None:
        """Say what a file holds; None where it is not to be read now: the next walk looks again."""
        try:
            found = handing_files.instance(self._volumes, asset)
        except StorageError as error:
            if str(error) not in self._problems:
                self._problems.add(str(error))
                _log.warning("deliveries.unreadable", reason=str(error), hint=error.hint)
            return None
        self._problems.clear()
        return found
