import io
from typing import Any

import av
import numpy as np
import pytest

from holdfast.core.errors import BadInput
from holdfast.media import params
from holdfast.media.nal import split_annexb

# From an encoder asked for 320x240 at 25 pictures a second, constrained baseline (SPS, PPS as an SDP brings them).
SPS = bytes.fromhex("6742c00dda0507ec05a8303035280000030008000003019478a155")
PPS = bytes.fromhex("68ce3c80")


def encode(codec: str, size: tuple[int, int], options: dict[str, str], pixels: str = "yuv420p") -> Any:
    """Encode three pictures into MP4 and return the container, opened again."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream: Any = out.add_stream(codec, rate=30, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        for _ in range(3):
            picture = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), "rgb24")
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    file.seek(0)
    return av.open(file)


def test_h264_of_a_camera_is_read() -> None:
    """Size, profile, rate and reordering come out of the sequence parameter set itself."""
    picture = params.picture_h264(SPS)
    assert picture == params.Picture("Constrained Baseline", 320, 240, 25.0, 0)


@pytest.mark.parametrize(
    ("codec", "size", "options", "pixels", "profile"),
    [
        ("libx264", (640, 360), {"profile": "main", "bf": "2"}, "yuv420p", "Main"),
        ("libx264", (1920, 1080), {"profile": "high", "preset": "veryfast"}, "yuv420p", "High"),
        ("libx264", (322, 182), {"profile": "high422", "preset": "ultrafast"}, "yuv422p", "High 4:2:2"),
        ("libx265", (640, 360), {"x265-params": "log-level=none"}, "yuv420p", "Main"),
        ("libx265", (1920, 1080), {"x265-params": "log-level=none", "preset": "ultrafast"}, "yuv420p10le", "Main 10"),
    ],
)
def test_what_an_encoder_wrote_is_read_back(
    codec: str, size: tuple[int, int], options: dict[str, str], pixels: str, profile: str
) -> None:
    """Cropped, high and H.265 pictures are measured as they are, and our box equals the encoder's in what it says."""
    with encode(codec, size, options, pixels) as container:
        config = bytes(container.streams.video[0].codec_context.extradata)
    hevc = codec == "libx265"
    sets, prefix = params.from_config(config, hevc=hevc)
    assert prefix == 4
    kinds = {(n[0] >> 1 & 63 if hevc else n[0] & 31): n for n in sets}
    picture = params.picture_hevc(kinds[33]) if hevc else params.picture_h264(kinds[7])
    assert (picture.width, picture.height, picture.profile) == (*size, profile)
    if hevc:
        ours = params.hvcc([kinds[32]], [kinds[33]], [kinds[34]])
        # Ours leaves out segmentation and parallelism, which are hints, and the SEI that x265 adds to its own.
        assert ours[:13] == config[:13]
        assert ours[16:19] == config[16:19]
        assert ours[21] == config[21]
        assert params.from_config(ours, hevc=True)[0] == [kinds[32], kinds[33], kinds[34]]
    else:
        assert params.avcc([kinds[7]], [kinds[8]]) == config


def test_reordering_is_read() -> None:
    """The depth of reordering is known before the first picture, so decode times need no guessing."""
    with encode("libx264", (320, 240), {"bf": "2", "profile": "main"}) as container:
        sets, _ = params.from_config(bytes(container.streams.video[0].codec_context.extradata), hevc=False)
    assert params.picture_h264(sets[0]).reorder == 2


def test_annexb_configuration_is_taken_apart() -> None:
    """An SDP's parameter sets arrive with start codes; the samples then have start codes too."""
    config = b"\0\0\0\1" + SPS + b"\0\0\0\1" + PPS
    assert params.from_config(config, hevc=False) == ([SPS, PPS], 0)
    assert split_annexb(config) == [SPS, PPS]


@pytest.mark.parametrize("size", [1, 4, 6])
def test_a_damaged_set_is_bad_input(size: int) -> None:
    """A parameter set cut short says so instead of inventing a size."""
    with pytest.raises(BadInput):
        params.picture_h264(SPS[:size])
    with pytest.raises(BadInput):
        params.picture_hevc(b"\x42\x01" + SPS[:size])
    with pytest.raises(BadInput):
        params.from_config(b"\x01\x42\x00\x1e\xff\xe1\x00", hevc=False)


@pytest.mark.parametrize(
    ("config", "sound"),
    [
        ("1188", params.Sound("LC", 48000, 1)),
        ("1210", params.Sound("LC", 44100, 2)),
        ("1588", params.Sound("LC", 8000, 1)),
        ("2b098800", params.Sound("HE-AAC", 48000, 1)),
    ],
)
def test_audio_configuration_is_read(config: str, sound: params.Sound) -> None:
    """Rate and channels come from the two bytes that a decoder is given."""
    assert params.sound_aac(bytes.fromhex(config)) == sound


def test_adts_comes_off() -> None:
    """A frame with an ADTS header loses it and yields the configuration it stands for; a raw frame stays."""
    header = bytes.fromhex("fff14c4001fffc")
    assert params.strip_adts(header + b"frame") == (b"frame", bytes.fromhex("1188"))
    assert params.strip_adts(b"\x01\x20raw frame") == (b"\x01\x20raw frame", b"")
