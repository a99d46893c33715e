"""Watching one camera: its footage is read in the order of media time, looked at, judged, and what was found is kept.

The same for what is being recorded and for any past span. Footage is the queue: nothing is lost while nobody watches,
and whoever comes later goes on where the last one was, with the same looks and the same answers.

One object a camera, on one thread at a time. Not here: judging (watching.judge), several cameras (roles.watcher).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from holdfast.catalog import incidents, measures
from holdfast.catalog.db import Catalog, Transaction
from holdfast.catalog.measures import Measure, Position
from holdfast.core.camera import Kind, StreamKey
from holdfast.core.clock import Clock
from holdfast.core.config.watch import WatchConfig
from holdfast.core.errors import BadInput, HoldfastError, NotFound, StorageError
from holdfast.core.gap import Gap, GapReason
from holdfast.core.timing import SECOND_US, ticks_to_us
from holdfast.library import following, footage
from holdfast.library.footage import Chunk
from holdfast.library.moving import Moving
from holdfast.media.analysis.ear import Ear
from holdfast.media.analysis.eye import Eye
from holdfast.media.analysis.near import Coded, Part
from holdfast.media.decode import Coding
from holdfast.media.index_of import Indexes
from holdfast.watching import evidence, stirs
from holdfast.watching.judge import LULL_US, Found, Judge, Settings, key_of

TURN_US = 60 * SECOND_US  # of media between two words about how far a past span has come
BUSY_US = SECOND_US  # chosen: a turn on a busy machine is over after so much time, however little it looked at
WAITS_US = 3 * SECOND_US  # chosen: by then a look that comes 0.6 s later is there, or something is wrong
LATE_US = 5 * SECOND_US  # chosen: what is younger may still be on its way to the disk

_log = structlog.get_logger()


def settings_of(wanted: WatchConfig) -> Settings:
    """Return what is looked at in a camera."""
    return Settings(
        every_us=round(wanted.every_s * SECOND_US), limits=wanted.thresholds(), rules=wanted.rules(),
        wanted=wanted.wanted(), blocks=wanted.macroblocks, loudness=wanted.loudness,
    )  # fmt: skip


def cheapest(volumes: Mapping[str, Path], camera: str, streams: Sequence[str]) -> StreamKey:
    """Return the stream that costs least to look at: the sub stream, where its footage is as new as the main one's."""
    keys = [StreamKey(camera, stream) for stream in streams]
    if len(keys) == 1:
        return keys[0]
    main, sub = (footage.newest(volumes, key) for key in keys[:2])
    fresh = sub is not None and (main is None or sub.end_us > main.end_us - LULL_US)
    return keys[1] if fresh else keys[0]


def keep_all(tx: Transaction, node: int, watches: Iterable["CameraWatch"], now_us: int) -> None:
    """Write what was found at cameras and how far they came, all in one transaction.

    Until `CameraWatch.kept` says that it was committed it can be done again.

    Raises:
        StorageError: A picture cannot be written.
    """
    reached: dict[str, Position] = {}
    measured: dict[str, Sequence[Measure]] = {}
    for watch in watches:
        position = watch.keep(tx, node, now_us)
        if position is not None:
            reached[watch.key.camera] = position
            measured[watch.key.camera] = watch.judge.found.measures
    measures.add(tx, node, measured)
    measures.set_positions(tx, node, reached, now_us)


class CameraWatch:
    """Watches one camera.

    Args:
        key: The stream that is looked at; the sub stream is cheaper.
        volumes: Roots by name; the pictures of incidents go under `volume`.
        volume: Name of one of them.
        clock: Time.
        judge: What is known of the camera.
        catalog: Where footage is looked up; None asks the journals.
        from_us: Where to begin where the judge has not begun; None is now.
        indexes: What is remembered of files.

    Attributes:
        judge: As given.
        moving: What looks for motion; None before `look_for_motion`.
        seen_us: Wall time of the newest footage that was read; None before any was.
        until_us: Where to end, wall time; None goes on for ever.
        more: There was more to read when it was another's turn.
    """

    def __init__(
        self, key: StreamKey, volumes: Mapping[str, Path], volume: str, clock: Clock, judge: Judge, *,
        catalog: Catalog | None, from_us: int | None = None, indexes: Indexes | None = None,
    ) -> None:  # fmt: skip
        self.key = key
        self.judge = judge
        self.moving: Moving | None = None
        self.seen_us: int | None = None
        self.until_us: int | None = None
        self.more = False
        self._volumes = volumes
        self._volume = volume
        self._clock = clock
        self._catalog = catalog
        self._indexes = indexes
        self._from_us = from_us
        self._items: Iterator[Chunk | Gap | None] | None = None
        self._begun_us = 0
        self._doubt_us: int | None = None  # since when the judge is in doubt, boot time
        self._file = ""
        self._codings: dict[Kind, Coding] = {}
        self._eye: Eye | None = None
        self._ear: Ear | None = None

    @property
    def damaged(self) -> int:
        """Pictures of this file's kind that could not be decoded, a count."""
        return 0 if self._eye is None else self._eye.damaged

    def look_for_motion(self, known: stirs.Stirs) -> None:
        """Look for motion too, from what is known of it on; to be said before any work."""
        self.moving = Moving(self.key, self._volumes, self._volume, known)

    def looks_for(self, key: StreamKey, settings: Settings, motion: stirs.Settings) -> bool:
        """Say whether it looks at this stream in this way."""
        known = None if self.moving is None else self.moving.stirs.settings
        return (self.key, self.judge.settings, known) == (key, settings, motion)

    @property
    def empty(self) -> bool:
        """Say whether nothing was found that is not kept yet."""
        return self.judge.found.empty and (self.moving is None or self.moving.stirs.found.empty)

    @property
    def tells(self) -> bool:
        """Say whether events or incidents are among what was found."""
        return bool(self.judge.found.steps) or (self.moving is not None and bool(self.moving.stirs.found.events))

    @property
    def waits(self) -> bool:
        """Say whether what was found is better kept with the next look, which is close: nobody is told less."""
        since_us = self._doubt_us
        return since_us is not None and not self.tells and self._clock.boot_us() - since_us < WAITS_US

    def work(self, most_us: int) -> bool:
        """Look at what is new.

        Args:
            most_us: How much media at most, so that others have their turn.

        Returns:
            Whether there is more.

        Raises:
            StorageError: A file cannot be read; the next call goes on.
        """
        self.more = self._work(most_us)
        if not self.judge.undecided:
            self._doubt_us = None
        elif self._doubt_us is None:
            self._doubt_us = self._clock.boot_us()
        return self.more

    def _work(self, most_us: int) -> bool:
        begun_us, busy_since_us = None, self._clock.boot_us()
        if self._items is None:
            self._items = self._begin()
        try:
            for item in self._items:
                if item is None:
                    self._wait()
                    return False
                if self.until_us is not None and _begins(item) >= self.until_us:
                    return False
                if isinstance(item, Gap):
                    self._pass_over(item)
                    continue
                begun_us = item.fragment.wall_us if begun_us is None else begun_us
                self._read(item)
                if item.fragment.wall_us - begun_us >= most_us or self._clock.boot_us() - busy_since_us >= BUSY_US:
                    return True
        except StorageError:
            self._items = None
            raise
        return False

    def keep(self, tx: Transaction, node: int, now_us: int) -> Position | None:
        """Write what was found but measures: pictures first, as files. For `keep_all`.

        Returns:
            How far it came; None where nothing was found.

        Raises:
            StorageError: A picture cannot be written.
        """
        judge, camera = self.judge, self.key.camera
        found = judge.found
        if judge.taken_us is None or self.empty:
            return None
        for pin in found.pins:
            picture = evidence.write(self._volumes[self._volume], self._volume, camera, pin)
            known = judge.pictures.setdefault(key_of(pin), [])
            known[:] = [one for one in known if one.file != picture.file] + [picture]
        for case in found.dropped:
            judge.drop(case)
        # How each one stands in the end is what counts; a lull of a day is thousands of steps.
        newest = {key_of(step.change.case): step for step in found.steps}
        for key, step in newest.items():
            row = incidents.put(
                tx, node, camera, step.change.case, detail=step.detail, seen=step.seen, now_us=now_us
            )  # fmt: skip
            incidents.add_pictures(tx, row, judge.pictures.get(key, []))
        if self.moving is not None:
            self.moving.keep(tx, node, now_us)
        return Position(judge.taken_us, self.state())

    def kept(self) -> None:
        """What `keep_all` wrote is committed: delete the pictures that are not wanted any more."""
        self.judge.written()
        for volume, file in self.judge.leftovers:
            if volume in self._volumes:
                evidence.delete(self._volumes[volume], file)
        self.judge.leftovers.clear()
        if self.moving is not None:
            self.moving.kept()

    def state(self) -> dict[str, Any]:
        """Return what whoever goes on must know, as JSON knows it."""
        said = self.judge.state()
        return said if self.moving is None else said | {"motion": self.moving.state()}

    def abandon(self) -> None:
        """Nobody watches this camera any more: what is open ends with what was seen last."""
        self.judge.abandon()
        if self.moving is not None:
            self.moving.stirs.abandon()

    def _begin(self) -> Iterator[Chunk | Gap | None]:
        taken_us = self.judge.taken_us
        from_us = taken_us if taken_us is not None else self._from_us
        self._file, self._eye, self._ear = "", None, None
        self._begun_us = self._clock.wall_us() if from_us is None else from_us
        if self.moving is not None:
            self.moving.begin()
        if taken_us is not None:
            self.judge.gaze.retake(taken_us)
        return following.from_instant(
            self._volumes, self.key, self._begun_us, self._clock, self._catalog, self._indexes
        )

    def _read(self, chunk: Chunk) -> None:
        if chunk.piece.file != self._file:
            self._open(chunk)
        if self.seen_us is not None and chunk.fragment.wall_us - self.seen_us >= LULL_US:
            self._explain(self.seen_us, chunk.fragment.wall_us)
        end_us = chunk.end_us
        self.seen_us = max(self.seen_us or 0, end_us)
        if self.moving is not None and Kind.VIDEO in self._codings:
            # Before the eye: what it says is taken is where whoever comes after a kill begins.
            self.moving.read(chunk, self._codings[Kind.VIDEO], seldom=self.judge.gaze.fewer > 1)
        eye, ear = self._eye, self._ear
        with suppress(NotFound):  # the file was removed meanwhile
            if ear is not None:
                for _, payload, wall_us in following.payloads(self._volumes, chunk, self._codings[Kind.AUDIO]):
                    ear.feed(payload, wall_us, wall_us, wall_us)
        if eye is None:
            return
        read = partial(self._coded, chunk, self._codings[Kind.VIDEO])
        part = Part(chunk.fragment.wall_us, end_us, chunk.fragment.keyframe, read)
        for look in eye.feed(part):
            self.judge.look(look, None if ear is None else ear.take())

    def _coded(self, chunk: Chunk, coding: Coding) -> Iterator[Coded]:
        """Read the pictures of a chunk, in the order of decoding; none where its file was removed meanwhile."""
        with suppress(NotFound):
            for sample, payload, wall_us in following.payloads(self._volumes, chunk, coding):
                dts_us = wall_us - ticks_to_us(sample.pts_ticks - sample.dts_ticks, coding.timescale)
                yield Coded(payload, wall_us, dts_us, wall_us, sample.keyframe)

    def _open(self, chunk: Chunk) -> None:
        """Begin another file; where it is coded as the last one was, the decoders go on."""
        self._file = chunk.piece.file
        try:
            found = following.coding_of(self._volumes, chunk)
        except (NotFound, BadInput):
            found = {}
        settings, same = self.judge.settings, found == self._codings
        self._codings = found
        if Kind.VIDEO not in found:
            self._eye = None
        elif self._eye is None or not same:
            self._eye = self._made(found[Kind.VIDEO], settings)
        if Kind.AUDIO not in found:
            self._ear = None
        elif self._ear is None or not same:
            with suppress(HoldfastError):
                self._ear = Ear(replace(found[Kind.AUDIO], timescale=SECOND_US), loudness=settings.loudness)

    def _made(self, coding: Coding, settings: Settings) -> Eye | None:
        try:
            return Eye(
                replace(coding, timescale=SECOND_US), settings.every_us, black_level=settings.limits.black_level,
                region=settings.limits.region, gaze=self.judge.gaze, blocks=settings.blocks,
            )  # fmt: skip
        except HoldfastError as error:
            _log.warning("watch.blind", camera=self.key.camera, stream=self.key.stream, reason=str(error))
            return None

    def _pass_over(self, gap: Gap) -> None:
        # What precedes it may be a gap, too: all of it is one time without pictures.
        from_us = gap.start_us if self.seen_us is None else min(self.seen_us, gap.start_us)
        to_us = gap.end_us if self.until_us is None else min(gap.end_us, self.until_us)
        self.judge.lull(from_us, to_us, gap.reason, gap.detail)
        if self.moving is not None:
            self.moving.stirs.rest(to_us)

    def _wait(self) -> None:
        """Nothing new is there: is that how it should be?"""
        if self.until_us is not None:
            return
        now_us = self._clock.wall_us()
        last_us = self._begun_us if self.seen_us is None else self.seen_us
        if now_us - last_us >= LULL_US:
            self._explain(last_us, now_us, late_us=LATE_US)

    def _explain(self, from_us: int, to_us: int, *, late_us: int = 0) -> None:
        """Judge a time without pictures; where it lasts and nobody said why, all but the last `late_us` of it."""
        stretch = footage.find(
            self._volumes, self.key, from_us, to_us, now_us=self._clock.wall_us(), catalog=self._catalog
        )
        gaps = [gap for gap in stretch.gaps if gap.end_us > from_us]
        reason, detail = (gaps[-1].reason, gaps[-1].detail) if gaps else (GapReason.UNKNOWN, "")
        to_us -= 0 if gaps and gaps[-1].open and reason is not GapReason.UNKNOWN else late_us
        if to_us - from_us < LULL_US:
            return
        self.judge.lull(from_us, to_us, reason, detail)
        if self.moving is not None:
            self.moving.stirs.rest(to_us)


def past(
    key: StreamKey, volumes: Mapping[str, Path], clock: Clock, settings: Settings, span: tuple[int, int], *,
    catalog: Catalog | None, seen: Callable[[int], None] = lambda _us: None,
) -> Found:  # fmt: skip
    """Judge a span that was recorded, and keep nothing: what these settings would have told.

    Args:
        key: The stream.
        volumes: Roots by name.
        clock: Time.
        settings: What is looked at, and how.
        span: Begin and end, wall time.
        catalog: Where footage is looked up; None asks the journals.
        seen: Told how far it came, wall time.

    Raises:
        StorageError: A file cannot be read.
    """
    judge = Judge(settings)
    watch = CameraWatch(key, volumes, next(iter(volumes)), clock, judge, catalog=catalog, from_us=span[0])
    watch.until_us = span[1]
    while watch.work(TURN_US):
        judge.found.pins.clear()  # nobody keeps them, and there may be many
        seen(watch.seen_us or span[0])
    return judge.found


def _begins(item: Chunk | Gap) -> int:
    return item.start_us if isinstance(item, Gap) else item.fragment.wall_us
