"""The sound of one connection into samples: AAC as it comes, G.711 and PCM through the encoder.

One object a connection, on the stream's thread.

Not here: the encoder (transcode), reading packets (rtsp, file), order between tracks (assembly).
"""

from holdfast.core.camera import Kind, Sample, Track
from holdfast.core.errors import BadInput, Unsupported
from holdfast.media import params
from holdfast.media.source.timeline import Timeline
from holdfast.media.transcode import FRAME, Coded, ToAac


class PassedAac:
    """AAC that goes to disk as the camera sent it; ADTS headers come off.

    Args:
        index: Index of the track.
        config: AudioSpecificConfig, or empty where the stream carries ADTS headers.
        timescale: Ticks a second.
        sample_rate: As the description says; the configuration goes before it.
        channels: The same.
        wrap: Ticks after which timestamps begin again, or 0.

    Attributes:
        track: None until the configuration is known.
        changed: Set when the track became another one; whoever reads it, resets it.
    """

    def __init__(
        self, index: int, config: bytes, timescale: int, sample_rate: int, channels: int, *, wrap: int = 0
    ) -> None:
        self.track: Track | None = None
        self.changed = False
        self._adts = not config
        self._timescale = timescale
        self._said = (sample_rate, channels)
        self._line = Timeline(index, timescale, FRAME * timescale // max(sample_rate, 1), wrap=wrap)
        if config:
            self.track = self._make(config)

    def feed(
        self,
        data: bytes,
        pts: int | None,
        dts: int | None,  # noqa: ARG002 - sound is decoded in the order in which it is heard
        arrived_us: int,
        camera_us: int | None = None,
    ) -> list[Sample]:
        """Take one packet and return the samples that are complete now; see `Pictures.feed`."""
        out: list[Sample] = []
        if self._adts:
            data, config = params.strip_adts(data)
            if config and (self.track is None or self.track.config != config):
                out = self.configure(config)
        if not data or self.track is None:
            return out
        out += self._line.push(data, pts, None, arrived_us, camera_us, keyframe=True)
        return out

    def configure(self, config: bytes) -> list[Sample]:
        """Take another AudioSpecificConfig; returns the samples that belong to the one before."""
        if self.track is not None and config == self.track.config:
            return []
        self.changed = self.track is not None
        self.track = self._make(config)
        return self._line.flush()

    def flush(self) -> list[Sample]:
        """Let go of what is held back."""
        return self._line.flush()

    def _make(self, config: bytes) -> Track:
        rate, channels = self._said
        try:
            sound = params.sound_aac(config)
        except BadInput as error:
            raise Unsupported(f"the sound's configuration is damaged: {error}") from None
        return Track(
            kind=Kind.AUDIO, codec="aac", sent_codec="aac", timescale=self._timescale, config=config,
            profile=sound.profile, sample_rate=sound.sample_rate or rate, channels=sound.channels or channels,
        )  # fmt: skip


class EncodedSound:
    """G.711 or PCM that is turned into AAC.

    Args:
        index: Index of the track.
        codec: libav's name of what the camera sends.
        sample_rate: Samples a second; timestamps are counted in them.
        channels: 1 or 2.

    Attributes:
        sounds: What comes out; `track` is the same, for those who ask all kinds of tracks alike.

    Raises:
        Unsupported: It cannot be turned into AAC.
    """

    def __init__(self, index: int, codec: str, sample_rate: int, channels: int) -> None:
        self._index = index
        self._encoder = ToAac(codec, sample_rate, channels)
        self._arrived_us = 0
        self.changed = False
        self.sounds = Track(
            kind=Kind.AUDIO, codec="aac", sent_codec=codec, timescale=sample_rate, config=self._encoder.config,
            profile="LC", sample_rate=sample_rate, channels=channels,
        )  # fmt: skip
        self.track: Track | None = self.sounds

    def feed(
        self,
        data: bytes,
        pts: int | None,
        dts: int | None,  # noqa: ARG002 - sound is decoded in the order in which it is heard
        arrived_us: int,
        camera_us: int | None = None,  # noqa: ARG002 - an AAC frame spans packets; video tells the camera's clock
    ) -> list[Sample]:
        """Take one packet and return the AAC frames that are complete now."""
        self._arrived_us = arrived_us
        return [self._sample(coded) for coded in self._encoder.feed(data, pts)]

    def flush(self) -> list[Sample]:
        """Encode what waits."""
        return [self._sample(coded) for coded in self._encoder.flush()]

    def move(self, ticks: int) -> None:
        """Move what comes from now on; what is waiting to be encoded moves along, so that no hole is seen."""
        self._encoder.move(ticks)

    def _sample(self, coded: Coded) -> Sample:
        return Sample(self._index, coded.payload, coded.pts, coded.pts, coded.duration, True, self._arrived_us)  # noqa: FBT003 - every AAC frame stands alone
