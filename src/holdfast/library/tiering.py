"""One tier as it is made: footage read, converted, written to a spool. The child process `roles.tier` runs it.

Live it keeps up with the newest footage: what it cannot convert in time it leaves out, and says so in `tier.json`. In
the past it stays some seconds ahead of its viewer, whose place is in the file `position`.

Not here: starting and ending children (tiers), files of the spool (spool), codecs (media.tier).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from holdfast.catalog.db import Catalog
from holdfast.core.camera import Kind, StreamKey
from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput, NotFound
from holdfast.core.gap import Gap
from holdfast.core.timing import SECOND_US
from holdfast.library.following import Tail, coding_of, from_instant, payloads
from holdfast.library.footage import Chunk
from holdfast.library.spool import Spool
from holdfast.media.boxread import StoredSample
from holdfast.media.decode import Coding
from holdfast.media.tier import Coded, Preset, Transcoder
from holdfast.storage.files import replace_atomically

STATUS_FILE = "tier.json"
POSITION_FILE = "position"
POLL_S = 0.1  # chosen: with fragments of 0.25 to 0.5 s a tier is about a second behind
STATUS_US = SECOND_US
AHEAD_US = 30 * SECOND_US  # chosen: a player buffers 10 s, and the next 20 s hide a slow moment
BACK_US = 10 * SECOND_US  # of what a viewer has seen: what its player may ask for again
MOST_BYTES = 48 * 1024 * 1024  # chosen: three minutes at 1.5 Mb/s; the folder is in memory
THIN_US = SECOND_US  # behind by this, every second picture is left out;
HURRY_US = 3 * SECOND_US  # by this, all but keyframes;
GIVE_UP_US = 10 * SECOND_US  # and by this, everything up to the newest keyframe
LATE_US = 10 * SECOND_US  # chosen: for this long after it left something out, a tier is said not to keep up


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be converted.

    Attributes:
        volumes: Roots by name.
        source: The stream that is read.
        key: What the result is called.
        preset: What it becomes.
        root: Folder of the spool.
        from_us: Where to begin in the past; None is live.
    """

    volumes: Mapping[str, Path]
    source: StreamKey
    key: StreamKey
    preset: Preset
    root: Path
    from_us: int | None = None


class Tiering:
    """Converts until it is told to stop.

    Args:
        work: What.
        clock: Time.
        stopped: Asked at each step.
        catalog: Where rows about the past are; None asks the journals.
    """

    def __init__(
        self, work: Work, clock: Clock, stopped: Callable[[], bool], *, catalog: Catalog | None = None
    ) -> None:
        self._work = work
        self._clock = clock
        self._stopped = stopped
        self._catalog = catalog
        self._spool = Spool(work.root, work.key, clock)
        self._transcoder: Transcoder | None = None
        self._coding: dict[Kind, Coding] = {}
        self._run = ""
        self._file = ""
        self._left_out = self._pictures = 0
        self._behind_us = self._said_us = 0
        self._began: tuple[int, int] | None = None
        self._level = 0
        self._late_us: int | None = None
        self._numbers = count()

    def run(self) -> None:
        """Work.

        Raises:
            Unsupported: The stream cannot be decoded here.
            StorageError: Footage cannot be read, or the spool cannot be written.
        """
        with self._spool:
            try:
                if self._work.from_us is None:
                    self._live()
                else:
                    self._past(self._work.from_us)
            finally:
                self._spool.end("recorder-down")

    def _live(self) -> None:
        tail = Tail(self._work.volumes, self._work.source, self._clock)
        caught_up = False
        while not self._stopped():
            chunks = tail.take()
            taken_us = self._clock.boot_us()
            for chunk in chunks:
                # What was there when it was looked at, and what has come since.
                waiting_us = chunks[-1].fragment.wall_us - chunk.fragment.wall_us
                self._behind_us = waiting_us + self._clock.boot_us() - taken_us
                # What is there at the start lies before the viewer's time: it is converted as fast as can be.
                self._keep_up(chunk, self._behind_us if caught_up else 0)
                self._chunk(chunk)
                self._tell()
                if self._stopped():
                    return
            if caught_up and chunks and chunks[-1].fragment.wall_us - chunks[0].fragment.wall_us >= GIVE_UP_US:
                tail.jump()
            caught_up = caught_up or bool(chunks)
            self._spool.trim()
            self._tell()
            if not chunks:
                self._clock.sleep(POLL_S)

    def _keep_up(self, chunk: Chunk, behind_us: int) -> None:
        """Choose how much to leave out."""
        level = 2 if behind_us > HURRY_US else 1 if behind_us > THIN_US else 0
        # Once in a hurry it stays so until it has caught up, or the picture would break off again and again.
        if self._level > level and behind_us > THIN_US:
            level = self._level
        if level != self._level and self._transcoder is not None and chunk.head.run == self._run:
            self._transcoder.hurry(level == 2)  # noqa: PLR2004 - the highest level
        self._level = level
        if level:
            self._late_us = self._clock.boot_us()

    def _past(self, from_us: int) -> None:
        for item in self._items(from_us):
            if isinstance(item, Gap):
                self._finish_run()
                self._spool.gap(item.start_us, item.reason.value, item.detail)
                if self._began is not None:
                    self._began = (self._began[0] + item.end_us - max(item.start_us, from_us), self._began[1])
            elif item is not None:
                self._chunk(item)
                if self._began is None and self._spool.end_us:
                    self._began = (item.fragment.wall_us, self._clock.boot_us())
            self._wait(idle=item is None)
            if self._stopped():
                return

    def _items(self, from_us: int) -> Iterator[Chunk | Gap | None]:
        return from_instant(self._work.volumes, self._work.source, from_us, self._clock, self._catalog)

    def _wait(self, *, idle: bool) -> None:
        """Stay `AHEAD_US` before the viewer, and within the room that a spool has."""
        while not self._stopped():
            place_us = self._place_us()
            if place_us is not None:
                self._spool.trim(place_us - BACK_US)
            self._tell()
            ahead_us = 0 if place_us is None else self._spool.end_us - place_us
            if idle or ahead_us > AHEAD_US or self._spool.bytes > MOST_BYTES:
                self._clock.sleep(POLL_S)
                if idle:
                    return
                continue
            return

    def _place_us(self) -> int | None:
        """Return where the viewer is; one who does not say watches at the speed of time."""
        try:
            return int((self._work.root / POSITION_FILE).read_text(encoding="ascii"))
        except (OSError, ValueError):
            if self._began is None:
                return None
            return self._began[0] + self._clock.boot_us() - self._began[1]

    def _chunk(self, chunk: Chunk) -> None:
        if chunk.piece.file != self._file:
            self._file = chunk.piece.file
            self._open(chunk)
        transcoder = self._transcoder
        if transcoder is None:
            return
        offsets = chunk.head.tracks
        for kind in (Kind.VIDEO, Kind.AUDIO):
            coding = self._coding.get(kind)
            if coding is None:
                continue
            try:
                for sample, payload, wall_us in payloads(self._work.volumes, chunk, coding):
                    place = (offsets[coding.number].offset_ticks, wall_us)
                    self._keep(self._converted(transcoder, coding, sample, payload, place))
            except NotFound:
                return  # removed meanwhile: what follows tells

    def _converted(
        self, transcoder: Transcoder, coding: Coding, sample: StoredSample, payload: bytes, place: tuple[int, int]
    ) -> list[Coded]:
        offset, wall_us = place
        if coding is self._coding.get(Kind.AUDIO):
            return transcoder.sound(payload, sample.dts_ticks + offset, sample.duration_ticks, wall_us)
        skip = self._level == 1 and next(self._numbers) % 2 == 1
        times = (sample.pts_ticks + offset, sample.dts_ticks + offset)
        return transcoder.picture(payload, times, wall_us, key=sample.keyframe, skip=skip)

    def _open(self, chunk: Chunk) -> None:
        """Take another file: of the same run it goes on, else anew."""
        try:
            coding = coding_of(self._work.volumes, chunk)
        except (NotFound, BadInput):
            self._finish_run()
            return
        if self._transcoder is not None and chunk.head.run == self._run and coding == self._coding:
            return
        self._finish_run()
        self._run, self._coding = chunk.head.run, coding
        self._transcoder = Transcoder(self._work.preset, coding)
        self._spool.begin(self._transcoder.tracks)

    def _finish_run(self) -> None:
        transcoder, self._transcoder = self._transcoder, None
        if transcoder is not None:
            self._keep(transcoder.flush())
            self._left_out += transcoder.left_out
            self._spool.end("restarted")

    def _keep(self, coded: list[Coded]) -> None:
        for one in coded:
            self._pictures += one.sample.track == 0
            self._spool.add(one)

    def _tell(self) -> None:
        """Say how it goes, once a second."""
        now_us = self._clock.boot_us()
        if now_us - self._said_us < STATUS_US:
            return
        self._said_us = now_us
        transcoder = self._transcoder
        track = None if transcoder is None else transcoder.tracks[0]
        body = {
            "v": 1, "at_us": self._clock.wall_us(), "source": str(self._work.source), "tier": self._work.preset.name,
            "width": track.width if track else 0, "height": track.height if track else 0,
            "pictures": self._pictures, "left_out": self._left_out + (transcoder.left_out if transcoder else 0),
            "behind_s": round(self._behind_us / SECOND_US, 1),
            "keeps_up": self._late_us is None or now_us - self._late_us > LATE_US,
            "end_us": self._spool.end_us, "bytes": self._spool.bytes,
        }  # fmt: skip
        replace_atomically(self._work.root / STATUS_FILE, json.dumps(body).encode(), durable=False, mode=0o640)
