"""The video of one connection: coded pictures into samples, and a track that follows the stream's own parameters.

Parameter sets are believed where they stand nearest to the picture: those in the stream go before those of the
description, and a keyframe with other sets than before begins another track. Pure; one object a connection.

Not here: reading packets (rtsp, file), order between tracks (assembly).
"""

from holdfast.core.camera import Sample, Track
from holdfast.core.errors import BadInput
from holdfast.media import nal, params
from holdfast.media.source.sets import ParameterSets
from holdfast.media.source.timeline import Timeline

_DEFAULT_FPS = 25.0  # chosen: only sets the length of a first picture whose successor never came


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
        self._sets = ParameterSets(codec, timescale, frame_rate)
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
        if self._sets.pending and unit.keyframe:
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
        unknown = self.track is None
        self._sets.learn(nals)
        if unknown and self._sets.track is not None:
            self.track = self._sets.track
            self._line.change(self._sets.reorder or 0)

    def _turn(self) -> list[Sample]:
        """Take up the track that the present sets describe; returns what belongs to the one before."""
        if not self._sets.turn():
            return []
        self.track = self._sets.track
        self.changed = True
        return self._line.change(self._sets.reorder or 0)
