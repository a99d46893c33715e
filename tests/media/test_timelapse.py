"""Films of pictures."""

from pathlib import Path

import av
import numpy as np
import pytest

from holdfast.core.errors import BadInput
from holdfast.media.timelapse import write_film
from support.films import still


def pictures(folder: Path, *sizes: tuple[int, int]) -> list[Path]:
    """Write grey pictures, each brighter than the one before."""
    return [
        still(folder / f"{number}.jpg", np.full((height, width), 20 + 40 * number, np.uint8))
        for number, (width, height) in enumerate(sizes)
    ]


def test_every_picture_is_one_frame_in_order(tmp_path: Path) -> None:
    """So many pictures a second, H.264 in MP4 that can be played while it is loaded; all in the first one's size."""
    seen: list[int] = []
    target = tmp_path / "a.mp4"
    film = write_film(target, pictures(tmp_path, (64, 48), (64, 48), (128, 96), (64, 48)), rate=12.5, seen=seen.append)
    assert (film.pictures, film.left_out, film.width, film.height, seen) == (4, 0, 64, 48, [1, 2, 3, 4])
    with av.open(str(target)) as media:
        stream = media.streams.video[0]
        assert (stream.codec_context.name, float(stream.average_rate or 0)) == ("h264", 12.5)
        greys = [float(frame.to_ndarray(format="gray").mean()) for frame in media.decode(video=0)]
    assert len(greys) == 4
    assert greys == sorted(greys)
    raw = target.read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat")


def test_a_damaged_picture_is_left_out(tmp_path: Path) -> None:
    """One that cannot be read costs itself alone, and is counted."""
    files = pictures(tmp_path, (64, 48), (64, 48), (64, 48))
    files[1].write_bytes(b"garbage")
    film = write_film(tmp_path / "a.mp4", files, rate=5, width=32)
    assert (film.pictures, film.left_out, film.width, film.height) == (2, 1, 32, 24)


def test_nothing_is_left_of_a_film_without_pictures(tmp_path: Path) -> None:
    """Where there is no picture there is no file, and one that was there stays as it was."""
    target = tmp_path / "a.mp4"
    target.write_bytes(b"before")
    with pytest.raises(BadInput):
        write_film(target, [], rate=5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert target.read_bytes() == b"before"
