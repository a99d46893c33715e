"""What leaves memory: files that something holds go to their volumes, those whose room is needed are dropped.

A dropped file goes the way of every deletion: its row, its line in the kept journal, its bytes, the end of the row
(docs/design/0015), so it is counted and shown like any other, and a kill leaves what the next pass goes on from.

Not here: which files (library.ram), what the recorder moves by itself (recording.upkeep), when (roles.memory_loop).
One thread; blocks on disks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.catalog import nodes, removals
from holdfast.catalog.db import Catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.removals import Removal
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.errors import AlreadyRunning, NotFound, StorageError
from holdfast.core.kept import Deleted
from holdfast.core.retention import Going, Judge
from holdfast.library import keeping, kept, ram
from holdfast.library.ram import Outlook
from holdfast.storage import expendable, memory
from holdfast.storage.journal import sync_journals

_AT_ONCE = 50  # chosen: as retention has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Unloaded:
    """What a pass did.

    Attributes:
        outlook: What it was decided by.
        moved: Volume and path of files that lie on their volumes now.
        dropped: Files that went, with their reasons.
        problems: Sentences about what could not be done.
    """

    outlook: Outlook
    moved: tuple[tuple[str, str], ...] = ()
    dropped: tuple[Going, ...] = ()
    problems: tuple[str, ...] = ()


class Unloader:
    """Looks after the memory of one node.

    Args:
        catalog: An open catalog.
        clock: Time.
        node: Name of this node.
        told_to_stop: Asked between files; True ends the pass after the file at hand.
    """

    def __init__(
        self, catalog: Catalog, clock: Clock, *, node: str = LOCAL, told_to_stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._node = node
        self._told_to_stop = told_to_stop

    def run(self, config: Config) -> Unloaded:
        """Move and drop what is due, and clear what was left behind.

        Raises:
            CatalogUnavailable: It did not answer; what was begun is gone on with next time.
        """
        problems: list[str] = []
        there = ram.memories(config)
        for root, room in there.values():
            try:
                memory.sweep(root, room)
            except StorageError as error:
                problems.append(str(error))
        roots = {name: root for name, (root, _) in there.items()}
        self._forget(roots)
        found = ram.outlook(self._catalog, config, self._clock, may_drop=self._may_drop(config), node=self._node)
        # What is dropped first makes room for what comes in while files are moved, which takes longer.
        dropped = self._drop(found.drop, config, roots, problems)
        moved = self._move(found.move, roots, problems)
        return Unloaded(outlook=found, moved=tuple(moved), dropped=tuple(dropped), problems=tuple(problems))

    def _may_drop(self, config: Config) -> bool:
        with self._catalog.read() as tx:
            number = nodes.find(tx, self._node)
            standing = None if number is None else removals.standing(tx, number)
        return config.retention.enabled and standing is not None and standing.trust.may_delete

    def _move(
        self, files: Sequence[tuple[str, str]], roots: Mapping[str, Path], problems: list[str]
    ) -> list[tuple[str, str]]:
        done: list[tuple[str, str]] = []
        synced: set[tuple[str, StreamKey]] = set()
        for volume, file in files:
            if self._told_to_stop():
                break
            key = StreamKey(*file.split("/")[1:3])
            try:
                if (volume, key) not in synced:
                    # The recorder did not sync the lines about what lay in memory; from here on they must last.
                    sync_journals(roots[volume], key)
                    synced.add((volume, key))
                if memory.move(roots[volume] / file):
                    done.append((volume, file))
            except NotFound:
                continue  # memory was emptied: the recorder finds the link, and says so in its journal
            except StorageError as error:
                problems.append(str(error))
        return done

    def _drop(
        self, going: Sequence[Going], config: Config, roots: Mapping[str, Path], problems: list[str]
    ) -> list[Going]:
        if not going or self._told_to_stop():
            return []
        try:
            # As a pass of retention does: who sets a hold waits for this, and what is set by now is seen.
            with expendable.removing(config.state_dir / expendable.NAME):
                gone = self._finish(self._begin(going, config), roots, problems)
        except (AlreadyRunning, StorageError) as error:
            problems.append(str(error))
            return []
        names = {(one.volume, one.file) for one in gone}
        return [one for one in going if (one.piece.volume, one.piece.file) in names]

    def _begin(self, going: Sequence[Going], config: Config) -> list[Removal]:
        now_us = self._clock.wall_us()
        with self._catalog.write() as tx:
            number = nodes.ensure(tx, self._node, now_us)
            # Somebody may have set a hold since the decision: what is held by now stays.
            judge = Judge(keeping.policy_of(config), keeping.standing_holds(tx, number, config, now_us), {}, now_us)
            asked = [
                Removal(
                    volume=one.piece.volume, file=one.piece.file, sha256=one.piece.sha256, bytes=one.piece.bytes,
                    camera=one.piece.camera, why=one.why,
                )
                for one in going if not judge.held(one.piece)
            ]  # fmt: skip
            return removals.begin(tx, number, asked, now_us)

    def _forget(self, roots: Mapping[str, Path]) -> None:
        """Forget what somebody who was killed began to drop and is there: it is decided about afresh.

        What is gone already is ended by retention.
        """
        with self._catalog.read() as tx:
            number = nodes.find(tx, self._node)
            begun = [] if number is None else removals.pending(tx, number, _AT_ONCE, volumes=roots)
        mine = [one for one in begun if memory.data_of(roots[one.volume] / one.file)]
        if mine and number is not None:
            with self._catalog.write() as tx:
                removals.drop(tx, number, mine)

    def _finish(self, begun: Sequence[Removal], roots: Mapping[str, Path], problems: list[str]) -> list[Removal]:
        """Take files in memory from their row to their end; return those that are gone."""
        gone: list[Removal] = []
        now_us = self._clock.wall_us()
        for one in begun:
            try:
                said = Deleted(file=one.file, sha256=one.sha256, bytes=one.bytes, why=one.why)
                kept.deleted(roots, [(one.volume, said)], now_us)
                memory.remove(roots[one.volume] / one.file)
            except StorageError as error:
                problems.append(str(error))
            else:
                gone.append(one)
        if gone:
            with self._catalog.write() as tx:
                removals.end(tx, nodes.ensure(tx, self._node, now_us), gone)
        return gone
