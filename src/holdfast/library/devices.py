"""The cameras and sound devices of this machine, and trying them: a picture, and three seconds of sound (C150).

Any thread; trying takes some seconds each. Nothing is saved but the files that it is asked for.

Not here: how they are found (media.source.devices), recording them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.clock import Clock
from holdfast.core.errors import HoldfastError, SourceError
from holdfast.core.plan import Encoding, StreamPlan
from holdfast.media.preview import look
from holdfast.media.source.device_trial import Listened, listen
from holdfast.media.source.devices import Devices, Sound, Video, find_devices
from holdfast.storage.errors import storage_errors

SOUND_S = 3.0  # as C150 says
_MOST = (1920, 1080)  # chosen: a test picture shows enough in this, and every card gives it in time
_OPEN_S = 10.0
_USUAL_RATE = 48_000

__all__ = ["SOUND_S", "Devices", "Sound", "Trial", "Video", "find_devices", "options_for", "try_sound", "try_video"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of trying a device.

    Attributes:
        device: Its address, or its ALSA name.
        file: Where the picture or the sound is; None where nothing came.
        words: What came: size and codec, or length and level; or why nothing did.
        hint: What to do about that, or empty.
    """

    device: str
    file: Path | None
    words: str
    hint: str = ""


def options_for(video: Video) -> dict[str, str]:
    """Return the options with which a capture device gives its best picture within 1080p; empty for other kinds."""
    for form in video.formats:
        fitting = [size for size in form.sizes if size.width <= _MOST[0] and size.height <= _MOST[1]]
        if not form.name or not fitting:
            continue
        best = max(fitting, key=lambda size: size.width * size.height)
        width, height = (
            (best.width, best.height) if best.to is None else (min(best.to[0], _MOST[0]), min(best.to[1], _MOST[1]))
        )
        rate = {"input_rate": f"{best.rates[0]:g}"} if best.rates else {}
        return {"input_format": form.name, "input_size": f"{width}x{height}", **rate}
    return {}


def try_video(video: Video, folder: Path, clock: Clock, *, program: str = "") -> Trial:
    """Take a picture of a device.

    Args:
        video: The device.
        folder: Where the picture goes.
        clock: Time.
        program: The camera program of a board; empty for the usual one.

    Raises:
        StorageError: The picture cannot be written.
    """
    kind = video.url.partition("://")[0]
    options = {"program": program} if kind == "csi" and program else options_for(video)
    plan = StreamPlan(
        camera="device", stream="main", source=kind, url=video.url, volume="", options=options, audio="off",
        open_timeout_s=_OPEN_S,
        encode=Encoding(width=_MOST[0], height=_MOST[1], frame_rate=10, encoder="software", bitrate_bps=8_000_000),
    )  # fmt: skip
    try:
        found, picture = look(plan, clock)
    except HoldfastError as error:
        return Trial(device=video.url, file=None, words=_without_name(error), hint=error.hint)
    track = next(iter(found.tracks), None)
    if not picture or track is None:
        return Trial(device=video.url, file=None, words="it gave no picture within some seconds")
    path = folder / f"{_plain(video.url)}.jpg"
    with storage_errors("writing", path):
        path.write_bytes(picture)
    return Trial(device=video.url, file=path, words=f"{track.width}x{track.height}")


def try_sound(
    sound: Sound, folder: Path, *, seconds: float = SOUND_S, hear: Callable[..., Listened] = listen
) -> Trial:  # fmt: skip
    """Listen to a device.

    Args:
        sound: The device.
        folder: Where the sound goes.
        seconds: How long.
        hear: Listens.

    Raises:
        StorageError: The file cannot be written.
    """
    path = folder / f"{_plain(sound.device)}.wav"
    rate = _USUAL_RATE if not sound.rates or min(sound.rates) <= _USUAL_RATE <= max(sound.rates) else sound.rates[-1]
    channels = 2 if not sound.channels or 2 in sound.channels else sound.channels[0]  # noqa: PLR2004 - stereo
    try:
        with storage_errors("writing", path):
            heard = hear(sound.device, seconds, path, rate=rate, channels=channels)
    except SourceError as error:
        return Trial(device=sound.device, file=None, words=_without_name(error), hint=error.hint)
    level = f"{heard.mean_db:g} dB, peak {heard.peak_db:g} dB"
    words = f"{heard.seconds:g} s, {heard.rate} Hz, {heard.channels} channels, {level}"
    return Trial(device=sound.device, file=path, words=words)


def _without_name(error: HoldfastError) -> str:
    """Leave out the name of the plan, which nobody gave."""
    return str(error).removeprefix("device/main: ").removeprefix("test: ")


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name).strip("-")
