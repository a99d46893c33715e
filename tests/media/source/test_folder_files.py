import os
from pathlib import Path

import pytest

from holdfast.media.source.folder_files import NotTaken, Taken, opened
from holdfast.media.source.folder_names import HEAD_BYTES, Form
from support.folders import film, picture
from support.patients import ordinary_user


def why(path: Path) -> NotTaken:
    """Why a file is not taken."""
    with pytest.raises(NotTaken) as caught, opened(path):
        pass
    return caught.value


def test_a_whole_picture_is_read_as_it_is(tmp_path: Path) -> None:
    """What was written is what is handed on, to the byte, under whatever name."""
    path = tmp_path / "still.data"
    path.write_bytes(picture(70))
    with opened(path) as found:
        assert (found.form, found.body) == (Form.JPEG, picture(70))
        assert found.modified_us == path.stat().st_mtime_ns // 1000
        assert found.same


def test_half_a_picture_is_waited_for(tmp_path: Path) -> None:
    """A picture that breaks off anywhere is not taken, and may be whole later (F13)."""
    body, path = picture(70), tmp_path / "a.jpg"
    for end in (0, 3, HEAD_BYTES, len(body) // 2, len(body) - 1):
        path.write_bytes(body[:end])
        assert why(path).unfinished, end
    path.write_bytes(body)
    with opened(path) as found:
        assert found.body == body


def test_what_is_nothing_to_take_says_why(tmp_path: Path) -> None:
    """Text, pipes, folders and what is gone are passed over with a reason, and hold nobody."""
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n" * 40)
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    assert str(why(tmp_path / "list.m3u8")) == "neither a picture nor a segment"
    assert str(why(tmp_path / "pipe.jpg")) == "not a file"
    assert str(why(tmp_path / "folder.jpg")) == "not a file"
    assert "removed" in str(why(tmp_path / "never.jpg"))


def test_a_file_that_is_written_over_is_not_the_same(tmp_path: Path) -> None:
    """Whoever reads notices that somebody writes; a name that another file takes is no matter (F13)."""
    path = tmp_path / "segment.ts"
    path.write_bytes(film(0.3))
    with opened(path) as found:
        path.rename(tmp_path / "other.ts")
        path.write_bytes(b"another one")
        assert found.same
        (tmp_path / "other.ts").write_bytes(film(0.5))
        assert not found.same


def test_a_renamed_file_is_known_again(tmp_path: Path) -> None:
    """The same content under another name was taken already; the same name with other content was not."""
    taken, path = Taken(), tmp_path / "test_capture_1.jpg"
    path.write_bytes(picture(70))
    with opened(path) as found:
        assert found.mark not in taken
        taken.add(found.mark)
    renamed = path.rename(tmp_path / "capture_20260501123456.jpg")
    with opened(renamed) as found:
        assert found.mark in taken
    renamed.write_bytes(picture(71))
    with opened(renamed) as found:
        assert found.mark not in taken
    for number in range(3000):
        taken.add((0, number, 0, 0))
    assert (0, 0, 0, 0) not in taken
    assert (0, 2999, 0, 0) in taken


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write there cannot show a file of another folder; the folder itself may be a link."""
    folder, secret = tmp_path / "captures", tmp_path / "secret.jpg"
    folder.mkdir()
    secret.write_bytes(picture(70))
    (folder / "a.jpg").symlink_to(secret)
    (folder / "self.jpg").symlink_to(folder / "self.jpg")
    assert str(why(folder / "a.jpg")) == str(why(folder / "self.jpg")) == "a link"
    (folder / "b.jpg").write_bytes(picture(71))
    (tmp_path / "by-link").symlink_to(folder)
    with opened(tmp_path / "by-link" / "b.jpg") as found:
        assert found.body == picture(71)


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    """When a file was last read stays as it was where it is ours; where it is not, it is read all the same."""
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(70))
    os.utime(path, (1_000_000, 2_000_000))
    with opened(path):
        pass
    assert path.stat().st_atime == 1_000_000
    with ordinary_user(tmp_path), opened(path) as found:
        assert found.body == picture(70)


def test_a_picture_too_large_is_not_decoded(tmp_path: Path) -> None:
    """More than 100 megapixels are passed over by what the first bytes say: decoded they take all memory."""
    body, path = bytearray(picture(70, "png")), tmp_path / "a.png"
    body[16:24] = (12_000).to_bytes(4) * 2
    path.write_bytes(body)
    assert str(why(path)) == "a picture of more than 100 megapixels"
