"""Listening to a sound device: alsa-lib's file plugin stands for a card."""

import math
import struct
import wave
from pathlib import Path

import pytest

from holdfast.core.errors import SourceError
from holdfast.media.source.device_trial import listen


@pytest.fixture(name="alsa")
def _alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that plays a tone of a quarter of full scale as if it were recorded."""
    samples = (int(8192 * math.sin(2 * math.pi * 1000 * n / 48_000)) for n in range(48_000))
    (tmp_path / "tone.raw").write_bytes(b"".join(struct.pack("<hh", one, one) for one in samples))
    (tmp_path / "alsa.conf").write_text(
        "pcm.nothing { type null }\n"
        'pcm.tone { type file slave { pcm "nothing" } file "/dev/null" '
        f'infile "{tmp_path}/tone.raw" format "raw" }}\n',
        encoding="ascii",
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "alsa.conf"))


@pytest.mark.usefixtures("alsa")
def test_some_sound_as_a_file_with_its_level(tmp_path: Path) -> None:
    """What a device gives is a WAV file that plays, and its level is what it was (C150)."""
    heard = listen("tone", 0.05, tmp_path / "a.wav")
    assert (heard.seconds, heard.rate, heard.channels) == (0.05, 48_000, 2)
    assert heard.mean_db == pytest.approx(-15.1, abs=0.2)
    assert heard.peak_db == pytest.approx(-12.0, abs=0.2)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels()) == (2400, 48_000, 2)


@pytest.mark.usefixtures("alsa")
def test_a_device_that_cannot_be_had(tmp_path: Path) -> None:
    """A device that is not there says so, and leaves no file."""
    with pytest.raises(SourceError, match="hw:77"):
        listen("hw:77", 1, tmp_path / "a.wav")
    assert not (tmp_path / "a.wav").exists()
