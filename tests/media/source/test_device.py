import errno
import math
import struct
import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.camera import Kind, Sample
from holdfast.core.clock import SystemClock
from holdfast.core.errors import AuthFailed, Refused, SourceEnded, SourceError, Unreachable
from holdfast.core.plan import Encoding, StreamPlan
from holdfast.media.decode import Coding, Decoder
from holdfast.media.source.contract import TracksChanged
from holdfast.media.source.device import DeviceSource, _Microphone, refusal
from holdfast.media.source.make import tcp_answers
from support.clock import PushedClock

TONE_HZ = 1000


@pytest.fixture(name="alsa")
def alsa_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound devices of alsa-lib's file plugin: `tone` plays a file as if it were recorded, `nothing` is silent."""
    samples = (int(12_000 * math.sin(2 * math.pi * TONE_HZ * n / 48_000)) for n in range(48_000))
    (tmp_path / "tone.raw").write_bytes(b"".join(struct.pack("<hh", one, one) for one in samples))
    (tmp_path / "alsa.conf").write_text(
        "pcm.nothing { type null }\n"
        'pcm.tone { type file slave { pcm "nothing" } file "/dev/null" '
        f'infile "{tmp_path}/tone.raw" format "raw" }}\n',
        encoding="ascii",
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))


def plan(path: str = "/dev/video99", **options: str) -> StreamPlan:
    """A plan for a device, encoded by the processor."""
    return StreamPlan(
        camera="card", stream="main", source="v4l2", url=f"v4l2://{path}", volume="/nowhere", options=options,
        encode=Encoding(width=320, height=240, frame_rate=10, encoder="software"),
    )  # fmt: skip


def take_note(seen: list[int], item: Sample | TracksChanged) -> int:
    """Note a sample's track at once: what is collected by a call that raises is lost."""
    assert isinstance(item, Sample)
    seen.append(item.track)
    return -1


class Pretended(DeviceSource):
    """A device whose pictures libav makes up, at real speed: everything but the driver."""

    def _open_video(self) -> None:
        self._grab.open("testsrc2=s=320x240:r=10,format=yuyv422,realtime", "lavfi", {}, 5.0)


def test_a_device_that_is_not_there() -> None:
    """A device that is not plugged in is unreachable, and is seen when it appears (C017, F45)."""
    with pytest.raises(Unreachable, match="there is no camera /dev/video99") as caught:
        DeviceSource(plan(), SystemClock()).open()
    assert "plug it in" in caught.value.hint
    assert not tcp_answers("v4l2:///dev/video99", 0.1)
    assert tcp_answers("v4l2:///dev/null", 0.1)


def test_what_is_no_camera_is_refused() -> None:
    """Another device under that name is told, with how to see what it can."""
    with pytest.raises(Refused, match="is no camera") as caught:
        DeviceSource(plan("/dev/null"), SystemClock()).open()
    assert "list-formats" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EBUSY, Refused, "is busy"),
        (errno.EACCES, AuthFailed, "may not open"),
        (errno.ENODEV, Unreachable, "there is no"),
        (errno.EINVAL, Refused, "does not give what is asked of it"),
        (errno.EIO, Refused, "cannot be opened: input/output error"),
    ],
)
def test_each_failure_of_a_device_has_its_name(code: int, kind: type[SourceError], words: str) -> None:
    """Busy, not allowed, gone, unable: each says what it is and what to do (C150)."""
    error = refusal("card/main", "/dev/null", OSError(code, "Input/output error"), "camera")
    assert isinstance(error, kind)
    assert words in str(error)
    assert error.hint


@pytest.mark.usefixtures("alsa")
def test_sound_of_an_alsa_device() -> None:
    """What an ALSA device gives is recorded as AAC and sounds as it did (C017)."""
    clock = PushedClock()
    sound = _Microphone("card/main", plan(), clock, clock.boot_us())
    track = sound.open("tone")
    try:
        assert (track.codec, track.sent_codec, track.sample_rate, track.channels) == ("aac", "pcm_s16le", 48_000, 2)
        samples: list[Sample] = []
        # The plugin hands out one sound at a time and as fast as it can; a card would take its time.
        for block in islice(sound.read(), 20_000):
            samples += block
            clock.advance(1 / 48_000)
    finally:
        sound.close()
    assert len(samples) >= 10
    decoder = Decoder(Coding(0, "aac", 48_000, track.config, sample_rate=48_000, channels=2))
    frames = [f for one in samples for f in decoder.feed(one.payload, one.pts_ticks, one.dts_ticks)]
    body = np.concatenate([frame.to_ndarray()[0] for frame in frames])[4096 : 4096 + 8192]
    loudest = int(np.argmax(np.abs(np.fft.rfft(body)))) * 48_000 / len(body)
    assert abs(loudest - TONE_HZ) < 20


@pytest.mark.usefixtures("alsa")
def test_pictures_and_sound_together() -> None:
    """A card's pictures and its sound are two tracks of one stream, on one clock, and both end when told to."""
    source = Pretended(plan(sound="tone"), SystemClock())
    try:
        tracks = source.open()
        assert [track.kind for track in tracks] == [Kind.VIDEO, Kind.AUDIO]
        threading.Timer(1.5, source.interrupt).start()
        seen: list[int] = []
        with pytest.raises(SourceEnded, match="told to stop"):
            seen.extend(take_note(seen, item) for item in source.samples())
    finally:
        source.close()
    assert source.notes == ()
    assert seen.count(0) >= 5
    assert seen.count(1) >= 5


@pytest.mark.usefixtures("alsa")
def test_sound_that_cannot_be_had_costs_no_pictures() -> None:
    """A sound device that is not there is noted, and the pictures are recorded alone (C001)."""
    source = Pretended(plan(sound="hw:77"), SystemClock())
    try:
        assert [track.kind for track in source.open()] == [Kind.VIDEO]
        assert "video alone is recorded" in source.notes[0]
        items = [item for item in islice(source.samples(), 5) if isinstance(item, Sample)]
        assert {item.track for item in items} == {0}
    finally:
        source.close()
