"""Saying in the kept journals that there are copies, volume by volume; where a disk takes no line, later.

Until a line is written its copy counts for nothing, and the footage stays (F18, F21). So what could not be said is said
again with the next copies of that volume, kept in the state folder meanwhile, and said by whoever comes next: a copy
that is delivered is never sent again only to be heard of.

Any thread. Not here: lines (library.kept), copies that are gone (reverify).
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from holdfast.core.clock import Clock
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.errors import StorageError
from holdfast.core.timing import MINUTE_US
from holdfast.library import kept, memory
from holdfast.library.kept import Acknowledgement

MEMORY = "unsaid.json"
AGAIN = 1000  # chosen: so many that could not be said are tried with each new one; a second's work on a slow disk
KEEP_US = (
    MINUTE_US  # chosen: a kill forgets so much at most, and what it forgets is found when copies are verified anew
)

_log = structlog.stdlib.get_logger("holdfast.deliveries")


class Acknowledging:
    """Says of copies that they are there. `close` keeps what could not be said.

    Args:
        volumes: Roots by name.
        state_dir: Where to keep what cannot be said yet.
        clock: Time.
    """

    def __init__(self, volumes: Mapping[str, Path], state_dir: Path, clock: Clock) -> None:
        self._volumes = volumes
        self._state_dir = state_dir
        self._clock = clock
        self._lock = threading.Lock()
        self._unsaid: dict[str, list[Acknowledgement]] = {}
        for copy in _recalled(state_dir):
            self._unsaid.setdefault(copy.asset.volume, []).append(copy)
        self._kept = self.unsaid
        self._kept_us = clock.boot_us()

    @property
    def unsaid(self) -> int:
        """How many copies count for nothing yet."""
        return sum(map(len, self._unsaid.values()))

    def say(self, copies: Sequence[Acknowledgement]) -> None:
        """Say that there are copies, and once more what could not be said before; never raises for a disk."""
        by_volume: dict[str, list[Acknowledgement]] = {}
        for copy in copies:
            # Journals outlive what they speak of; a line about each of their copies would make another copy due.
            if copy.asset.kind is not AssetKind.JOURNAL:
                by_volume.setdefault(copy.asset.volume, []).append(copy)
        for volume, some in by_volume.items():
            self._say(volume, some)
        self._keep(at_once=False)

    def say_again(self) -> None:
        """Say what could not be said before."""
        for volume in list(self._unsaid):
            self._say(volume, [])
        self._keep(at_once=True)

    def close(self) -> None:
        """Try once more, and keep the rest for whoever comes next."""
        self.say_again()

    def _say(self, volume: str, copies: list[Acknowledgement]) -> None:
        with self._lock:
            waiting = self._unsaid.pop(volume, [])
            some, rest = [*waiting[:AGAIN], *copies], waiting[AGAIN:]
        failed: StorageError | None = None
        try:
            kept.all_acknowledged(self._volumes, some)
        except StorageError as error:
            failed, rest = error, [*some[: len(waiting)], *rest, *some[len(waiting) :]]
        with self._lock:
            if rest:
                self._unsaid[volume] = [*rest, *self._unsaid.get(volume, [])]
        if failed is not None and not waiting:
            _log.warning("deliveries.not_kept", volume=volume, reason=str(failed), hint=failed.hint)

    def _keep(self, *, at_once: bool) -> None:
        with self._lock:
            copies = [copy for some in self._unsaid.values() for copy in some]
            now_us = self._clock.boot_us()
            due = at_once or not self._kept or not copies or now_us - self._kept_us >= KEEP_US
            if len(copies) == self._kept or not due:
                return
            self._kept, self._kept_us = len(copies), now_us
        try:
            memory.remember(self._state_dir, MEMORY, [asdict(copy) for copy in copies])
        except StorageError as error:
            _log.warning("deliveries.not_remembered", reason=str(error), hint=error.hint)


def _recalled(state_dir: Path) -> list[Acknowledgement]:
    found = memory.recall(state_dir, MEMORY)
    return [copy for one in found if (copy := _read(one)) is not None] if isinstance(found, list) else []


def _read(body: Any) -> Acknowledgement | None:
    """Read what was kept; None where it makes no sense."""
    try:
        asset = Asset(**{**body["asset"], "kind": AssetKind(body["asset"]["kind"])})
        return Acknowledgement(
            asset=asset, target=str(body["target"]), address=str(body["address"]), at_us=int(body["at_us"])
        )
    except (KeyError, TypeError, ValueError):
        return None
