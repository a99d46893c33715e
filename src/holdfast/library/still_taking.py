"""Taking the stills of one camera out of its footage: each planned instant ends as a picture or with a cause.

Footage is the queue: whoever comes later goes on where the last one was, and the same instants give the same pictures
under the same names. Files are written first, then their rows and how far it is in one transaction; so whatever is
killed when, no instant is lost and none is there twice (S1).

One object a camera, on one thread at a time. Not here: the grid (core.stills), what is wanted (still_order),
which picture (still_pictures), several cameras (roles.stills).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from holdfast.catalog import stills
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.stills import TAKEN, Outcome, Wanted
from holdfast.core.camera import StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, DiskFull, HoldfastError
from holdfast.core.gap import PLANNED, Gap, GapReason
from holdfast.core.schedule import burst_late_us
from holdfast.core.still_names import SIDECAR, THUMBNAIL, beside, file_of
from holdfast.core.stills import slots
from holdfast.core.timing import MINUTE_US, SECOND_US
from holdfast.library import following, footage
from holdfast.library.folder_originals import Originals, reach_of
from holdfast.library.footage import KEEPS_UP_US
from holdfast.library.still_order import Order
from holdfast.library.still_pictures import NEAR_US, Answer, Pictures
from holdfast.library.still_sealing import Sealing
from holdfast.media.index_of import Indexes
from holdfast.media.keeping import finished, thumbnail
from holdfast.media.still import Shot, Still
from holdfast.storage.batch import write_all
from holdfast.storage.volume import Volume

SETTLE_US = SECOND_US  # chosen: footage is on the disk half a second after it was seen; asked earlier it is asked twice
FINAL_US = KEEPS_UP_US + 5 * SECOND_US  # what is older and not there never comes; its cause is in the catalog by then
STRAIGHT_US = SECOND_US  # chosen: closer instants are decoded straight through, others from their keyframe
AHEAD_US = 20 * SECOND_US  # chosen: a camera may send a picture in this time and still be in order
REMEMBER_US = MINUTE_US  # how far it is, is written this often where nothing is planned
MOST_SELDOM = 4  # pictures of a turn that each begin at a keyframe: half a second of work
MOST_MISSED = 2000  # at once: a minute of an outage of the finest grid

_BEFORE = 2  # stills that a record names besides its own: freeze was judged by three

REMOVED, DAMAGED = "removed", "damaged"
"""Causes besides the reasons of gaps: policy took the footage first; it cannot be decoded."""


class Describing(Protocol):
    """Says what was judged of a still, as JSON for beside it; `before` are the two stills before it, oldest first."""

    def __call__(self, outcome: Outcome, before: Sequence[Outcome]) -> bytes:
        """Return it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What taking stills stands on.

    Attributes:
        volumes: Roots by name.
        volume: Name of the one that pictures go to.
        disk: The same as a disk, which is checked before anything is written.
        clock: Time.
        catalog: Where footage is looked up, and what is there already.
        node: The node's number.
        indexes: What is remembered of files.
        describe: Writes the JSON file beside a still, where one is wanted.
        originals: What lies in the folder that the camera is; None for any other camera.
    """

    volumes: Mapping[str, Path]
    volume: str
    disk: Volume
    clock: Clock
    catalog: Catalog
    node: int
    indexes: Indexes | None = None
    describe: Describing | None = None
    originals: Originals | None = None


@dataclass(slots=True)
class _Batch:
    """What one turn brought: rows, and files that are still to be written."""

    outcomes: list[Outcome] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    pictures: int = 0


class StillsTaker:
    """Takes the stills of one camera.

    Args:
        key: The stream: the main one.
        order: What is wanted.
        means: What it stands on.
        after_us: Every planned instant up to here is decided.
        persisted: That is written already.
        until_us: Where to end; None goes on for ever.

    Attributes:
        order: As given.
        reached_us: Every planned instant up to here is decided, though perhaps not kept yet.
        taken: Pictures since the start, a count.
        missed: The same of instants without one.
    """

    def __init__(
        self, key: StreamKey, order: Order, means: Means, *, after_us: int, persisted: bool = True,
        until_us: int | None = None,
    ) -> None:  # fmt: skip
        self.key = key
        self.order = order
        self.reached_us = after_us
        self.taken = self.missed = 0
        self._means = means
        self._clock = means.clock
        self._until_us = until_us
        self._kept_us = after_us if persisted else None
        self._outcomes: list[Outcome] = []
        self._pictures: Pictures | None = None
        self._gap: Gap | None = None
        self._mended_us = 0
        self._again_us = 0
        self._wait_us = 0
        self._sealing = Sealing(means.volumes[means.volume], key.camera, order.recipients)

    @property
    def waiting(self) -> list[Outcome]:
        """What was decided and is not kept yet."""
        return list(self._outcomes)

    def work(self, most_us: int) -> bool:
        """Decide what is due, and write the files of it.

        Args:
            most_us: How much of the grid at most where pictures are close, so that others have their turn. Not how
                long: where a machine is overloaded that would be a still or two, and it would fall ever more behind.

        Returns:
            Whether there is more to do at once.

        Raises:
            StorageError: Footage cannot be read or pictures not written; the next call goes on.
            MissingDependency: This build of libav cannot write such pictures.
            CatalogError: The catalog did not answer.
        """
        now_us = self._clock.wall_us()
        to_us = now_us - SETTLE_US if self._until_us is None else min(self._until_us, now_us - SETTLE_US)
        if self._outcomes or to_us <= self.reached_us or self._clock.boot_us() < self._again_us:
            return False
        due = slots(self.order.grid, self.reached_us, to_us)
        first = next(due, None)
        if first is None:
            self.reached_us = to_us
            return False
        self._check_disk()
        if not self._sealing.begin():
            return False
        try:
            return self._taken(due, first, to_us, now_us, most_us)
        finally:
            if not self._outcomes:
                self._sealing.end()

    def _taken(self, due: Iterator[int], first: int, to_us: int, now_us: int, most_us: int) -> bool:
        """Decide the instants from the first one on, and write the files; say whether there is more to do at once."""
        batch, before_us, slot = _Batch(), self.reached_us, first
        with self._means.catalog.read() as tx:
            known = stills.known(tx, self._means.node, self.key.camera, first, to_us + 1)
        try:
            more = True
            while more:
                if known.get(slot) != TAKEN and not self._decide(slot, now_us, batch):
                    self._wait()
                    break
                self.reached_us, self._wait_us = slot, 0
                more = len(batch.outcomes) < MOST_MISSED and not self._enough(batch, slot - first, most_us)
                following_slot = next(due, None)
                if following_slot is None:
                    self.reached_us = to_us
                    break
                slot = following_slot
            write_all(self._means.volumes[self._means.volume], batch.files)
        except HoldfastError:
            self.reached_us, self._pictures = before_us, None
            raise
        self._outcomes = batch.outcomes
        return not more

    @property
    def owes(self) -> bool:
        """Whether there is something to keep."""
        late = self._kept_us is None or self.reached_us - self._kept_us >= REMEMBER_US
        return bool(self._outcomes) or late

    def keep(self, tx: Transaction, now_us: int) -> None:
        """Write what was decided and how far it came, in one transaction; until `kept` it can be done again."""
        stills.put(tx, self._means.node, self._outcomes, now_us)
        if self._until_us is None:
            stills.set_position(tx, self._means.node, self.key.camera, self.reached_us, now_us)

    def kept(self) -> None:
        """What `keep` wrote is committed."""
        missed = sum(1 for one in self._outcomes if one.cause)
        self.missed += missed
        self.taken += len(self._outcomes) - missed
        self._outcomes = []
        self._kept_us = self.reached_us
        self._sealing.end()

    def close(self) -> None:
        """Forget what was not kept: it is taken again."""
        self._sealing.end()

    def _enough(self, batch: _Batch, along_us: int, most_us: int) -> bool:
        if self.order.grid.every_us > STRAIGHT_US:
            return batch.pictures >= MOST_SELDOM
        return batch.pictures > 0 and along_us >= most_us

    def _check_disk(self) -> None:
        self._means.disk.check()
        if self._means.disk.short_bytes():
            raise DiskFull(
                f"stills of {self.key.camera} wait: {self._means.disk.root} has less free space than its reserve",
                hint="make room; nothing is lost while the footage is there",
            )

    def _decide(self, slot_us: int, now_us: int, batch: _Batch) -> bool:
        """Say what becomes of an instant; False where that is not known yet."""
        found = self._nearest(slot_us, final=now_us - slot_us > FINAL_US)
        if found is Answer.LATER:
            return False
        if isinstance(found, Shot):
            original = self._original(slot_us)
            if original is Answer.LATER:
                return False
            try:
                self._take(slot_us, found, batch, original)
            except BadInput:
                found = Answer.DAMAGED
        if found is Answer.DAMAGED:
            batch.outcomes.append(self._outcome(slot_us, cause=DAMAGED))
        elif found is Answer.HOLE:
            return self._missing(slot_us, now_us, batch)
        return True

    def _missing(self, slot_us: int, now_us: int, batch: _Batch) -> bool:
        """Say the same of an instant of which there is no footage."""
        originals = self._means.originals
        # What was written while nobody recorded may still lie there; then it does not matter why nobody did.
        if originals is not None and originals.always:
            taken = self._take_original(slot_us, batch)
            if taken is not False:
                return bool(taken)
        if now_us - slot_us <= FINAL_US:
            return False  # why is in the catalog in a minute
        if (late := self._late(slot_us)) is not None:
            with suppress(BadInput):
                self._take(slot_us, late, batch, None)
                return True
        cause = self._cause(slot_us)
        if cause == DAMAGED and self._pictures is not None and slot_us - self._mended_us >= SECOND_US:
            # Who reads what is being written begins with the newest keyframe where nothing was before it, and so
            # passes over what was written since it last looked. Now it is all there: read it again.
            self._pictures, self._mended_us = None, slot_us
            return self._decide(slot_us, now_us, batch)
        taken = self._take_original(slot_us, batch) if cause else True
        if taken is False:
            batch.outcomes.append(self._outcome(slot_us, cause=cause))
        return taken is not None

    def _nearest(self, slot_us: int, *, final: bool) -> Shot | Answer:
        if self.order.grid.every_us <= STRAIGHT_US:
            if self._pictures is None:
                items = following.from_instant(
                    self._means.volumes,
                    self.key,
                    slot_us - NEAR_US,
                    self._clock,
                    self._means.catalog,
                    self._means.indexes,
                )
                self._pictures = Pictures(self._means.volumes, items)
            return self._pictures.nearest(slot_us, final=final)
        if self._gap is not None and self._gap.start_us + NEAR_US < slot_us < self._gap.end_us - NEAR_US:
            return Answer.HOLE
        return self._pictures_of(self._stretch(slot_us - NEAR_US, slot_us + AHEAD_US)).nearest(slot_us, final=final)

    def _late(self, slot_us: int) -> Shot | None:
        """Return the first picture after an instant, where the camera's round may have come later than it."""
        burst_s = self.order.burst_s
        if not burst_s or slot_us % (burst_s * SECOND_US):
            return None
        stretch = self._stretch(slot_us, slot_us + burst_late_us(burst_s))
        first_us = min((piece.start_us for piece in stretch.pieces), default=None)
        if first_us is None:
            return None
        shot = self._pictures_of(stretch).nearest(first_us, final=True)
        return shot if isinstance(shot, Shot) else None

    def _stretch(self, from_us: int, to_us: int) -> footage.Stretch:
        return footage.find(
            self._means.volumes, self.key, from_us, to_us, now_us=self._clock.wall_us(), catalog=self._means.catalog
        )

    def _pictures_of(self, stretch: footage.Stretch) -> Pictures:
        return Pictures(self._means.volumes, footage.read(self._means.volumes, stretch, self._means.indexes))

    def _original(self, slot_us: int) -> tuple[Shot, Still] | Literal[Answer.LATER] | None:
        """Return the file that somebody else wrote at an instant, where the camera is their folder; or not yet."""
        originals, grid = self._means.originals, self.order.grid
        return None if originals is None else originals.nearest(slot_us, reach_of(grid.every_us), self.order.style)

    def _take_original(self, slot_us: int, batch: _Batch) -> bool | None:
        """Take the file that lies in the camera's folder; False where none is there or any good, None for not yet."""
        original = self._original(slot_us)
        if original is Answer.LATER:
            return None
        if original is None:
            return False
        try:
            self._take(slot_us, original[0], batch, original)
        except BadInput:
            return False
        return True

    def _take(self, slot_us: int, shot: Shot, batch: _Batch, original: tuple[Shot, Still] | None) -> None:
        style, camera = self.order.style, self.key.camera
        shot, still = original or (shot, finished(shot, camera, style))
        stored = self._sealing.stored(still.body)
        file = file_of(self.order.naming, slot_us, (still.width, still.height), self.order.ending)
        batch.files.append((file, stored.body))
        small = ""
        if style.thumbnail is not None and not self.order.recipients:
            small = beside(file, THUMBNAIL)
            batch.files.append((small, thumbnail(shot, style.thumbnail)))
        outcome = self._outcome(
            slot_us, at_us=shot.at_us, volume=self._means.volume, file=file, thumbnail=small, width=still.width,
            height=still.height, source_width=still.source_width, source_height=still.source_height, **stored.facts,
        )  # fmt: skip
        if self.order.sidecar and self._means.describe is not None:
            batch.files.append((beside(file, SIDECAR), self._means.describe(outcome, self._before(slot_us, batch))))
        batch.outcomes.append(outcome)
        batch.pictures += 1

    def _before(self, slot_us: int, batch: _Batch) -> list[Outcome]:
        """Return the two stills before one, oldest first."""
        new = [one for one in batch.outcomes if not one.cause][-_BEFORE:]
        if len(new) == _BEFORE:
            return new
        wanted = Wanted(node=self._means.node, camera=self.key.camera, state=TAKEN, to_us=slot_us)
        with self._means.catalog.read() as tx:
            old = [row.outcome for row in stills.page(tx, wanted, limit=_BEFORE).rows]
        return [*reversed(old), *new][-_BEFORE:]

    @property
    def _outcome(self) -> "partial[Outcome]":
        return partial(_outcome, self.key.camera, self.order.naming.location)

    def _cause(self, slot_us: int) -> str:
        """Say why there is no footage of an instant; empty where none was wanted, so that no still was planned."""
        if self._gap is None or not self._gap.start_us <= slot_us < self._gap.end_us:
            stretch = self._stretch(slot_us, slot_us + 1)
            if any(piece.start_us <= slot_us < piece.end_us for piece in stretch.removed):
                return REMOVED
            gaps = [gap for gap in stretch.gaps if gap.start_us <= slot_us < gap.end_us]
            if not gaps:
                covered = any(piece.start_us <= slot_us < piece.end_us for piece in stretch.pieces)
                return DAMAGED if covered else GapReason.UNKNOWN.value
            self._gap = gaps[-1]
        return "" if self._gap.reason in PLANNED else self._gap.reason.value

    def _wait(self) -> None:
        """Footage is late: it is looked for again soon, and then ever more seldom, up to 8 s."""
        if self.order.grid.every_us > STRAIGHT_US:
            self._wait_us = min(8 * SECOND_US, max(SECOND_US // 2, 2 * self._wait_us))
            self._again_us = self._clock.boot_us() + self._wait_us


def _outcome(camera: str, location: str, slot_us: int, **facts: object) -> Outcome:
    return Outcome(camera=camera, location=location, slot_us=slot_us, **facts)  # type: ignore[arg-type] # facts by name
