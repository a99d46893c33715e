import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core.camera import Kind, Track
from holdfast.core.errors import Unsupported
from holdfast.media.moov import header
from support.media import WALL_US, Footage, end_of, write_part
from support.probe import probe


@pytest.mark.needs("ffprobe")
@pytest.mark.parametrize(("name", "codec", "tag"), [("h264", "h264", "avc1"), ("hevc", "hevc", "hvc1")])
def test_tracks_are_described(tmp_path: Path, request: pytest.FixtureRequest, name: str, codec: str, tag: str) -> None:
    """C010: codec, sample entry, size, sample rate and channels are read back as they were given."""
    footage: Footage = request.getfixturevalue(name)
    event = write_part(tmp_path, footage).seal(start_us=WALL_US, end_us=end_of(footage), ended="cut")
    video, audio = probe(tmp_path / event.file).streams
    assert (video["codec_name"], video["codec_tag_string"]) == (codec, tag)
    assert (video["width"], video["height"]) == (160, 96)
    assert (audio["codec_name"], audio["codec_tag_string"]) == ("aac", "mp4a")
    assert (audio["sample_rate"], audio["channels"]) == ("16000", 1)


@pytest.mark.needs("ffmpeg")
def test_decoded_pictures_are_those_of_the_encoder(tmp_path: Path, hevc: Footage) -> None:
    """R10: every picture decodes, in presentation order, without a word from the decoder."""
    event = write_part(tmp_path, hevc).seal(start_us=WALL_US, end_us=end_of(hevc), ended="cut")
    argv = ["ffmpeg", "-v", "warning", "-i", str(tmp_path / event.file), "-map", "0:v", "-f", "framemd5", "-"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    frames = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert done.stderr == ""
    assert len(frames) == len(hevc.of(0))
    assert len({line.rpartition(",")[2] for line in frames}) == len(frames)


def test_unknown_codecs_are_refused(h264: Footage) -> None:
    """What has no sample entry of ours is refused, by name."""
    video, audio = h264.tracks
    with pytest.raises(Unsupported, match="vp9"):
        header([replace(video, codec="vp9")])
    with pytest.raises(Unsupported, match="pcm_alaw"):
        header([video, replace(audio, codec="pcm_alaw")])
    with pytest.raises(Unsupported, match="without a codec"):
        header([Track(Kind.VIDEO, "", "", 90_000, b"")])


def test_high_sample_rates_have_a_place() -> None:
    """96 kHz does not fit the sample entry's 16 bits; the decoder's own configuration says it."""
    raw = header([Track(Kind.AUDIO, "aac", "aac", 96_000, b"\x10\x10", sample_rate=96_000, channels=2)])
    assert b"mp4a" in raw
