"""Small films whose pictures and sound a test describes by functions of time."""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

Picture = np.ndarray[Any, np.dtype[np.uint8]]
RATE = 48_000
# Without noise that a decoder makes up at random: whoever begins elsewhere would hear it a little louder.
_SOUND = {"aac": {"aac_pns": "0"}}
BLOCK = 1024


def film(  # noqa: PLR0913 - what a film is made of
    path: Path,
    seconds: float,
    picture: Callable[[float], Picture] | None,
    loudness: Callable[[float], float] | None = None,
    *,
    fps: int = 25,
    group: int = 25,
    codec: str = "libx264",
    sound_codec: str = "aac",
    pixels: str = "yuv420p",
    options: Mapping[str, str] | None = None,
) -> Path:
    """Write a film.

    Args:
        path: Where to; its suffix says how it is packed.
        seconds: How long.
        picture: Grey picture of a time in seconds, 0 to 255; None for sound alone.
        loudness: Amplitude of a tone at a time, 0 to 1; None for pictures alone.
        fps: Pictures a second.
        group: Pictures from one keyframe to the next.
        codec: Encoder of the pictures.
        sound_codec: Encoder of the sound.
        pixels: How they are coded.
        options: For the encoder.
    """
    with av.open(str(path), "w") as container:
        video: Any = None
        audio: Any = (
            container.add_stream(sound_codec, rate=RATE, options=_SOUND.get(sound_codec, {})) if loudness else None
        )
        if audio is not None:
            audio.layout = "mono"
        if picture is not None:
            first = picture(0.0)
            video = container.add_stream(codec, rate=fps, options=dict(options or {}))
            video.height, video.width = first.shape
            video.pix_fmt = pixels
            video.codec_context.gop_size = group
        # In the order of time, as cameras send it: whoever reads it hears what belongs to what is seen.
        sounds = _sounds(seconds, loudness) if loudness is not None else iter(())
        sound = next(sounds, None)
        for number in range(round(seconds * fps) if video is not None else 0):
            while sound is not None and sound.pts * fps <= number * RATE:
                container.mux(audio.encode(sound))
                sound = next(sounds, None)
            frame = av.VideoFrame.from_ndarray(picture(number / fps), format="gray") if picture else None
            assert frame is not None
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        while sound is not None:
            container.mux(audio.encode(sound))
            sound = next(sounds, None)
        for stream in (video, audio):
            if stream is not None:
                container.mux(stream.encode(None))
    return path


def _sounds(seconds: float, loudness: Callable[[float], float]) -> Iterator[Any]:
    for number in range(round(seconds * RATE / BLOCK)):
        at = (np.arange(BLOCK) + number * BLOCK) / RATE
        wave = (np.sin(2 * np.pi * 440 * at) * loudness(number * BLOCK / RATE)).astype(np.float32)
        sound = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="fltp", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = RATE, number * BLOCK, Fraction(1, RATE)
        yield sound


def plain(grey: int, size: tuple[int, int] = (320, 180)) -> Picture:
    """One grey all over."""
    return np.full((size[1], size[0]), grey, np.uint8)


def moving(at_s: float, size: tuple[int, int] = (320, 180)) -> Picture:
    """Stripes that go to the right, 100 pixels a second."""
    columns = np.arange(size[0]) + int(at_s * 100)
    return np.tile(((columns // 16) % 2 * 150 + 50).astype(np.uint8), (size[1], 1))


def noisy(seed: float, size: tuple[int, int] = (320, 180), spread: float = 8.0) -> Picture:
    """Mid grey with the grain of a camera at night."""
    grain = np.random.default_rng(int(seed * 1000)).normal(110, spread, (size[1], size[0]))
    return grain.clip(0, 255).astype(np.uint8)


def still(path: Path, picture: Picture) -> Path:
    """Write one picture."""
    frame = av.VideoFrame.from_ndarray(picture, format="gray")
    with av.open(str(path), "w", format="image2") as container:
        stream: Any = container.add_stream("png" if path.suffix == ".png" else "mjpeg", rate=1)
        stream.height, stream.width = picture.shape
        stream.pix_fmt = "gray" if path.suffix == ".png" else "yuvj420p"
        container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return path
