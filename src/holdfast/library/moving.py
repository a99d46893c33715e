"""Motion of one camera out of its footage: which samples the eye gets, and what is kept of what it sees.

Stands beside the eye and the ear of `watching.CameraWatch`, is read what they are read, in the same order, and is kept
in the same transaction. What need not be decoded is not read from the disk either.

One object a camera, on one thread at a time. Not here: judging (watching.stirs), events as people have them (events).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from holdfast.catalog import events
from holdfast.catalog.db import Transaction
from holdfast.catalog.events import Told
from holdfast.core.area import read_polygons
from holdfast.core.camera import StreamKey
from holdfast.core.config.motion import MotionConfig
from holdfast.core.errors import HoldfastError, NotFound
from holdfast.core.event import Case, EventKind, confidence
from holdfast.core.timing import SECOND_US
from holdfast.library import following
from holdfast.library.footage import Chunk
from holdfast.media.analysis.gate import Gate
from holdfast.media.analysis.motion import MotionEye, Part, Unit
from holdfast.media.analysis.scenery import View
from holdfast.media.decode import Coding
from holdfast.watching import evidence
from holdfast.watching.stirs import THUMBNAIL, A, B, Settings, Stirs, file_of

_log = structlog.get_logger()


def motion_of(wanted: MotionConfig, *, seek: bool = False) -> Settings:
    """Return what is an event at a camera; `seek` where its pictures are to be looked through for objects."""
    view = View(wanted.sensitivity, wanted.min_area, read_polygons(wanted.masks), read_polygons(wanted.zones))
    return Settings(
        enabled=wanted.enabled, view=view, rule=wanted.rule(), pre_us=round(wanted.pre_roll_s * SECOND_US),
        post_us=round(wanted.post_roll_s * SECOND_US), second_us=round(wanted.second_s * SECOND_US),
        seek=seek,
    )  # fmt: skip


class Moving:
    """Watches for motion at one camera.

    Args:
        key: Its stream that is looked at.
        volumes: Roots by name; pictures go under `volume`.
        volume: Name of one of them.
        stirs: What is known.

    Attributes:
        stirs: As given.
    """

    def __init__(self, key: StreamKey, volumes: Mapping[str, Path], volume: str, stirs: Stirs) -> None:
        self.stirs = stirs
        self._camera = key.camera
        self._volumes = volumes
        self._volume = volume
        self._coding: Coding | None = None
        self._eye: MotionEye | None = None
        stirs.look_at(key.stream)

    def begin(self) -> None:
        """What comes next need not follow what came last."""
        self._coding, self._eye = None, None

    def read(self, chunk: Chunk, coding: Coding, *, seldom: bool = False) -> None:
        """Look at the next footage; `seldom` where there is time for keyframes alone.

        Raises:
            StorageError: It cannot be read.
        """
        if not self.stirs.settings.enabled:
            return
        if coding != self._coding:
            if self._coding is not None:
                self.stirs.memory.gate = Gate()  # another coding has other sizes
            self._coding, self._eye = coding, self._made(coding)
        part = self._part(chunk, coding)
        if self._eye is None or part is None:
            return
        self.stirs.memory.seldom = seldom
        for stir in self._eye.feed(part):
            self.stirs.take(stir)

    def keep(self, tx: Transaction, node: int, now_us: int) -> None:
        """Write what was found: pictures first, as files. Until `kept` it can be done again.

        Raises:
            StorageError: A picture cannot be written.
        """
        stirs = self.stirs
        for pin in stirs.found.pins:
            file = file_of(self._camera, pin.start_us, pin.which)
            evidence.store(self._volumes[self._volume], file, pin.body)
            stirs.files[f"{pin.which}@{pin.start_us}"] = self._volume, file
        for start_us in stirs.found.dropped:
            stirs.drop(start_us)
        for case, over in stirs.found.events.values():
            events.put(tx, node, self._told(case, over=over), now_us, seek=stirs.settings.seek)

    def kept(self) -> None:
        """What `keep` wrote is committed: delete the pictures that are not wanted any more."""
        self.stirs.written()
        for volume, file in self.stirs.leftovers:
            if volume in self._volumes:
                evidence.delete(self._volumes[volume], file)
        self.stirs.leftovers.clear()

    def state(self) -> dict[str, Any]:
        """Return what whoever goes on must know, as JSON knows it."""
        return self.stirs.state()

    def _told(self, case: Case, *, over: bool) -> Told:
        settings, files = self.stirs.settings, self.stirs.files
        shown = {which: files.get(f"{which}@{case.start_us}", ("", "")) for which in (A, B, THUMBNAIL)}
        return Told(
            camera=self._camera, kind=EventKind.MOTION, start_us=case.start_us,
            end_us=case.last_us if over else None, from_us=case.start_us - settings.pre_us,
            to_us=case.last_us + settings.post_us if over else None, score=round(case.score, 3),
            confidence=confidence(case.score, settings.rule.least), volume=shown[A][0] or shown[B][0],
            picture_a=shown[A][1], picture_b=shown[B][1], thumbnail=shown[THUMBNAIL][1],
        )  # fmt: skip

    def _made(self, coding: Coding) -> MotionEye | None:
        try:
            return MotionEye(replace(coding, timescale=SECOND_US), self.stirs.memory)
        except HoldfastError as error:
            _log.warning("watch.motionless", camera=self._camera, reason=str(error))
            return None

    def _part(self, chunk: Chunk, coding: Coding) -> Part | None:
        units = tuple(
            Unit(wall_us, dts_us, wall_us, sample.bytes, sample.keyframe)
            for sample, wall_us, dts_us in following.samples(chunk, coding)
        )
        if not units:
            return None
        return Part(chunk.fragment.wall_us, units, partial(self._payloads, chunk, coding))

    def _payloads(self, chunk: Chunk, coding: Coding) -> Sequence[bytes]:
        with suppress(NotFound):  # the file was removed meanwhile
            return [payload for _, payload, _ in following.payloads(self._volumes, chunk, coding)]
        return []
