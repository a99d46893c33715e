import av
import numpy as np
import pytest

from holdfast.core.errors import UsageError
from holdfast.media.synthetic_sound import AudioClip, AudioSpec, Sound, load_audio


def _decoded_peak(clip: AudioClip) -> float:
    name = {"aac": "aac", "pcma": "pcm_alaw", "pcmu": "pcm_mulaw"}[clip.spec.codec]
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = clip.spec.rate, "mono"
    if clip.config:
        decoder.extradata = clip.config
    peaks = [np.abs(f.to_ndarray()).max() for block in clip.frames for f in decoder.decode(av.Packet(block))]
    return float(max(peaks)) / (1 if clip.spec.codec == "aac" else 32768)


@pytest.mark.parametrize("codec", ["aac", "pcma", "pcmu"])
def test_scene_is_heard_and_silence_is_silent(codec: str) -> None:
    """The ordinary clip decodes to sound, the silent one to nothing, in every codec; both have the same config."""
    scene, silence = load_audio(AudioSpec(codec=codec)), load_audio(AudioSpec(codec=codec, content=Sound.SILENCE))
    assert _decoded_peak(scene) > 0.1
    assert _decoded_peak(silence) < 0.002
    assert scene.config == silence.config


def test_every_block_differs() -> None:
    """No two AAC blocks of a clip are alike, so a lost or doubled one on disk shows."""
    clip = load_audio(AudioSpec())
    assert len(set(clip.frames)) == len(clip.frames) > 150


def test_g711_has_its_own_rate() -> None:
    """G.711 is 8000 Hz and 40 ms a block, whatever the spec says of AAC."""
    clip = load_audio(AudioSpec(codec="pcma"))
    assert clip.spec.rate == 8000
    assert {len(block) for block in clip.frames} == {320}


def test_unknown_codec_is_refused() -> None:
    """A codec that cameras do not have is refused with those that they do."""
    with pytest.raises(UsageError, match="opus"):
        AudioSpec(codec="opus")
