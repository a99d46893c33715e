"""Pictures of somebody else's folder into samples, each at the instant of its capture. On the source's thread.

Not here: encoding (encoded), when a picture was captured (folder_names).
"""

from dataclasses import replace
from typing import Any

import av
import av.error

from holdfast.core.camera import Sample, Track
from holdfast.core.plan import Encoding
from holdfast.core.timing import SECOND_US
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.encoded import Encoded
from holdfast.media.source.folder_files import NotTaken
from holdfast.media.source.folder_names import Form
from holdfast.media.source.picture_size import MOST_PIXELS

Item = Sample | TracksChanged

_DECODERS = {Form.JPEG: "mjpeg", Form.PNG: "png", Form.WEBP: "webp"}
_MOST_SHARE = 15.0  # chosen: a picture a second; one a minute is no better for a whole minute's bits
_APART_US = 1000  # chosen: pictures that say the same instant follow each other, in the order in which they came


class Decoders:
    """A decoder for each kind of picture, made when the first one comes."""

    def __init__(self) -> None:
        self._known: dict[Form, Any] = {}

    def frames(self, body: bytes, form: Form) -> list[Any]:
        """Decode a picture.

        Raises:
            NotTaken: It cannot be.
        """
        decoder: Any = self._known.get(form)
        if decoder is None:
            decoder = self._known[form] = av.CodecContext.create(_DECODERS[form], "r")
            decoder.thread_count = 1
            decoder.options = {"max_pixels": str(MOST_PIXELS)}  # whatever the beginning said
        try:
            return list(decoder.decode(av.Packet(body)))
        except (av.error.FFmpegError, ValueError):
            # The next one gets a decoder that has seen nothing bad.
            del self._known[form]
            raise NotTaken("a picture that cannot be decoded") from None


class FolderPictures:
    """The pictures of one connection.

    Args:
        wanted: Size, rate, bits and turn.
        rate: How many pictures a second are likely to come; for the encoder's rate control alone.

    Attributes:
        notes: Nothing to say.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, wanted: Encoding, rate: float) -> None:
        # The encoder shares its bits out among as many pictures as are allowed: fewer may be larger.
        share = max(1.0, min(_MOST_SHARE, wanted.frame_rate / rate))
        self._wanted = replace(wanted, bitrate_bps=round(wanted.bitrate_bps * share))
        self._encoded: Encoded | None = None
        self._decoders = Decoders()
        self._last_us: int | None = None

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Encoders that did not work, and why."""
        return () if self._encoded is None else self._encoded.passed_over

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What comes out; none before the first picture."""
        return () if self._encoded is None or self._encoded.track is None else (self._encoded.track,)

    def feed(self, body: bytes, form: Form, at_us: int) -> list[Item]:
        """Take a picture.

        Args:
            body: All of it.
            form: What it is.
            at_us: Boot time of its capture.

        Raises:
            NotTaken: It is older than the one before, or cannot be decoded.
            Unsupported: Nothing here can encode it.
        """
        if self._last_us is not None:
            if at_us < self._last_us - SECOND_US:
                raise NotTaken("captured before the picture before it")
            at_us = max(at_us, self._last_us + _APART_US)
        if self._encoded is None:
            self._encoded = Encoded(self._wanted, _DECODERS[form], at_us)
        if not self._encoded.due(at_us):
            return []
        out: list[Item] = []
        for frame in self._decoders.frames(body, form):
            self._last_us = at_us
            out += self._encoded.feed(frame, at_us)
        return out

    def flush(self) -> list[Item]:
        """Return what is held back."""
        return [] if self._encoded is None else self._encoded.flush()
