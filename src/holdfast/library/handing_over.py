"""From rules of hand-over to rows: each finished file that somebody is to be told of, once.

A pass each second plans what `looking` found, or, for rules that wait for targets, what those have verified since; a
walk each hour looks at all of it again. Positions stand beside those of deliveries, under `handover:` and the rule.

One thread: the worker's. Also what people ask: how rules stand, and what may be forgotten.
Not here: telling (work.hand_over), trying again (jobs).
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from holdfast.catalog import handing_on, handovers, nodes
from holdfast.catalog.db import Catalog
from holdfast.catalog.handing_on import Position, Receiver
from holdfast.catalog.handovers import HandoverRow, Standing, Waited
from holdfast.core.clock import Clock
from holdfast.core.config.handovers import AnyHandover, MarkerConfig, WebhookConfig
from holdfast.core.config.model import Config
from holdfast.core.delivery import Asset
from holdfast.core.errors import HoldfastError
from holdfast.core.handover import HandoverState
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US, day_of
from holdfast.library import archive_incidents, jobs, looking
from holdfast.library.looking import Contents, Wish
from holdfast.storage.markers import Markers
from holdfast.storage.volume import read_marker

KIND = "handover"
MEMORY = "handovers.json"
OVERLAP_US = 10 * MINUTE_US  # chosen: an acknowledgement is written up to 90 s after its time, by another process too
FORGOTTEN_US = HOUR_US  # chosen: whoever reads a marker late finds it for an hour after its file

_MOST = 500  # arrivals in one pass
_LOOKED_AT = 20_000  # rows that one tidying looks at: tens of milliseconds
_PLACE = "handover:"

Health = Literal["well", "busy", "failing", "stalled"]

_log = structlog.stdlib.get_logger("holdfast.handovers")


@dataclass(frozen=True, slots=True)
class RuleNow:
    """How a rule stands.

    Attributes:
        name: Its name.
        config: Its table; None where it is not configured any more.
        standing: Numbers, and what went wrong last.
        trouble: What its open incident says; empty where there is none.
    """

    name: str
    config: AnyHandover | None
    standing: Standing
    trouble: str = ""

    @property
    def receiver(self) -> str:
        """Who is told, without secrets: a service's host, a folder; empty where markers lie beside the files."""
        if isinstance(self.config, WebhookConfig):
            return self.config.shown
        return "" if self.config is None or self.config.folder is None else str(self.config.folder)

    @property
    def waiting(self) -> int:
        """Files of which nobody was told yet, and may be by itself."""
        counts = self.standing.counts
        return counts.get(HandoverState.PENDING, 0) + counts.get(HandoverState.HANDING, 0)

    @property
    def failed(self) -> int:
        """Files of which a receiver does not want to be told."""
        return self.standing.counts.get(HandoverState.FAILED, 0)

    @property
    def health(self) -> Health:
        """The worst thing that is to be said: `stalled`, `failing`, `busy`, or `well`."""
        if self.trouble or (self.config is None and self.waiting):
            return "stalled"
        return "failing" if self.failed else "busy" if self.waiting else "well"

    @property
    def sentence(self) -> str:
        """The same in words."""
        if self.config is None:
            return f"not configured any more; {self.waiting} waiting for it"
        if self.trouble or self.failed:
            return self.trouble or f"{self.failed} failed: {self.standing.error}"
        if self.waiting:
            return f"{self.waiting} to be told of"
        return "everything was told" if self.standing.counts else "nothing to tell of yet"


def incident_name(rule: str) -> str:
    """Return what an incident of a receiver is called, where one of a target has the target's name."""
    return f"{_PLACE}{rule}"


class HandingOver:
    """Plans hand-overs for a node.

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
        self._contents = Contents({name: volume.path for name, volume in config.volumes.items()})
        known = looking.since(config.state_dir, MEMORY, config.handovers, clock.wall_us())
        self._rules = {
            name: (rule, 0 if rule.since == "all" else known[name])
            for name, rule in config.handovers.items()
            if rule.enabled
        }  # fmt: skip

    def once(self) -> int:
        """Plan what is new; return how many rows were made.

        Raises:
            CatalogUnavailable: It did not answer; what was not planned is planned in a later pass.
        """
        return sum(self._plan(name, rule, since_us) for name, (rule, since_us) in self._rules.items())

    def _plan(self, name: str, rule: AnyHandover, since_us: int) -> int:
        now_us = self._clock.wall_us()
        wish = Wish(
            receiver=Receiver(handovers.NOUN, name), kinds=rule.kinds, cameras=rule.cameras, streams=rule.streams,
            since_us=since_us,
        )  # fmt: skip
        with self._catalog.read() as tx:
            known = handing_on.positions(tx, self._node, f"{_PLACE}{name}")
        if rule.after:
            assets, positions = self._arrived(name, rule, wish, known, now_us)
        else:
            with self._catalog.read() as tx:
                found = looking.look(tx, self._node, wish, known, now_us)
            # Files are read outside of transactions: a disk that is slow holds up nobody who writes.
            assets = [*found.assets, *(one.asset for one in self._contents.all(found.pictures))]
            positions = found.positions
        changed = {source: place for source, place in positions.items() if known.get(source) != place}
        if not assets and not changed:
            return 0
        with self._catalog.write() as tx:
            made = handovers.add(tx, self._node, name, assets, now_us)
            for source, place in changed.items():
                handing_on.set_position(tx, self._node, f"{_PLACE}{name}", source, place)
        return made

    def _arrived(
        self, name: str, rule: AnyHandover, wish: Wish, known: dict[str, Position], now_us: int
    ) -> tuple[list[Asset], dict[str, Position]]:  # fmt: skip
        """Return what all targets of a rule have verified, and how far each of them was looked through.

        Whichever verifies a file last is the one that makes it be found.
        """
        found: list[Asset] = []
        positions = {}
        targets = sorted(set(rule.after))
        for target in targets:
            waited = Waited(
                rule=name, targets=[target, *(other for other in targets if other != target)], kinds=wish.kinds,
                cameras=wish.cameras, streams=wish.streams, since_us=wish.since_us,
            )  # fmt: skip
            source = f"arrived:{target}"
            place = known.get(source) or Position(since_us=wish.since_us, walked_us=now_us)
            with self._catalog.read() as tx:
                new = handovers.arrived(tx, self._node, waited, place.place, None, _MOST)
                reach_us = new[-1].at_us if len(new) == _MOST else now_us - OVERLAP_US
                place = replace(place, place=max(place.place, reach_us))
                if place.walked == 0 and abs(now_us - place.walked_us) >= looking.AGAIN_US:
                    first_us = handovers.first_arrival_us(tx, self._node, target)
                    place = replace(place, walked=first_us or 0, walked_us=now_us)
                if place.walked:
                    late = handovers.arrived(tx, self._node, waited, place.walked, place.walked + DAY_US, _MOST)
                    new += late
                    walked = late[-1].at_us if len(late) == _MOST else place.walked + DAY_US
                    place = replace(place, walked=walked if walked < place.place else 0)
            positions[source] = place
            found += [one.asset for one in new if wish.wants(*one.cameras)]
        return found, positions


def stand(catalog: Catalog, config: Config, node: str) -> list[RuleNow]:
    """Say how every rule stands: those that are configured, and those that still have rows.

    Raises:
        CatalogUnavailable: The catalog did not answer.
    """
    with catalog.read() as tx:
        number = nodes.find(tx, node) or 0
        names = dict.fromkeys([*config.handovers, *handovers.rules(tx, number)])
        found = []
        for name in names:
            incident = archive_incidents.find(tx, number, incident_name(name))
            trouble = "" if incident is None else incident.detail or "takes nothing"
            found.append(RuleNow(name, config.handovers.get(name), handovers.standing(tx, number, name), trouble))
        return found


def retry(catalog: Catalog, node: str, rule: str, *, by: str, clock: Clock) -> int:
    """Have all that failed of a rule tried anew at once; return how many there were.

    Raises:
        NotFound: No worker knows of hand-overs yet.
    """
    return jobs.retry(catalog, node, KIND, lane=rule, by=by, clock=clock)


class Tidying:
    """Forgets hand-overs of files that are gone, and takes their markers away, some at a time.

    Args:
        catalog: The catalog.
        node: Number of the node.
        clock: Time.
    """

    def __init__(self, catalog: Catalog, node: int, clock: Clock) -> None:
        self._catalog = catalog
        self._node = node
        self._clock = clock
        self._place = 0

    def once(self, config: Config) -> int:
        """Look at the next rows; return how many were forgotten. What cannot be removed now stays for another time.

        Raises:
            CatalogUnavailable: The catalog did not answer.
        """
        before_us = self._clock.wall_us() - FORGOTTEN_US
        with self._catalog.read() as tx:
            rows, self._place = handovers.gone(tx, self._node, before_us, self._place, _LOOKED_AT)
        over = [row.id for row in rows if self._is_over(row, config)]
        if over:
            with self._catalog.write() as tx:
                handovers.drop(tx, over)
        return len(over)

    def _is_over(self, row: HandoverRow, config: Config) -> bool:
        """Take a marker away where that is for us to do; say whether its row may go."""
        path, rule, volume = Path(row.made), config.handovers.get(row.rule), config.volumes.get(row.asset.volume)
        if not path.is_absolute():
            return True
        beside = volume is not None and path.parent == (volume.path / row.asset.file).parent
        # In a folder of its own a marker that told of a copy elsewhere is still true.
        if not beside and not (isinstance(rule, MarkerConfig) and not rule.after):
            return True
        try:
            if volume is None or read_marker(volume.path) is None:
                return False
            Markers(row.rule).remove(path, row.asset.file)
        except HoldfastError as error:
            _log.info("handovers.marker_stays", rule=row.rule, marker=str(path), reason=str(error))
            return False
        # As retention does it: nobody records into the folder of a day that is over.
        if beside and path.parent.name < day_of(self._clock.wall_us()):
            with suppress(OSError):
                path.parent.rmdir()
        return True
