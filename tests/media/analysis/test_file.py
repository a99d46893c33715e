"""Media files and pictures as somebody hands them in."""

from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, NotFound
from holdfast.core.quality import Region
from holdfast.core.timing import SECOND_US
from holdfast.media.analysis.file import grey_of_still, heard_in, nature_of, seen_in
from support.films import film, moving, plain, still

ALL = Region()


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_picture_is_known(tmp_path: Path, name: str) -> None:
    """JPEG and PNG are pictures; how black they are is read from the file."""
    path = still(tmp_path / name, plain(4))
    assert nature_of(path).still
    assert grey_of_still(path, ALL).black_percent(10) == 100.0


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_film_is_seen_each_second(tmp_path: Path, name: str) -> None:
    """Pictures and sound of a film are measured second by second, in the order of media time (F42)."""
    path = film(tmp_path / name, 6, lambda t: moving(t) if t < 3 else plain(0), lambda t: 0.0 if t < 3 else 0.5)
    nature = nature_of(path)
    assert (nature.still, nature.width, nature.height, nature.sound) == (False, 320, 180, True)
    found = list(seen_in(path, 1000 * SECOND_US, black_level=10, region=ALL))
    instants = [seen.at_us for seen in found]
    assert instants == sorted(instants)
    assert len(found) >= 5
    assert found[0].black_percent == 0.0
    assert found[-1].black_percent == 100.0
    assert found[-1].heard is not None
    assert found[-1].heard.mean_db > -12
    assert found[1].heard is not None
    assert found[1].heard.mean_db < -60


def test_sound_alone_is_heard(tmp_path: Path) -> None:
    """A file without pictures is measured, too."""
    path = film(tmp_path / "a.m4a", 3.5, None, lambda _: 0.1)
    found = list(seen_in(path, 0, black_level=10, region=ALL))
    assert len(found) == 4
    assert {seen.black_percent for seen in found} == {None}
    heard = heard_in(path, 5)
    assert heard is not None
    assert (heard.end_us, round(heard.mean_db)) == (5, -23)


def test_a_film_without_sound_has_none(tmp_path: Path) -> None:
    """Nothing is said of sound where there is none (F40)."""
    path = film(tmp_path / "a.mp4", 2, moving)
    assert heard_in(path, 0) is None
    assert all(seen.heard is None for seen in seen_in(path, 0, black_level=10, region=ALL))


def test_what_is_cut_off_counts_until_there(tmp_path: Path) -> None:
    """Half a file is measured as far as it goes (F13)."""
    path = film(tmp_path / "a.ts", 6, moving)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert len(list(seen_in(path, 0, black_level=10, region=ALL))) >= 2


def test_what_is_none_is_said(tmp_path: Path) -> None:
    """No file, a folder, an empty file, text, and half a picture are each refused in words."""
    with pytest.raises(NotFound, match="is not there"):
        nature_of(tmp_path / "none.jpg")
    with pytest.raises(BadInput, match="is no file"):
        nature_of(tmp_path)
    for name, body in (("empty.jpg", b""), ("text.mp4", b"hello" * 100)):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(BadInput):
            nature_of(tmp_path / name)
    torn = still(tmp_path / "torn.png", moving(0))
    torn.write_bytes(torn.read_bytes()[:60])
    with pytest.raises(BadInput):
        grey_of_still(torn, ALL)
