"""From rules to rows: what is new is planned for its targets, once each.

A pass each second looks at what came since the last one; a walk each hour looks at everything again, so that what came
late, was adopted or was not readable is planned too. Both may be done again: an asset, a target and a name make one
row, so whoever is killed loses nothing and doubles nothing. How far rules have looked is in the catalog; since when
they apply is also in the state folder, so that a catalog that was lost does not begin with today.

One thread: the worker's. Not here: sending (work.deliver), files that change (handing_files).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from holdfast.catalog import cameras, deliveries, handing_on
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.deliveries import Planned
from holdfast.catalog.handing_on import Picture, Position
from holdfast.catalog.rows import StreamRow
from holdfast.core.clock import Clock
from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.config.model import Config
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.errors import StorageError
from holdfast.core.naming import Naming, key_of
from holdfast.core.retention import Promise
from holdfast.core.schedule import NEVER_US
from holdfast.core.timing import DAY_US, HOUR_US
from holdfast.library import handing_files, memory

MEMORY = "deliveries.json"
AGAIN_US = HOUR_US  # chosen: what comes late by other ways waits no longer than this
URGENT = 1  # priority of pictures of events and incidents: they go before footage, newest first (U2)

_MOST = 200  # segments of a stream in one pass: a year of them is planned in minutes, and no pass takes a second
_STEP = 500  # rows of pictures in one pass
_OVERLAP = 200  # rows that are looked at again: another process may commit a lower number later

_log = structlog.stdlib.get_logger("holdfast.deliveries")


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    config: DeliveryConfig
    naming: Naming
    since_us: int

    def wants(self, camera: str) -> bool:
        return not self.config.cameras or camera in self.config.cameras

    def source(self, what: str) -> str:
        """Name a source: with another target everything is planned anew."""
        return f"{self.config.target}:{what}"

    def planned(self, asset: Asset, begun_us: int | None = None, *, mark: str = "") -> Planned:
        naming = self.naming
        ending = {
            AssetKind.SEGMENT: self.config.segment_ending, AssetKind.STILL: self.config.picture_ending,
            AssetKind.EVENT: self.config.picture_ending, AssetKind.EVIDENCE: self.config.picture_ending,
        }.get(asset.kind, "")  # fmt: skip
        key = key_of(asset, replace(naming, ending=ending), begun_us)
        if mark:
            key = handing_files.marked(key, mark)
        urgent = asset.kind in {AssetKind.EVENT, AssetKind.EVIDENCE}
        return Planned(
            rule=self.name, target=self.config.target, asset=asset, key=key, priority=URGENT if urgent else 0
        )  # fmt: skip


@dataclass(slots=True)
class _Found:
    """What a pass found for one rule: rows to make, files to read first, and positions to write."""

    planned: list[Planned] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    journals: list[handing_files.Journal] = field(default_factory=list)


def seen(state_dir: Path) -> dict[str, int]:
    """Return since when rules are known: `rule:target`, and microseconds since the epoch, UTC."""
    said = memory.recall(state_dir, MEMORY)
    return said if isinstance(said, dict) else {}


def promises(config: Config) -> list[Promise]:
    """Return which footage the rules send where: none of it may go before it has arrived."""
    since = seen(config.state_dir)
    return [
        Promise(
            target=rule.target, cameras=frozenset(rule.cameras), streams=frozenset(rule.streams),
            # A rule about new footage that nobody has seen yet promises nothing of what there is.
            since_us=0 if rule.since == "all" else since.get(f"{name}:{rule.target}", NEVER_US),
        )
        for name, rule in config.deliveries.items()
        if rule.enabled and AssetKind.SEGMENT in rule.kinds
    ]  # fmt: skip


class HandingOn:
    """Plans deliveries for a node.

    Args:
        catalog: The catalog.
        node: Number of the node.
        config: Its configuration.
        clock: Time.
    """

    def __init__(self, catalog: Catalog, node: int, config: Config, clock: Clock) -> None:
        self._catalog = catalog
        self._node = node
        self._clock = clock
        self._volumes = {name: volume.path for name, volume in config.volumes.items()}
        self._rules = self._known(config)
        self._journals_us = 0
        self._problems: set[str] = set()

    def once(self) -> int:
        """Plan what is new; return how many rows were made.

        Raises:
            CatalogUnavailable: It did not answer; what was not planned is planned in a later pass.
        """
        now_us = self._clock.wall_us()
        journals = abs(now_us - self._journals_us) >= handing_files.EVERY_US
        made = sum(self._plan(rule, now_us, journals=journals) for rule in self._rules)
        if journals:
            self._journals_us = now_us
        return made

    def _known(self, config: Config) -> list[_Rule]:
        """Return the rules, each with the instant since which it applies: the first time that anybody saw it."""
        since = seen(config.state_dir)
        now_us = self._clock.wall_us()
        rules, known = [], {}
        for name, rule in config.deliveries.items():
            target = config.targets[rule.target]
            seen_us = known[f"{name}:{rule.target}"] = int(since.get(f"{name}:{rule.target}", now_us))
            naming = Naming(
                template=rule.name, zone=config.site.time_zone, user=rule.user, sealed=".age" if target.encrypt else ""
            )
            if rule.enabled:
                rules.append(_Rule(name, rule, naming, 0 if rule.since == "all" else seen_us))
        if known != since:
            try:
                memory.remember(config.state_dir, MEMORY, known)
            except StorageError as error:
                _log.warning("deliveries.not_remembered", reason=str(error), hint=error.hint)
        return rules

    def _plan(self, rule: _Rule, now_us: int, *, journals: bool) -> int:
        with self._catalog.read() as tx:
            known = handing_on.positions(tx, self._node, rule.name)
            found = self._look(tx, rule, known, now_us, journals=journals)
        # Files are read outside of transactions: a disk that is slow holds up nobody who writes.
        planned = [*found.planned, *(rule.planned(one.asset, one.begun_us) for one in self._read_all(found.pictures))]
        for journal in found.journals:
            asset = self._read(journal.asset)
            if asset is not None:
                planned.append(rule.planned(asset, mark=journal.mark))
        changed = {source: place for source, place in found.positions.items() if known.get(source) != place}
        if not planned and not changed:
            return 0
        with self._catalog.write() as tx:
            made = deliveries.add(tx, self._node, planned, now_us)
            for source, place in changed.items():
                handing_on.set_position(tx, self._node, rule.name, source, place)
        if made:
            _log.debug("deliveries.planned", rule=rule.name, target=rule.config.target, assets=made)
        return made

    def _look(
        self, tx: Transaction, rule: _Rule, known: Mapping[str, Position], now_us: int, *, journals: bool
    ) -> _Found:  # fmt: skip
        found = _Found()
        streams = [stream for stream in cameras.streams(tx, self._node) if self._streams(rule, stream)]
        if AssetKind.SEGMENT in rule.config.kinds:
            for stream in streams:
                self._segments(tx, rule, stream, known, found, now_us)
        pictures = [
            one
            for kind in (AssetKind.STILL, AssetKind.EVENT, AssetKind.EVIDENCE)
            if kind in rule.config.kinds
            for one in self._pictures(tx, rule, kind, known, found, now_us)
        ]
        found.pictures = self._unknown(tx, rule, pictures)
        if journals and AssetKind.JOURNAL in rule.config.kinds:
            found.journals = handing_files.changed_journals(
                tx, self._node, rule.config.target, self._volumes, [stream.key for stream in streams], now_us,
                max(rule.since_us - DAY_US, 0),
            )  # fmt: skip
        return found

    def _streams(self, rule: _Rule, stream: StreamRow) -> bool:
        wanted = rule.config.streams
        return rule.wants(stream.key.camera) and (not wanted or stream.key.stream in wanted)

    def _segments(
        self, tx: Transaction, rule: _Rule, stream: StreamRow, known: Mapping[str, Position], found: _Found,
        now_us: int,
    ) -> None:  # fmt: skip
        source = rule.source(f"segments:{stream.key.camera}/{stream.key.stream}")
        place = known.get(source) or Position(since_us=rule.since_us, place=rule.since_us, walked_us=now_us)
        target = rule.config.target
        new = handing_on.segments(tx, stream, target, place.place, None, _MOST)
        found.planned += [rule.planned(asset) for asset in new]
        reach_us = handing_on.reach_us(tx, stream, place.place)
        if len(new) == _MOST:
            reach_us = new[-1].start_us
        place = replace(place, place=max(place.place, reach_us or 0))
        if place.walked == 0 and abs(now_us - place.walked_us) >= AGAIN_US:
            first_us = handing_on.first_us(tx, stream)
            place = replace(place, walked=max(rule.since_us, first_us or 0), walked_us=now_us)
        if place.walked:
            late = handing_on.segments(tx, stream, target, place.walked, place.walked + DAY_US, _MOST)
            found.planned += [rule.planned(asset) for asset in late]
            walked = late[-1].start_us if len(late) == _MOST else place.walked + DAY_US
            place = replace(place, walked=walked if walked < place.place else 0)
        found.positions[source] = place

    def _pictures(
        self, tx: Transaction, rule: _Rule, kind: AssetKind, known: Mapping[str, Position], found: _Found,
        now_us: int,
    ) -> list[Picture]:  # fmt: skip
        noun, ask = {
            AssetKind.STILL: ("stills", None), AssetKind.EVENT: ("events", handing_on.events),
            AssetKind.EVIDENCE: ("evidence", handing_on.evidence),
        }[kind]  # fmt: skip
        source = rule.source(noun)
        place = known.get(source) or Position(since_us=rule.since_us, walked_us=now_us)
        sites = handing_on.sites(tx, self._node)

        def between(first: int, last: int) -> list[Picture]:
            if ask is None:
                return handing_on.stills(tx, self._node, first, last, sites)
            return ask(tx, self._node, first, last)

        last = handing_on.last_number(tx, self._node, noun)
        upto = min(last, place.place + _STEP)
        pictures = between(max(1, place.place - _OVERLAP), upto)
        settled = upto
        if kind is AssetKind.EVENT and (lasting := handing_on.first_open_event(tx, self._node)) is not None:
            settled = max(place.place, min(upto, lasting - 1))  # its second picture is still to come
        place = replace(place, place=settled)
        if place.walked == 0 and abs(now_us - place.walked_us) >= AGAIN_US:
            place = replace(place, walked=1, walked_us=now_us)
        elif place.walked:
            pictures += between(place.walked, place.walked + _STEP)
            walked = place.walked + _STEP
            place = replace(place, walked=walked if walked < last else 0)
        found.positions[source] = place
        return [one for one in pictures if one.asset.start_us >= rule.since_us and rule.wants(one.asset.camera)]

    def _unknown(self, tx: Transaction, rule: _Rule, pictures: Sequence[Picture]) -> list[Picture]:
        """Leave out what has a row: its content need not be read again."""
        files = [(one.asset.volume, one.asset.file) for one in pictures]
        known = handing_on.planned_sizes(tx, self._node, rule.config.target, files)
        return [one for one in pictures if (one.asset.volume, one.asset.file) not in known]

    def _read_all(self, pictures: Sequence[Picture]) -> list[Picture]:
        found = []
        for one in pictures:
            asset = one.asset if one.asset.sha256 else self._read(one.asset)
            if asset is not None:
                found.append(replace(one, asset=asset))
        return found

    def _read(self, asset: Asset) -> Asset | None:
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
