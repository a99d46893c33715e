"""How loud it was."""

import math
from pathlib import Path

import av
import pytest

from holdfast.core.quality import SILENT_DB
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.ear import Ear, decibels
from holdfast.media.decode import Coding
from support.films import RATE, film


def listen(path: Path) -> tuple[Ear, int]:
    """Feed a film's sound; return too where it ends."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        context = stream.codec_context
        ear = Ear(Coding(0, context.codec.name, SECOND_US, bytes(context.extradata or b""), sample_rate=RATE))
        end = 0
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None and packet.time_base:
                end = int(packet.pts * packet.time_base * SECOND_US)
                ear.feed(bytes(packet), end, end, end)
    return ear, end


@pytest.mark.parametrize("amplitude", [0.5, 0.1, 0.01, 0.001])
def test_a_tone_has_the_level_of_its_amplitude(tmp_path: Path, amplitude: float) -> None:
    """The mean level of a sine is 3 dB below its peak, at any loudness (C053)."""
    ear, end_us = listen(film(tmp_path / "a.mp4", 3, None, lambda _: amplitude))
    heard = ear.take()
    assert heard is not None
    assert heard.mean_db == pytest.approx(20 * math.log10(amplitude) - 3, abs=1.0)
    assert heard.peak_db > 20 * math.log10(amplitude) - 1.5  # AAC overshoots where the tone begins
    assert 0 < heard.end_us - end_us <= 25_000


def test_silence_is_the_floor(tmp_path: Path) -> None:
    """Digital silence is -100 dB and not minus infinity; asked again without sound between, nothing is known (C053)."""
    ear, _ = listen(film(tmp_path / "a.mp4", 2, None, lambda _: 0.0))
    heard = ear.take()
    assert heard is not None
    assert heard.mean_db == SILENT_DB
    assert ear.take() is None
    assert decibels(0) == decibels(1e-12) == SILENT_DB
