"""How loud it was."""

import math
from pathlib import Path

import av
import pytest

from holdfast.core.quality import SILENT_DB, Heard
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.ear import Ear, decibels
from holdfast.media.decode import Coding
from support.films import RATE, film


def listen(path: Path) -> tuple[Ear, int]:
    """Feed a film's sound; return too where it ends."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        context = stream.codec_context
        config = bytes(context.extradata or b"")
        ear = Ear(Coding(0, context.codec.name, SECOND_US, config, sample_rate=RATE, channels=1))
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


def test_what_is_cut_off_is_counted(tmp_path: Path) -> None:
    """A tone that goes beyond full scale is clipped for most of each wave; an ordinary one is not at all."""
    loud, _ = listen(film(tmp_path / "loud.wav", 2, None, lambda _: 4.0, sound_codec="pcm_s16le"))
    heard = loud.take()
    assert heard is not None
    assert heard.clipped_percent == pytest.approx((1 - 2 * math.asin(0.9886 / 4) / math.pi) * 100, abs=1)
    soft, _ = listen(film(tmp_path / "soft.mp4", 2, None, lambda _: 0.5))
    quiet = soft.take()
    assert quiet is not None
    assert quiet.clipped_percent == 0


def test_loudness_is_measured_where_it_is_wanted(tmp_path: Path) -> None:
    """A listener that is asked for it says how loud the loudest 400 ms were, and begins anew each time."""
    path = film(tmp_path / "a.wav", 4, None, lambda at: 0.5 if at < 2 else 0.05, sound_codec="pcm_s16le")
    assert listen(path)[0].take().loudness is None  # type: ignore[union-attr]
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        coding = Coding(0, stream.codec_context.codec.name, SECOND_US, b"", sample_rate=RATE, channels=1)
        ear = Ear(coding, loudness=True)
        found: list[Heard | None] = []
        for packet in container.demux(stream):
            if not packet.size or packet.pts is None or not packet.time_base:
                continue
            at_us = int(packet.pts * packet.time_base * SECOND_US)
            if len(found) == 0 and at_us >= 2 * SECOND_US:
                found.append(ear.take())
            ear.feed(bytes(packet), at_us, at_us, at_us)
        found.append(ear.take())
    loud, soft = (one.loudness for one in found if one is not None)
    assert loud is not None
    assert soft is not None
    assert loud - soft == pytest.approx(20, abs=0.3)
