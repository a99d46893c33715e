"""The parameter sets of one video track: which are known, whether they are complete, and the track they describe.

Sets are believed where they stand nearest to the picture: those in the stream go before those of the description. Pure;
one object a connection, on the stream's thread.

Not here: pictures (pictures, direct.video), what a set says (params).
"""

from dataclasses import replace

from holdfast.core.camera import Kind, Track
from holdfast.core.errors import BadInput
from holdfast.media import params

_ROLES = {7: 1, 8: 2, 13: 3}
_ROLES_HEVC = {32: 0, 33: 1, 34: 2}


class ParameterSets:
    """Learns parameter sets and makes tracks of them.

    Args:
        codec: `h264` or `hevc`.
        timescale: Ticks a second of the tracks.
        frame_rate: What the description says, or 0.

    Attributes:
        track: None until the sets are complete.
        pending: Other sets than those of `track` are complete; `turn` at the next keyframe.
        reorder: How many pictures are decoded before their turn, None where the sets do not say.
    """

    def __init__(self, codec: str, timescale: int, frame_rate: float) -> None:
        self.track: Track | None = None
        self.pending = False
        self.reorder: int | None = None
        self._hevc = codec == "hevc"
        self._codec = codec
        self._timescale = timescale
        self._rate = frame_rate
        self._sets: dict[int, list[bytes]] = {}

    def learn(self, nals: list[bytes]) -> None:
        """Take the sets that came with a picture or a description."""
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
            self.turn()
        else:
            self.pending = True

    def turn(self) -> bool:
        """Make the track that the present sets describe; say whether it is another one than before."""
        self.pending = False
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
            return False
        track = Track(
            kind=Kind.VIDEO, codec=self._codec, sent_codec=self._codec, timescale=self._timescale, config=config,
            profile=picture.profile, width=picture.width, height=picture.height,
            frame_rate=picture.frame_rate or self._rate,
        )  # fmt: skip
        if self.track is not None and replace(track, frame_rate=0) == replace(self.track, frame_rate=0):
            return False
        self.track, self.reorder = track, picture.reorder
        return True

    def _complete(self, sets: dict[int, list[bytes]]) -> bool:
        return all(sets.get(role) for role in ((0, 1, 2) if self._hevc else (1, 2)))
