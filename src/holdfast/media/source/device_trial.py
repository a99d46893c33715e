"""Trying a sound device: a few seconds of it as a file that a person can listen to, and how loud it was (C150).

Waits for as long as it listens. Not here: which devices there are (devices), recording them (device).
"""

import threading
import wave
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from holdfast.core.errors import SourceEnded, SourceError, Stalled
from holdfast.media.analysis.ear import decibels
from holdfast.media.source.device import find_alsa, refusal
from holdfast.media.source.failures import listen_to_libav

WAIT_S = 5.0  # chosen: on top of what is listened to; a card answers within one
_FULL = 32_768  # of 16 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Listened:
    """What was heard: how long, how many samples a second and channels, mean and peak in dB of full scale."""

    seconds: float
    rate: int
    channels: int
    mean_db: float
    peak_db: float


def listen(device: str, seconds: float, path: Path, *, rate: int = 48_000, channels: int = 2) -> Listened:
    """Write some seconds of an ALSA device into a WAV file.

    Args:
        device: As ALSA names it, such as `hw:1`.
        seconds: How long.
        path: The file.
        rate: Samples a second to ask for.
        channels: Channels to ask for.

    Raises:
        SourceError: The device cannot be had, or gives nothing; the text says why.
        OSError: The file cannot be written.
    """
    ear = _Ear(device, round(seconds * rate), {"sample_rate": str(rate), "channels": str(channels)})
    thread = threading.Thread(target=ear.run, name="listening", daemon=True)  # a driver may hold it for ever
    thread.start()
    thread.join(seconds + WAIT_S)
    if ear.failure is not None:
        raise ear.failure
    if thread.is_alive() or ear.facts is None:
        raise Stalled(f"{device} gave less than {seconds:g} s of sound in {seconds + WAIT_S:g} s")
    got_rate, got_channels = ear.facts
    body = b"".join(ear.blocks)[: ear.wanted * 2 * got_channels]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(got_channels)
        file.setsampwidth(2)
        file.setframerate(got_rate)
        file.writeframes(body)
    heard = np.frombuffer(body, np.int16).astype(np.float64) / _FULL
    return Listened(
        seconds=round(len(heard) / got_channels / got_rate, 2), rate=got_rate, channels=got_channels,
        mean_db=decibels(float(np.mean(heard**2))), peak_db=decibels(float(np.max(heard**2))),
    )  # fmt: skip


class _Ear:
    """Reads a device until there is enough. `failure` is why it could not."""

    def __init__(self, device: str, wanted: int, options: dict[str, str]) -> None:
        self.device = device
        self.wanted = wanted
        self.options = options
        self.blocks: list[bytes] = []
        self.facts: tuple[int, int] | None = None
        self.failure: SourceError | None = None

    def run(self) -> None:
        """Read, as the thread's own work."""
        listen_to_libav()
        find_alsa()
        container: Any = None
        try:
            container = av.open(self.device, "r", format="alsa", options=self.options, timeout=(WAIT_S, None))
            context = container.streams.audio[0].codec_context
            self.facts = (context.sample_rate, context.channels)
            missing = self.wanted * 2 * context.channels
            for packet in container.demux():
                self.blocks.append(bytes(packet))
                missing -= packet.size
                if missing <= 0:
                    return
            self.failure = SourceEnded(f"{self.device}: the sound device ended")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.failure = refusal("test", self.device, error, "sound device")
        finally:
            if container is not None:
                with suppress(av.error.FFmpegError):
                    container.close()
