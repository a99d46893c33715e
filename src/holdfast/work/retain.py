"""The pass of retention: deletes what policy says, some files at a time, so that a kill at any point is made good.

A file goes in four steps, and the next pass goes on from wherever a kill was (docs/design/0015):

1. a row that it is being deleted, if it is still the same instance and nothing holds it by now;
2. its line in the kept journal, durable;
3. the file;
4. what its segment's row says, and the end of the first row.

Before and after that the recorder gets a new list of what it may remove by itself when its disk is full: with what is
too new now, and from when on it is not (storage.expendable).
A batch holds that list like a recorder that removes: a hold that is set waits for the batch, and the next one sees it.

Not here: what goes (library.retention), files (removing), when a pass is due and what is logged of it
(roles.retention_loop).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
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
from holdfast.core.errors import AlreadyRunning, CatalogError, DiskFull, StorageError
from holdfast.core.retention import DiskFull as DiskFullPolicy
from holdfast.core.retention import Going, Judge, Piece, Rule
from holdfast.core.trust import Trust
from holdfast.library import keeping, kept, lasting, leftovers, pictures, retention, volumes
from holdfast.library.leftovers import Leftover
from holdfast.library.pictures import Over
from holdfast.library.retention import Outlook
from holdfast.storage import expendable
from holdfast.storage.expendable import Entry
from holdfast.storage.room import STATE_BYTES, VOLUME_BYTES, Room
from holdfast.work import removing

_AT_ONCE = 50  # chosen: a transaction and a sync of the disk each; a kill leaves so many files to the next pass at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What a pass did.

    Attributes:
        trust: Whether anything could be deleted, and if not, why.
        deleted: What went, by rule and reason.
        cleared: Other files that went.
        pictures: Stills, events and incidents that went.
        finished: Files whose deletion somebody else had begun.
        bytes: Bytes that went.
        waiting: Files that are over, too, and are left to the next pass.
        problems: Sentences about what could not be done.
        outlook: What it was decided by; None where nothing may be deleted.
    """

    trust: Trust
    deleted: tuple[Going, ...] = ()
    cleared: tuple[Leftover, ...] = ()
    pictures: tuple[Over, ...] = ()
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
        self._refused: set[tuple[str, str]] = set()
        self._ready: dict[str, Path] = {}
        self._copies = kept.Copies({})

    def trusted(self, config: Config) -> Trust:
        """Look at clock and catalog, take up what kept journals know, write down what that comes to, and return it.

        Raises:
            StorageError: A kept journal that has to be taken up cannot be read.
            CatalogUnavailable: It did not answer.
            BadInput: What is remembered of the volumes is damaged.
        """
        now_us = self._clock.wall_us()
        with self._catalog.write() as tx:
            number = nodes.ensure(tx, self._node, now_us)
            before = removals.standing(tx, number)
            here = retention.look(tx, number, self._clock)
        # First, so that whoever is killed in it, or finds a journal that cannot be read, begins with it again.
        disks = volumes.survey(config)
        lasting.take_up(self._catalog, config, disks, self._clock, node=self._node, before=before)
        roots = [disk.root for disk in disks]
        if before is None and here.footage_us is None and any(lasting.has_footage(root) for root in roots):
            return trust.doubted(here, "the catalog is new, and does not know yet what footage there is")
        found = trust.judged(None if before is None else before.trust, here)
        away = ", ".join(disk.name for disk in disks if disk.problem is not None)
        begins = before is None or (before.passed_us is None and before.trust.off_why)
        if away and begins and found.may_delete and here.footage_us is not None:
            # No clock can say what an older catalog knew to be held; a person can.
            found = trust.doubted(here, f"the catalog is new, and {away} is away, which may say what is held")
        with self._catalog.write() as tx:
            standing = removals.standing(tx, number) or Standing(trust=found, levels={})
            removals.stand(tx, number, replace(standing, trust=found))
        return found

    def run(self, config: Config, *, most: int | None = None) -> Passed:
        """Delete what is over, and what room is needed for; `most` files at once, or as many as there are for None.

        Raises:
            CatalogUnavailable: It did not answer; what was begun is gone on with next time.
            BadInput: What is remembered of the volumes is damaged.
        """
        self._problems, self._refused = [], set()
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
        trusted = self.trusted(config)
        # Whoever looks for a marker looks for the disk: a folder below a mount point may be anybody's.
        self._ready = {disk.name: disk.root for disk in volumes.survey(config) if disk.problem is None}
        self._copies = kept.Copies(self._ready)
        finished = self._go_on(config, roots, may_delete=trusted.may_delete and config.retention.enabled)
        if not trusted.may_delete:
            self._withdraw(config)
            self._write_down(config)
            return Passed(trust=trusted, finished=finished, problems=tuple(self._problems))
        found = retention.outlook(self._catalog, config, self._clock, node=self._node)
        cleared, problems = leftovers.clear(found.leftovers)
        self._problems += problems
        chosen = found.going if most is None else found.going[:most]
        if chosen:
            # What follows takes its time, and whoever is killed in it leaves the recorder this list and not an old one.
            self._publish(config, found, set())
        gone = self._delete(chosen, config, roots)
        self._publish(config, found, {(one.piece.volume, one.piece.file) for one in gone} | self._refused)
        self._write_down(config)
        shown, problems = pictures.clear(self._catalog, self._ready, found.pictures, found.now_us)
        self._problems += problems
        if len(gone) == len(chosen):
            self._note_pass()
        return Passed(
            trust=trusted, deleted=tuple(gone), cleared=tuple(cleared), finished=finished, outlook=found,
            pictures=tuple(shown),
            bytes=sum(one.piece.bytes for one in gone) + sum(one.bytes for one in cleared)
            + sum(one.bytes for one in shown),
            waiting=len(found.going) - len(gone), problems=tuple(self._problems),
        )  # fmt: skip

    def _go_on(self, config: Config, roots: Mapping[str, Path], *, may_delete: bool) -> int:
        """Finish what somebody who was killed began, as far as it may still go; return how many files that were."""
        done = 0
        while not self._told_to_stop():
            with self._catalog.read() as tx:
                number = nodes.find(tx, self._node)
                # Away is not gone: it stays begun until the disk is back, and holds up nothing meanwhile.
                begun = [] if number is None else removals.pending(tx, number, _AT_ONCE, volumes=self._ready)
            with self._removing(config) as free:
                if not free:
                    return done
                spared = self._spared(begun, config, roots) if may_delete else []
                left = [
                    one
                    for one in begun
                    if one not in spared and (may_delete or removing.is_done(self._ready, one, self._problems))
                ]
                gone, strange = self._finish(left, roots)
            self._end(gone, strange)
            done += len(gone)
            if len(gone) + len(strange) + len(spared) < len(begun) or not begun:
                return done  # what could not be deleted now stays begun: the next pass tries again
        return done

    @contextmanager
    def _removing(self, config: Config) -> Iterator[bool]:
        """Hold the recorder's list as whoever removes does; yields False where it is not to be had."""
        with ExitStack() as stack:
            try:
                stack.enter_context(expendable.removing(config.state_dir / expendable.NAME))
            except DiskFull:
                raise  # whoever runs the pass has some room for it
            except (AlreadyRunning, StorageError) as error:
                self._problems.append(str(error))
                yield False
            else:
                yield True

    def _spared(self, begun: Sequence[Removal], config: Config, roots: Mapping[str, Path]) -> list[Removal]:
        """Forget what was begun, is still there and may not go by now; return it.

        That is what somebody holds, what waits for its copies again, and what no row knows as that instance (K4).
        """
        here = [one for one in begun if (self._ready[one.volume] / one.file).exists()]
        if not here:
            return []
        now_us = self._clock.wall_us()
        with self._catalog.write() as tx:
            number = nodes.ensure(tx, self._node, now_us)
            judge = self._judge(tx, number, config, now_us)
            numbers = nodes.ensure_volumes(tx, number, dict(roots), now_us)
            pieces = [(one, _piece(tx, number, numbers[one.volume], one, now_us)) for one in here]
            spared = [one for one, piece in pieces if piece is None or not self._still_goes(judge, piece)]
            removals.drop(tx, number, spared)
        return spared

    def _judge(self, tx: Transaction, node: int, config: Config, now_us: int) -> Judge:
        return Judge(keeping.policy_of(config), keeping.standing_holds(tx, node, config, now_us), {}, now_us)

    def _still_goes(self, judge: Judge, piece: Piece, rule: Rule | None = None) -> bool:
        """Say whether a file still may go, by a rule or for room: holds are set, and copies lost, in the meantime."""
        return not judge.untouchable(piece) and self._is_sent(judge, piece, rule)

    def _is_sent(self, judge: Judge, piece: Piece, rule: Rule | None = None) -> bool:
        """Say whether a file has the copies that it needs before it goes, by a rule or for room."""
        unsent = rule is Rule.UNSENT or (rule is None and judge.policy.disk_full is DiskFullPolicy.OLDEST)
        if unsent or not judge.policy.copies_of(piece):
            return True
        instance = kept.Instance(piece.volume, piece.file, piece.sha256)
        return not judge.unsent(piece.sent(self._copies.targets(instance, kept.journal_of_segment(piece.file))))

    def _delete(self, going: Sequence[Going], config: Config, roots: Mapping[str, Path]) -> list[Going]:
        gone: list[Going] = []
        for at in range(0, len(going), _AT_ONCE):
            if self._told_to_stop():
                break
            some = going[at : at + _AT_ONCE]
            with self._removing(config) as free:
                begun = self._begin(some, config) if free else None
                if begun is None:
                    break
                done, strange = self._finish(begun, roots)
            # Outside, so that whoever waits for the list has it in between.
            self._end(done, strange)
            names = {(one.volume, one.file) for one in done}
            gone += [one for one in some if (one.piece.volume, one.piece.file) in names]
        return gone

    def _begin(self, some: Sequence[Going], config: Config) -> list[Removal] | None:
        """Write that files are being deleted, those that still may go; None where nothing may any more."""
        now_us = self._clock.wall_us()
        with self._catalog.write() as tx:
            number = nodes.ensure(tx, self._node, now_us)
            # The clock was set meanwhile, or somebody said that there is a doubt: then all that follows is in doubt.
            if not retention.may_forget(tx, number, self._clock):
                return None
            judge = self._judge(tx, number, config, now_us)
            asked = [_removal(one) for one in some if self._still_goes(judge, one.piece, one.rule)]
            return removals.begin(tx, number, asked, now_us)

    def _finish(self, begun: Sequence[Removal], roots: Mapping[str, Path]) -> tuple[list[Removal], list[Removal]]:
        return removing.finish(begun, self._ready, roots, self._clock.wall_us(), self._problems)

    def _end(self, gone: Sequence[Removal], strange: Sequence[Removal]) -> None:
        """Write what came of files. In whose place something else lies is missing, or it would come first for ever."""
        self._refused |= {(one.volume, one.file) for one in strange}
        if gone or strange:
            now_us = self._clock.wall_us()
            with self._catalog.write() as tx:
                number = nodes.ensure(tx, self._node, now_us)
                removals.end(tx, number, gone)
                removals.refuse(tx, number, strange, now_us)

    def _write_down(self, config: Config) -> None:
        """Make what holds outlast the catalog, in doubt, too; last, as deleting may need all room that is left."""
        try:
            lasting.write_down(self._catalog, config, self._clock, node=self._node)
        except StorageError as error:
            self._problems.append(str(error))

    def _publish(self, config: Config, found: Outlook, gone: set[tuple[str, str]]) -> None:
        """Give the recorder its list, replaced whole: what the decision cleared, and still may go."""
        try:
            expendable.publish(
                config.state_dir / expendable.NAME, lambda: self._cleared(config, found, gone)
            )  # fmt: skip
        except (AlreadyRunning, StorageError) as error:
            self._problems.append(str(error))

    def _cleared(self, config: Config, found: Outlook, gone: set[tuple[str, str]]) -> list[Entry]:
        ids = {disk.name: disk.volume_id or str(disk.root) for disk in found.disks}
        left = [(one.piece, one.rule) for one in found.going if (one.piece.volume, one.piece.file) not in gone]
        cleared = [(piece, None) for name in found.cleared for piece in found.cleared[name]]
        room = retention.enough(ids, found.intake)
        now_us = self._clock.wall_us()
        with self._catalog.read() as tx:
            number = nodes.find(tx, self._node)
            if number is None or not retention.may_forget(tx, number, self._clock):
                return []
            judge = self._judge(tx, number, config, now_us)
        entries: list[Entry] = []
        for piece, rule in (*left, *cleared):
            # What is over may be a hundred thousand files when a policy was changed: no recorder needs all of them.
            if room.get(piece.volume, 0) > 0 and not judge.barred(piece) and self._is_sent(judge, piece, rule):
                entries.append(self._entry(ids[piece.volume], piece, judge.new_us(piece)))
                room[piece.volume] -= piece.bytes
        return entries

    def _entry(self, volume: str, piece: Piece, new_us: int) -> Entry:
        due_us = self._clock.boot_us() + new_us if new_us else None
        return Entry(
            volume, piece.file, piece.bytes, piece.start_us, piece.end_us,
            boot="" if due_us is None else self._clock.boot_id, boot_us=due_us,
        )  # fmt: skip

    def _withdraw(self, config: Config) -> None:
        """Leave the recorder nothing to remove while there is a doubt."""
        try:
            expendable.empty(config.state_dir / expendable.NAME)
        except (AlreadyRunning, StorageError) as error:
            self._problems.append(str(error))

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


def _piece(tx: Transaction, node: int, volume: int, one: Removal, now_us: int) -> Piece | None:
    """Return the footage that was to go; None where no row knows it as that instance."""
    stream = cameras.ensure_stream(tx, node, StreamKey(one.camera, one.file.split("/")[2]), now_us)
    for row in segments.by_file(tx, stream.id, [(volume, one.file)]):
        if row.sha256 == one.sha256 and row.end_us is not None:
            return Piece(one.volume, one.file, one.sha256, one.camera, row.start_us, row.end_us, one.bytes)
    return None
