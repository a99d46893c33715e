"""From rules to rows: what is new is planned for its targets, once each.

A pass each second plans what `looking` found: an asset, a target and a name make one row, so whoever is killed loses
nothing and doubles nothing.

One thread: the worker's. Not here: sending (work.deliver), looking for files (looking), files that change
(handing_files).
"""

from dataclasses import dataclass, replace

import structlog

from holdfast.catalog import deliveries, handing_on
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import Planned
from holdfast.catalog.handing_on import Receiver
from holdfast.core.clock import Clock
from holdfast.core.config.deliveries import DeliveryConfig
from holdfast.core.config.model import Config
from holdfast.core.delivery import SEALED, Asset, AssetKind
from holdfast.core.naming import Naming, key_of
from holdfast.core.retention import Promise
from holdfast.core.schedule import NEVER_US
from holdfast.core.timing import DAY_US
from holdfast.library import handing_files, looking
from holdfast.library.looking import Contents, Wish

MEMORY = "deliveries.json"
URGENT = 1  # priority of pictures of events and incidents: they go before footage, newest first (U2)

_log = structlog.stdlib.get_logger("holdfast.deliveries")


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    config: DeliveryConfig
    naming: Naming
    since_us: int

    @property
    def wish(self) -> Wish:
        target = self.config.target
        return Wish(
            receiver=Receiver(deliveries.NOUN, target), kinds=self.config.kinds, cameras=self.config.cameras,
            streams=self.config.streams, since_us=self.since_us, prefix=f"{target}:",
        )  # fmt: skip

    def planned(self, asset: Asset, begun_us: int | None = None, *, mark: str = "") -> Planned:
        key = name_of(self.config, self.naming, asset, begun_us)
        if mark:
            key = handing_files.marked(key, mark)
        urgent = asset.kind in {AssetKind.EVENT, AssetKind.EVIDENCE}
        return Planned(
            rule=self.name, target=self.config.target, asset=asset, key=key, priority=URGENT if urgent else 0
        )  # fmt: skip


def naming_of(config: Config, rule: DeliveryConfig) -> Naming:
    """Return what a rule makes names of, but for the ending, which is the asset's."""
    target = config.targets[rule.target]
    return Naming(
        template=rule.name, zone=config.site.time_zone, user=rule.user, sealed=SEALED if target.encrypt else ""
    )  # fmt: skip


def name_of(rule: DeliveryConfig, naming: Naming, asset: Asset, begun_us: int | None = None) -> str:
    """Return the name that a rule gives an asset, before it is told apart from others of that name.

    Args:
        rule: The rule.
        naming: From `naming_of`.
        asset: The asset.
        begun_us: As for `key_of`.
    """
    ending = {
        AssetKind.SEGMENT: rule.segment_ending, AssetKind.STILL: rule.picture_ending,
        AssetKind.EVENT: rule.picture_ending, AssetKind.EVIDENCE: rule.picture_ending,
    }.get(asset.kind, "")  # fmt: skip
    return key_of(asset, replace(naming, ending=ending), begun_us)


def promises(config: Config, kind: AssetKind = AssetKind.SEGMENT) -> list[Promise]:
    """Return which assets of a kind the rules send where: none of them may go before it has arrived."""
    since = looking.seen(config.state_dir, MEMORY)
    return [
        Promise(
            target=rule.target, cameras=frozenset(rule.cameras),
            streams=frozenset(rule.streams if kind is AssetKind.SEGMENT else ()),
            # A rule about new footage that nobody has seen yet promises nothing of what there is.
            since_us=0 if rule.since == "all" else since.get(f"{name}:{rule.target}", NEVER_US),
        )
        for name, rule in config.deliveries.items()
        if rule.enabled and kind in rule.kinds
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
        self._contents = Contents(self._volumes)
        self._rules = self._known(config)
        self._journals_us = 0

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
        names = {name: f"{name}:{rule.target}" for name, rule in config.deliveries.items()}
        since = looking.since(config.state_dir, MEMORY, names.values(), self._clock.wall_us())
        rules = []
        for name, rule in config.deliveries.items():
            if rule.enabled:
                rules.append(
                    _Rule(name, rule, naming_of(config, rule), 0 if rule.since == "all" else since[names[name]])
                )
        return rules

    def _plan(self, rule: _Rule, now_us: int, *, journals: bool) -> int:
        wish, target = rule.wish, rule.config.target
        changed_journals: list[handing_files.Journal] = []
        with self._catalog.read() as tx:
            known = handing_on.positions(tx, self._node, rule.name)
            found = looking.look(tx, self._node, wish, known, now_us)
            if journals and AssetKind.JOURNAL in wish.kinds:
                keys = [stream.key for stream in wish.of(tx, self._node)]
                changed_journals = handing_files.changed_journals(
                    tx, self._node, target, self._volumes, keys, now_us, max(wish.since_us - DAY_US, 0)
                )  # fmt: skip
        planned = [rule.planned(asset) for asset in found.assets]
        # Files are read outside of transactions: a disk that is slow holds up nobody who writes.
        planned += [rule.planned(one.asset, one.begun_us) for one in self._contents.all(found.pictures)]
        for journal in changed_journals:
            asset = self._contents.one(journal.asset)
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
            _log.debug("deliveries.planned", rule=rule.name, target=target, assets=made)
        return made
