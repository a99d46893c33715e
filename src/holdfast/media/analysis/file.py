"""Any media file, or a picture, as somebody hands it in: what is seen and heard in it, from its begin to its end.

Instants are wall times, counted from the one that the caller gives to the begin of the file. Any thread.

Not here: footage that Holdfast recorded (roles.watcher), what it means (core.quality).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error

from holdfast.core.errors import BadInput, NotFound, Unsupported
from holdfast.core.quality import Heard, Region, Seen
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.ear import Ear
from holdfast.media.analysis.eye import Eye, Gaze, Look
from holdfast.media.analysis.grey import Grey, grey_of
from holdfast.media.analysis.near import Coded, Part
from holdfast.media.decode import Coding
from holdfast.media.source.failures import listen_to_libav
from holdfast.storage.errors import storage_errors

EVERY_US = SECOND_US
_STILLS = {"mjpeg", "png", "webp", "bmp", "tiff"}


@dataclass(frozen=True, slots=True)
class Nature:
    """What a file holds. `still` for a single picture; sizes are 0 without pictures, rates without sound."""

    still: bool
    width: int
    height: int
    codec: str
    sound: bool


def nature_of(path: Path) -> Nature:
    """Say what a file is.

    Raises:
        NotFound: There is none.
        BadInput: It is no picture, video or sound.
        StorageError: It cannot be read.
    """
    with _opened(path) as container:
        pictures, sounds = container.streams.video, container.streams.audio
        if not pictures and not sounds:
            raise BadInput(f"{path} holds neither pictures nor sound")
        if not pictures:
            return Nature(still=False, width=0, height=0, codec="", sound=True)
        context = pictures[0].codec_context
        alone = container.format.name.endswith("_pipe") or container.format.name == "image2"
        return Nature(
            still=alone and context.name in _STILLS, width=context.width, height=context.height, codec=context.name,
            sound=bool(sounds),
        )  # fmt: skip


def grey_of_still(path: Path, region: Region) -> Grey:
    """Read the brightness of a picture.

    Raises:
        NotFound: There is none.
        BadInput: It is none, or damaged.
        StorageError: It cannot be read.
    """
    with _opened(path) as container:
        try:
            for frame in container.decode(video=0):
                return grey_of(frame, region)
        except (av.error.FFmpegError, IndexError, ValueError) as error:
            raise BadInput(f"{path} is no picture that can be decoded") from error
    raise BadInput(f"{path} holds no picture")


def heard_in(path: Path, end_us: int) -> Heard | None:
    """Measure the sound of a whole file that ends at an instant; None where it has none.

    Raises:
        As `nature_of`.
    """
    with _opened(path) as container:
        sounds = container.streams.audio
        if not sounds:
            return None
        ear = Ear(_coding(sounds[0]))
        for packet in _packets(container, [sounds[0]]):
            ear.feed(bytes(packet), *_times(packet), end_us)
        heard = ear.take()
    return None if heard is None else Heard(end_us, heard.mean_db, heard.peak_db)


def seen_in(path: Path, start_us: int, *, black_level: int, region: Region, every_us: int = EVERY_US) -> Iterator[Seen]:
    """Yield what is seen and heard in a file, as `looks_in`."""
    for seen, _ in looks_in(path, start_us, black_level=black_level, region=region, every_us=every_us):
        yield seen


def looks_in(
    path: Path, start_us: int, *, black_level: int, region: Region, every_us: int = EVERY_US, gaze: Gaze | None = None
) -> Iterator[tuple[Seen, Look | None]]:
    """Yield what is seen and heard in a file, once every `every_us`; with sound alone, what is heard.

    Args:
        path: The file.
        start_us: Wall time of its begin.
        black_level: Grey that counts as black.
        region: What of the picture is looked at.
        every_us: Between two looks.
        gaze: Where looking goes on; whoever takes what is yielded may ask for a look in between.

    Raises:
        As `nature_of`; Unsupported where libav has no decoder for its pictures.
    """
    with _opened(path) as container:
        pictures, sounds = container.streams.video, container.streams.audio
        eye = None
        if pictures:
            eye = Eye(_coding(pictures[0]), every_us, black_level=black_level, region=region, gaze=gaze)
        ear = Ear(_coding(sounds[0])) if sounds else None
        heard: Heard | None = None
        due_us = start_us + every_us
        looks: list[Look] = []
        for packet in _packets(container, [*pictures[:1], *sounds[:1]]):
            pts, dts = _times(packet)
            wall_us = start_us + pts
            if eye is not None and packet.stream.type == "video":
                looks += eye.feed(_part(Coded(bytes(packet), pts, dts, wall_us, packet.is_keyframe)))
            elif ear is not None:
                ear.feed(bytes(packet), pts, dts, wall_us)
                if eye is None and wall_us >= due_us:
                    due_us += every_us
                    heard = ear.take() or heard
                    yield Seen(wall_us, heard=heard), None
            for look in looks:
                heard = (ear.take() if ear else None) or heard
                yield _seen(look, heard), look
            looks.clear()
        for look in eye.flush() if eye else []:
            heard = (ear.take() if ear else None) or heard
            yield _seen(look, heard), look
        last = ear.take() if ear and eye is None else None
        if last is not None:
            yield Seen(last.end_us, heard=last), None


def _seen(look: Look, heard: Heard | None) -> Seen:
    return Seen(look.at_us, look.black_percent, look.differences, look.drift, heard, look.blocks, look.damaged)


def _part(coded: Coded) -> Part:
    return Part(coded.wall_us, coded.wall_us + 1, coded.keyframe, lambda: (coded,))


def _opened(path: Path) -> Any:
    listen_to_libav()
    with storage_errors("reading", path):
        if not path.exists():
            raise NotFound(f"{path} is not there")
        if not path.is_file():
            raise BadInput(f"{path} is no file")
        path.open("rb").close()
    try:
        return av.open(str(path))
    except (av.error.FFmpegError, ValueError) as error:
        raise BadInput(f"{path} is no picture, video or sound that can be read") from error


def _packets(container: Any, streams: list[Any]) -> Iterator[Any]:
    try:
        for packet in container.demux(streams):
            if packet.size and packet.dts is not None:
                yield packet
    except av.error.FFmpegError:
        return  # cut off or damaged from here on: what came before counts


def _times(packet: Any) -> tuple[int, int]:
    """Presentation and decoding time in microseconds."""
    base = packet.time_base
    pts = packet.pts if packet.pts is not None else packet.dts
    return int(pts * base * SECOND_US), int(packet.dts * base * SECOND_US)


def _coding(stream: Any) -> Coding:
    context = stream.codec_context
    if context is None:
        raise Unsupported("there is no decoder for what is in it")
    return Coding(
        number=stream.index, codec=context.codec.name, timescale=SECOND_US, config=bytes(context.extradata or b""),
        sample_rate=context.sample_rate if stream.type == "audio" else 0,
        channels=context.channels if stream.type == "audio" else 0,
    )  # fmt: skip
