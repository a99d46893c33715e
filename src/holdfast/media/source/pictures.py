"""The video of one connection: coded pictures into samples, and a track that follows the stream's own parameters.

Parameter sets are believed where they stand nearest to the picture: those in the stream go before those of the
description, and a keyframe with other sets than before begins another track. Pure; one object a connection.

Not here: reading packets (rtsp, file), order between tracks (assembly).
"""

from dataclasses import replace

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import BadInput
from holdfast.media import nal, params
from holdfast.media.source.timeline import Timeline

_DEFAULT_FPS = 25.0  # chosen: only sets the length of a first picture whose successor never came
_ROLES = {7: 1, 8: 2, 13: 3}
_ROLES_HEVC = {32: 0, 33: 1, 34: 2}


class Pictures:
    """Turns packets of H.264 or H.265 into samples.

    Args:
        index: Index of the track.
        codec: `h264` or `hevc`.
        config: What the description says: `avcC`, `hvcC`, Annex B parameter sets, or nothing.
        timescale: Ticks a second.
        frame_rate: What the description says, or 0.
        wrap: Ticks after which timestamps begin again, or 0.

    Attributes:
        track: None until the parameter sets are complete.
        changed: Set when the track became another one; whoever reads it, resets it.
    """

    def __init__(
        self, index: int, codec: str, config: bytes, timescale: int, frame_rate: float, *, wrap: int = 0
    ) -> None:
        self.track: Track | None = None
        self.changed = False
        self._hevc = codec == "hevc"
        self._codec = codec
        self._timescale = timescale
        self._rate = frame_rate
        self._pending = False
        self._sets: dict[int, list[bytes]] = {}
        self._previous_us: int | None = None
        self._line = Timeline(index, timescale, round(timescale / (frame_rate or _DEFAULT_FPS)), wrap=wrap)
        try:
            sets, self._prefix = params.from_config(config, hevc=self._hevc)
        except BadInput:
            sets, self._prefix = [], 0
        self._learn(sets)

    def feed(
        self, data: bytes, pts: int | None, dts: int | None, arrived_us: int, camera_us: int | None = None
    ) -> list[Sample]:
        """Take one packet and return the samples that are complete now.

        Where `changed` is set afterwards, the returned samples belong to the track before.
        """
        if self._prefix:
            unit = nal.repack_lengths(data, hevc=self._hevc, prefix_bytes=self._prefix)
        else:
            unit = nal.repack_annexb(data, hevc=self._hevc)
        if unit.parameters:
            self._learn(unit.parameters)
        if not unit.payload or self.track is None:
            return []
        out: list[Sample] = []
        if self._pending and unit.keyframe:
            out = self._turn()
        # Without a prefix libav shows the end of a picture only by the start of the next one: what it hands out now was
        # whole when it handed out the one before, or soon after. With slow cameras that is seconds of difference.
        arrived, self._previous_us = self._previous_us or arrived_us, arrived_us
        out += self._line.push(unit.payload, pts, dts, arrived, camera_us, keyframe=unit.keyframe)
        return out

    def flush(self) -> list[Sample]:
        """Let go of what is held back."""
        return self._line.flush()

    def _learn(self, nals: list[bytes]) -> None:
        roles = _ROLES_HEVC if self._hevc else _ROLES
        came: dict[int, list[bytes]] = {}
        for unit in nals:
            kind = unit[0] >> 1 & 0x3F if self._hevc else unit[0] & 0x1F
            group = came.setdefault(roles.get(kind, -1), [])
            if unit not in group:
                group.append(unit)
        new = {role: group for role, group in came.items() if any(u not in self._sets.get(role, ()) for u in group)}
        if not new:
            return
        if self._complete(came):
            self._sets = came
        else:
            self._sets = {**self._sets, **new}
        if not self._complete(self._sets):
            return
        if self.track is None:
            self._turn()
            self.changed = False
        else:
            self._pending = True

    def _complete(self, sets: dict[int, list[bytes]]) -> bool:
        return all(sets.get(role) for role in ((0, 1, 2) if self._hevc else (1, 2)))

    def _turn(self) -> list[Sample]:
        """Make the track that the present sets describe; returns what belongs to the one before."""
        self._pending = False
        sets = self._sets
        try:
            if self._hevc:
                picture = params.picture_hevc(sets[1][0])
                config = params.hvcc(sets[0], sets[1], sets[2])
            else:
                picture = params.picture_h264(sets[1][0])
                config = params.avcc(sets[1], sets[2])
        except (BadInput, IndexError):
            # Damaged in transit, most likely: the next keyframe brings them again, and until then the old ones hold.
            return []
        track = Track(
            kind=Kind.VIDEO, codec=self._codec, sent_codec=self._codec, timescale=self._timescale, config=config,
            profile=picture.profile, width=picture.width, height=picture.height,
            frame_rate=picture.frame_rate or self._rate,
        )  # fmt: skip
        if self.track is not None and replace(track, frame_rate=0) == replace(self.track, frame_rate=0):
            return []
        self.track = track
        self.changed = True
        return self._line.change(picture.reorder or 0)
