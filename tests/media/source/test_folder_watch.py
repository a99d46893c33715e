import os
import shutil
import time
from pathlib import Path

import pytest

from holdfast.core.errors import Refused, Unreachable
from holdfast.media.source.folder_watch import FolderWatch, is_remote
from support.folders import film, picture, put, since
from support.patients import ordinary_user

pytestmark = pytest.mark.best_of_three  # real time is the subject: who writes and who reads are threads beside others

POLLS = pytest.mark.parametrize("polls", [False, True], ids=["told", "polls"])


def heard(watch: FolderWatch, count: int = 1, within_s: float = 3.0) -> list[str]:
    """The next names; fewer where no more come in time."""
    names: list[str] = []
    began = time.monotonic()
    while len(names) < count and since(began) < within_s:
        names += watch.wait(0.2)
    return names


@POLLS
def test_files_are_told_when_they_are_closed_or_renamed(tmp_path: Path, polls: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A file is news once it was closed or renamed into place, whatever lay there before (C148)."""
    for number in range(1000):
        (tmp_path / f"old_{number}.jpg").write_bytes(b"x")
    with FolderWatch(tmp_path, "bench/main", polls=polls) as watch:
        assert watch.polls == polls
        assert heard(watch, within_s=0.7) == []
        (tmp_path / "a.jpg").write_bytes(picture(80))
        assert heard(watch) == ["a.jpg"]
        put(tmp_path, "b.jpg", picture(81))
        assert heard(watch, 2)[-1] == "b.jpg"
        (tmp_path / "old_7.jpg").write_bytes(picture(82))
        assert heard(watch) == ["old_7.jpg"]


@POLLS
def test_what_is_still_open_is_not_told(tmp_path: Path, polls: bool) -> None:  # noqa: FBT001 - as above
    """A segment whose writer pauses in mid-file is told once, after its end (F13)."""
    body = film(1.0)
    with FolderWatch(tmp_path, "bench/main", polls=polls) as watch:
        with (tmp_path / "segment_1.ts").open("wb", buffering=0) as file:
            file.write(body[: len(body) // 2])
            assert heard(watch, within_s=1.2) == []
            file.write(body[len(body) // 2 :])
        put(tmp_path, "segment_2.ts", b"", modified_s=time.time() + 1)
        assert "segment_1.ts" in heard(watch, 2, within_s=2.0)


@POLLS
def test_a_folder_that_goes_away_is_unreachable(tmp_path: Path, polls: bool) -> None:  # noqa: FBT001 - as above
    """Removed, moved or never there: the error says so, and what to look at."""
    folder = tmp_path / "captures"
    with pytest.raises(Unreachable, match="is not there") as missing:
        FolderWatch(folder, "bench/main", polls=polls)
    assert "mounted" in missing.value.hint
    for away in (shutil.rmtree, lambda path: path.rename(tmp_path / "elsewhere")):
        folder.mkdir()
        with FolderWatch(folder, "bench/main", polls=polls) as watch:
            away(folder)
            with pytest.raises(Unreachable, match=r"folder .* is (gone|not there)"):
                heard(watch)


def test_a_successor_ends_a_segment_at_once(tmp_path: Path) -> None:
    """A ring's next file tells that the one before is finished, also of the same instant; one from the future not."""
    put(tmp_path, "s_9.ts", b"x", modified_s=time.time() + 9999)
    with FolderWatch(tmp_path, "bench/main", polls=True) as watch:
        first, again = tmp_path / "s_1.ts", tmp_path / "s_0.ts"
        with first.open("wb", buffering=0) as file:
            file.write(b"x" * 100)
            assert heard(watch, within_s=1.2) == []
        again.write_bytes(b"y")
        moment_ns = first.stat().st_mtime_ns
        os.utime(again, ns=(moment_ns, moment_ns))
        assert heard(watch, within_s=1.2) == ["s_1.ts"]


def test_a_full_folder_is_looked_through_more_seldom(tmp_path: Path) -> None:
    """Looking never takes more than a tenth of the time, however many files lie there."""
    for number in range(3000):
        (tmp_path / f"{number}.jpg").touch()
    with FolderWatch(tmp_path, "bench/main", polls=True) as watch:
        began, used = time.monotonic(), time.thread_time()
        assert heard(watch, within_s=2.5) == []
        assert time.thread_time() - used < 0.2 * since(began)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """Who names a file is told that it is one."""
    (tmp_path / "a.jpg").touch()
    with pytest.raises(Refused, match="is a file, not a folder"):
        FolderWatch(tmp_path / "a.jpg", "bench/main")


def test_a_folder_without_rights_is_refused(tmp_path: Path) -> None:
    """A folder that this user may not read is refused with what to do."""
    closed = tmp_path / "closed"
    closed.mkdir()
    with ordinary_user(tmp_path):
        closed.chmod(0o300)
        with pytest.raises(Refused, match="may not be read") as caught:
            FolderWatch(closed, "bench/main")
    assert "chmod" in caught.value.hint


def test_a_folder_that_can_be_listed_but_not_entered_is_refused(tmp_path: Path) -> None:
    """Names without the right to open any of them are no folder to record."""
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "a.jpg").touch()
    with ordinary_user(tmp_path):
        closed.chmod(0o400)
        with pytest.raises(Refused, match="may not be read"):
            FolderWatch(closed, "bench/main")


@POLLS
def test_a_link_does_not_take_the_folder_down(tmp_path: Path, polls: bool) -> None:  # noqa: FBT001 - as above
    """Links to themselves, to nowhere and to where nobody may go are passed over, whenever they come."""
    closed, folder = tmp_path / "closed", tmp_path / "captures"
    closed.mkdir()
    folder.mkdir()

    def link(number: int) -> None:
        (folder / f"self_{number}.jpg").symlink_to(folder / f"self_{number}.jpg")
        (folder / f"closed_{number}.jpg").symlink_to(closed / "a.jpg")
        (folder / f"nowhere_{number}.jpg").symlink_to(tmp_path / "nowhere.jpg")

    FolderWatch(folder, "bench/main", polls=polls).close()  # what it imports, an ordinary user might not see
    with ordinary_user(tmp_path):
        closed.chmod(0)
        link(1)
        with FolderWatch(folder, "bench/main", polls=polls) as watch:
            link(2)
            put(folder, "b.jpg", picture(81))
            assert heard(watch, 2, within_s=1.5)[-1] == "b.jpg"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/nas/captures", True), ("/srv/nas", True), ("/srv/nasty", False), ("/mnt/s p/x", True), ("/", False),
        ("/mnt/usb", False), ("/mnt/sshfs/a", True),
    ],
)  # fmt: skip
def test_network_mounts_are_polled(tmp_path: Path, path: str, kind: bool) -> None:  # noqa: FBT001 - as above
    """Where another host may write, the kernel is not trusted to tell."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "30 22 0:50 / /srv/nas rw shared:2 master:1 - nfs4 nas:/x rw\n"
        "31 22 0:51 / /mnt/s\\040p rw - cifs //nas/x rw\n"
        "32 22 8:3 / /mnt/usb rw - fuseblk /dev/sdb1 rw\n"
        "33 22 0:52 / /mnt/sshfs rw - fuse.sshfs nas: rw\n"
    )
    assert is_remote(Path(path), mounts) == kind


def test_no_descriptor_is_left_behind(tmp_path: Path) -> None:
    """Fifty folders watched one after the other leave nothing open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        with FolderWatch(tmp_path, "bench/main", polls=False) as watch:
            watch.wait(0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
