"""The pass of retention: deletes what policy says, some files at a time, so that a kill at any point is made good.

A file goes in four steps, and the next pass goes on from wherever a kill was (docs/design/0015):

1. a row that it is being deleted, if it is still the same instance and nothing holds it by now;
2. its line in the kept journal, durable;
3. the file;
4. what its segment's row says, and the end of the first row.

After each pass the recorder has a new list of what it may remove by itself when its disk is full (storage.reserve).

Not here: what goes (library.retention), when a pass is due and what is logged of it (roles.retention_loop).
"""

import json
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from holdfast.catalog import cameras, nodes, removals, segments
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.nodes import LOCAL
from holdfast.catalog.removals import Removal, Standing
from holdfast.core import trust
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.config import Config
from holdfast.core.errors import CatalogError, DiskFull, StorageError
from holdfast.core.kept import Deleted
from holdfast.core.retention import Going, Judge, Piece
from holdfast.core.timing import DAY_US, HOUR_US, day_of
from holdfast.core.trust import Trust
from holdfast.library import holds, keeping, kept, leftovers, retention, volumes
from holdfast.library.leftovers import Leftover
from holdfast.library.retention import Outlook
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import fsync_folder, replace_atomically
from holdfast.storage.room import STATE_BYTES, VOLUME_BYTES, Room

EXPENDABLE = "expendable.jsonl"
_AT_ONCE = 50  # chosen: a transaction and a sync of the disk each; a kill leaves so many files to the next pass at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What a pass did.

    Attributes:
        trust: Whether anything could be deleted, and if not, why.
        deleted: What went, by rule and reason.
        cleared: Other files that went.
        finished: Files whose deletion somebody else had begun.
        bytes: Bytes that went.
        waiting: Files that are over, too, and are left to the next pass.
        problems: Sentences about what could not be done.
        outlook: What it was decided by; None where nothing may be deleted.
    """

    trust: Trust
    deleted: tuple[Going, ...] = ()
    cleared: tuple[Leftover, ...] = ()
    finished: int = 0
    bytes: int = 0
    waiting: int = 0
    problems: tuple[str, ...] = ()
    outlook: Outlook | None = None


class Retainer:
    """Deletes on one node.

    Args:
        catalog: An open catalog.
        clock: Time.
        node: Name of this node.
        told_to_stop: Asked between files; True ends the pass after the file at hand.
    """

    def __init__(
        self, catalog: Catalog, clock: Clock, *, node: str = LOCAL,
        told_to_stop: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._clock = clock
        self._node = node
        self._told_to_stop = told_to_stop
        self._problems: list[str] = []
        self._ready: dict[str, Path] = {}

    def trusted(self, roots: Mapping[str, Path]) -> Trust:
        """Look at clock and catalog, write down what that comes to, and return it.

        Raises:
            StorageError: A kept journal of a catalog that was lost cannot be read.
            CatalogUnavailable: It did not answer.
        """
        with self._catalog.write() as tx:
            number = nodes.ensure(tx, self._node, self._clock.wall_us())
            before = removals.standing(tx, number)
            found = trust.judged(None if before is None else before.trust, retention.look(tx, number, self._clock))
            standing = before or Standing(trust=found, levels={})
            removals.stand(tx, number, replace(standing, trust=found))
        if before is None:
            # Nobody has looked in this catalog: what an older one knew of holds stands beside the footage.
            holds.restore(self._catalog, roots, self._clock, node=self._node)
        return found

    def run(self, config: Config, *, most: int | None = None) -> Passed:
        """Delete what is over, and what room is needed for; `most` files at once, or as many as there are for None.

        Raises:
            CatalogUnavailable: It did not answer; what was begun is gone on with next time.
            BadInput: What is remembered of the volumes is damaged.
        """
        self._problems = []
        state = Room(config.state_dir, STATE_BYTES)
        try:
            passed = self._run(config, most)
        except (CatalogError, DiskFull):
            # Without room for the catalog nothing could be deleted, and so there would never be any (F18).
            if not state.give():
                raise
            passed = self._run(config, most)
        # Not below the mount point of a disk that is away, which would be filled by mistake.
        ready = () if passed.outlook is None else (disk for disk in passed.outlook.disks if disk.problem is None)
        for room in (state, *(Room(disk.root, VOLUME_BYTES) for disk in ready)):
            with suppress(StorageError):  # it takes nothing: told of elsewhere
                room.keep()
        return passed

    def _run(self, config: Config, most: int | None) -> Passed:
        roots = {name: volume.path for name, volume in config.volumes.items()}
        trusted = self.trusted(roots)
        # Whoever looks for a marker looks for the disk: a folder below a mount point may be anybody's.
        self._ready = {disk.name: disk.root for disk in volumes.survey(config) if disk.problem is None}
        finished = self._go_on(config, roots, may_delete=trusted.may_delete and config.retention.enabled)
        if not trusted.may_delete:
            self._withdraw(config.state_dir)
            return Passed(trust=trusted, finished=finished, problems=tuple(self._problems))
        found = retention.outlook(self._catalog, config, self._clock, node=self._node)
        try:
            now_us = self._clock.wall_us()
            holds.write_down(roots, found.holds, now_us, since_us=self._passed_us() - DAY_US)
        except StorageError as error:
            self._problems.append(str(error))
        cleared, problems = leftovers.clear(found.leftovers)
        self._problems += problems
        chosen = found.going if most is None else found.going[:most]
        gone = self._delete(chosen, config, roots)
        self._publish(config.state_dir, found, {(one.piece.volume, one.piece.file) for one in gone})
        if len(gone) == len(chosen):
            self._note_pass()
        return Passed(
            trust=trusted, deleted=tuple(gone), cleared=tuple(cleared), finished=finished, outlook=found,
            bytes=sum(one.piece.bytes for one in gone) + sum(one.bytes for one in cleared),
            waiting=len(found.going) - len(gone), problems=tuple(self._problems),
        )  # fmt: skip

    def _go_on(self, config: Config, roots: Mapping[str, Path], *, may_delete: bool) -> int:
        """Finish what somebody who was killed began, as far as it may still go; return how many files that were."""
        done = 0
        while not self._told_to_stop():
            with self._catalog.read() as tx:
                number = nodes.find(tx, self._node)
                begun = [] if number is None else removals.pending(tx, number, _AT_ONCE)
            spared = self._spared(begun, config, roots) if may_delete else []
            left = [one for one in begun if one not in spared and (may_delete or self._is_done(one))]
            gone = self._finish(left, roots)
            done += len(gone)
            if len(gone) + len(spared) < len(begun) or not begun:
                return done  # what could not be deleted now stays begun: the next pass tries again
        return done

    def _spared(self, begun: Sequence[Removal], config: Config, roots: Mapping[str, Path]) -> list[Removal]:
        """Forget what was begun, is still there and is held by now; return it."""
        here = [one for one in begun if one.volume in self._ready and (self._ready[one.volume] / one.file).exists()]
        if not here:
            return []
        now_us = self._clock.wall_us()
        with self._catalog.write() as tx:
            number = nodes.ensure(tx, self._node, now_us)
            judge = Judge(keeping.policy_of(config), keeping.standing_holds(tx, number, config, now_us), {}, now_us)
            numbers = nodes.ensure_volumes(tx, number, dict(roots), now_us)
            held = [one for one in here if judge.held(_piece(tx, number, numbers[one.volume], one, now_us))]
            removals.drop(tx, number, held)
        return held

    def _is_done(self, one: Removal) -> bool:
        """Say whether only the row is left of a deletion: the file is gone, and its kept line says so."""
        root = self._ready.get(one.volume)
        if root is None or (root / one.file).exists():
            return False
        try:
            said = kept.deletions({one.volume: root}, StreamKey(one.camera, one.file.split("/")[2]))
        except StorageError as error:
            self._problems.append(str(error))
            return False
        return kept.Instance(one.volume, one.file, one.sha256) in said

    def _delete(self, going: Sequence[Going], config: Config, roots: Mapping[str, Path]) -> list[Going]:
        gone: list[Going] = []
        for at in range(0, len(going), _AT_ONCE):
            if self._told_to_stop():
                break
            some = going[at : at + _AT_ONCE]
            now_us = self._clock.wall_us()
            with self._catalog.write() as tx:
                number = nodes.ensure(tx, self._node, now_us)
                # Somebody may have set a hold since the decision: what is held by now stays.
                judge = Judge(keeping.policy_of(config), keeping.standing_holds(tx, number, config, now_us), {}, now_us)
                asked = [_removal(one) for one in some if not judge.untouchable(one.piece)]
                begun = removals.begin(tx, number, asked, now_us)
            done = {(one.volume, one.file) for one in self._finish(begun, roots)}
            gone += [one for one in some if (one.piece.volume, one.piece.file) in done]
        return gone

    def _finish(self, begun: Sequence[Removal], roots: Mapping[str, Path]) -> list[Removal]:
        """Take files from their row to their end; return those that are gone."""
        by_volume: dict[str, list[Removal]] = {}
        for one in begun:
            by_volume.setdefault(one.volume, []).append(one)
        gone: list[Removal] = []
        strange: list[Removal] = []
        for volume, some in by_volume.items():
            root = self._ready.get(volume)
            if root is None:
                continue  # away: it stays begun until the disk is back
            try:
                strange += [one for one in some if not self._is_it(root, one)]
                known = [one for one in some if one not in strange]
                self._write_down(roots, known)
                gone += [one for one in known if self._unlink(root, one)]
            except StorageError as error:
                self._problems.append(str(error))
        if gone or strange:
            with self._catalog.write() as tx:
                number = nodes.ensure(tx, self._node, self._clock.wall_us())
                removals.end(tx, number, gone)
                removals.drop(tx, number, strange)
        return gone

    def _is_it(self, root: Path, one: Removal) -> bool:
        """Say whether what lies there is what is to go; gone already, by whoever was killed after it, is fine."""
        path = root / one.file
        with storage_errors("looking at", path):
            try:
                facts = path.lstat()
            except FileNotFoundError:
                return True
            inside = path.parent.resolve().is_relative_to((root / "footage").resolve())
        if inside and stat.S_ISREG(facts.st_mode) and facts.st_size == one.bytes:
            return True
        self._problems.append(f"{path} is not the file that was recorded; it stays")
        return False

    def _write_down(self, roots: Mapping[str, Path], some: Sequence[Removal]) -> None:
        lines = [(one.volume, Deleted(file=one.file, sha256=one.sha256, bytes=one.bytes, why=one.why)) for one in some]
        kept.deleted(roots, lines, self._clock.wall_us())

    def _unlink(self, root: Path, one: Removal) -> bool:
        path = root / one.file
        try:
            with storage_errors("removing", path):
                path.unlink(missing_ok=True)
        except StorageError as error:
            self._problems.append(str(error))
            return False
        self._prune(root, path.parent)
        return True

    def _prune(self, root: Path, folder: Path) -> None:
        """Remove the folder of a day that is empty by now; today's and tomorrow's are never touched (C077)."""
        now_us = self._clock.wall_us()
        if folder.name >= day_of(now_us) or folder == root:
            return
        with suppress(OSError):  # not empty, or gone already
            folder.rmdir()
            with suppress(StorageError):
                fsync_folder(folder.parent)

    def _publish(self, state_dir: Path, found: Outlook, gone: set[tuple[str, str]]) -> None:
        """Give the recorder its list, replaced whole."""
        ids = {disk.name: disk.volume_id or str(disk.root) for disk in found.disks}
        left = [one.piece for one in found.going if (one.piece.volume, one.piece.file) not in gone]
        cleared = [piece for name in found.cleared for piece in found.cleared[name]]
        room = retention.enough(ids, found.intake)
        lines: list[str] = []
        for piece in (*left, *cleared):
            # What is over may be a hundred thousand files when a policy was changed: no recorder needs all of them.
            if room.get(piece.volume, 0) > 0:
                lines.append(json.dumps({"volume": ids[piece.volume], "file": piece.file, "bytes": piece.bytes}))
                room[piece.volume] -= piece.bytes
        self._replace(state_dir, "".join(f"{line}\n" for line in lines).encode())

    def _withdraw(self, state_dir: Path) -> None:
        """Leave the recorder nothing to remove while there is a doubt."""
        self._replace(state_dir, b"")

    def _replace(self, state_dir: Path, data: bytes) -> None:
        path = state_dir / EXPENDABLE
        try:
            with suppress(OSError):
                if path.read_bytes() == data:
                    return
            replace_atomically(path, data, durable=True, mode=0o640)
        except StorageError as error:
            self._problems.append(str(error))

    def _passed_us(self) -> int:
        """Return when the last whole pass ended, 0 before the first one."""
        with self._catalog.read() as tx:
            number = nodes.find(tx, self._node)
            standing = None if number is None else removals.standing(tx, number)
        return 0 if standing is None else standing.passed_us or 0

    def _note_pass(self) -> None:
        with self._catalog.write() as tx:
            number = nodes.ensure(tx, self._node, self._clock.wall_us())
            standing = removals.standing(tx, number)
            if standing is not None:
                removals.stand(tx, number, replace(standing, passed_us=self._clock.wall_us()))


def _removal(one: Going) -> Removal:
    piece: Piece = one.piece
    return Removal(
        volume=piece.volume, file=piece.file, sha256=piece.sha256, bytes=piece.bytes, camera=piece.camera, why=one.why
    )


def _piece(tx: Transaction, node: int, volume: int, one: Removal, now_us: int) -> Piece:
    """Return when the footage is of that was to go; where no row knows, as long as it may have been."""
    stream = cameras.ensure_stream(tx, node, StreamKey(one.camera, one.file.split("/")[2]), now_us)
    rows = [row for row in segments.by_file(tx, stream.id, [(volume, one.file)]) if row.sha256 == one.sha256]
    begin_us = kept.begin_of(one.file)
    start_us, end_us = (0, now_us) if begin_us is None else (begin_us, begin_us + HOUR_US)
    if rows:
        start_us, end_us = rows[0].start_us, rows[0].end_us or end_us
    return Piece(one.volume, one.file, one.sha256, one.camera, start_us, end_us, one.bytes)
