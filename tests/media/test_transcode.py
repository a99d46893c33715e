from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.errors import Unsupported
from holdfast.media.transcode import _FORMS, FRAME, Coded, ToAac

RATE = 8000


def decode(frames: list[Coded], config: bytes, rate: int = RATE) -> np.ndarray[Any, Any]:
    """Decode AAC frames with libav."""
    context: Any = av.CodecContext.create("aac", "r")
    context.extradata = config
    context.sample_rate = rate
    pieces = []
    for frame in frames:
        packet = av.Packet(frame.payload)
        pieces += [f.to_ndarray()[0] for f in context.decode(packet)]
    pieces += [f.to_ndarray()[0] for f in context.decode(None)]
    return np.concatenate(pieces)


def tone(samples: int) -> bytes:
    """Return a loud 440 Hz tone as A-law, by way of the table's inverse."""
    table = _FORMS["pcm_alaw"].table
    assert table is not None
    order = np.argsort(table)
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(samples) / RATE)
    return bytes(order[np.searchsorted(table[order], wave).clip(0, 255)].astype(np.uint8))


@pytest.mark.parametrize("codec", ["pcm_alaw", "pcm_mulaw"])
def test_tables_equal_those_of_libav(codec: str) -> None:
    """Every one of the 256 codes of G.711 means what libav's decoder says."""
    context: Any = av.CodecContext.create(codec, "r")
    context.sample_rate, context.layout = RATE, "mono"
    expected = context.decode(av.Packet(bytes(range(256))))[0].to_ndarray()[0]
    table = _FORMS[codec].table
    assert table is not None
    assert (np.round(table * 32768).astype(int) == expected).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_duration_in_is_duration_out(sizes: list[int]) -> None:
    """Whatever the packets' sizes, what is recorded lasts as long as what was sent, gapless (C010, R10)."""
    encoder = ToAac("pcm_mulaw", RATE, 1)
    at, out = 5000, []
    for size in sizes:
        out += encoder.feed(b"\xff" * size, at)
        at += size
    out += encoder.flush()
    assert sum(frame.duration for frame in out) == sum(sizes)
    assert [frame.pts for frame in out] == list(range(5000, 5000 + FRAME * len(out), FRAME))


def test_what_was_said_is_heard_at_its_time() -> None:
    """A tone comes out as loud as it went in, and neither early nor late."""
    encoder = ToAac("pcm_alaw", RATE, 1)
    silence = _FORMS["pcm_alaw"].silence
    out = encoder.feed(silence * 8192 + tone(8192), 0) + encoder.flush()
    heard = np.abs(decode(out, encoder.config))
    assert heard[:7500].max() < 0.02
    assert 0.4 < heard[9000:15000].max() < 0.6


def test_a_small_hole_is_filled_with_silence() -> None:
    """Lost packets of sound shift nothing: the hole is silence, and the sound after it keeps its time."""
    encoder = ToAac("pcm_alaw", RATE, 1)
    out = encoder.feed(b"\xd5" * 1600, 0) + encoder.feed(b"\xd5" * 1600, 4800) + encoder.flush()
    assert sum(frame.duration for frame in out) == 6400
    assert out[0].pts == 0


def test_a_large_hole_begins_anew() -> None:
    """A hole of more than two seconds is no silence: sound before it ends, sound after it begins at its own time."""
    encoder = ToAac("pcm_alaw", RATE, 1)
    before = encoder.feed(b"\xd5" * 1500, 0)
    after = encoder.feed(b"\xd5" * 2048, 80_000) + encoder.flush()
    frames = before + after
    assert [(f.pts, f.duration) for f in frames] == [(0, 1024), (1024, 476), (80_000, 1024), (81_024, 1024)]


def test_repeated_sound_is_dropped() -> None:
    """A packet that comes twice is recorded once."""
    encoder = ToAac("pcm_alaw", RATE, 1)
    out = encoder.feed(b"\xd5" * 800, 0) + encoder.feed(b"\xd5" * 800, 0) + encoder.feed(b"\xd5" * 800, 800)
    out += encoder.flush()
    assert sum(frame.duration for frame in out) == 1600


def test_jitter_of_timestamps_changes_nothing() -> None:
    """A sender's clock that is corrected by a few milliseconds neither adds nor drops sound."""
    encoder = ToAac("pcm_s16be", 16000, 2)
    out = []
    for n in range(50):
        out += encoder.feed(b"\0" * 320 * 4, n * 320 + (n * 37) % 200 - 100 if n else 0)
    out += encoder.flush()
    assert sum(frame.duration for frame in out) == 16000


@pytest.mark.parametrize(
    ("codec", "rate", "channels", "word"),
    [("opus", 48000, 2, "opus"), ("pcm_alaw", 7000, 1, "7000"), ("pcm_s16le", 48000, 6, "6")],
)
def test_what_cannot_be_recorded_says_why(codec: str, rate: int, channels: int, word: str) -> None:
    """Sound that cannot become AAC is refused with the fact that stands against it."""
    with pytest.raises(Unsupported, match=word):
        ToAac(codec, rate, channels)
