"""What every target does, whatever it is: one suite, each kind against a real server on loopback."""

import logging
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.errors import (
    BadInput,
    ContentDiffers,
    HoldfastError,
    NameTaken,
    NotFound,
    TargetAway,
    TargetFull,
    TargetRefused,
)
from holdfast.storage.targets.contract import Content, Going
from holdfast.storage.targets.many import Item, put_many
from support.target_places import MB, Builder, Place, content_of, folder
from support.target_rsync import rsync_daemon, rsync_local, rsync_ssh
from support.target_s3 import end_server, s3
from support.target_sftp import sftp
from support.target_supabase import supabase

_BUILDERS: dict[str, tuple[Builder, tuple[str, ...]]] = {
    "folder": (folder, ()),
    "rsync-local": (rsync_local, ("rsync",)),
    "rsync-ssh": (rsync_ssh, ("rsync", "sshd")),
    "rsync-daemon": (rsync_daemon, ("rsync",)),
    "sftp": (sftp, ("sshd",)),
    "s3": (s3, ()),
    "supabase": (supabase, ()),
}
_LARGE = random.Random(1).randbytes(30 * MB)
_LARGE_CONTENT = content_of(_LARGE)
_QUIET_S = 2.0


@pytest.fixture(scope="module", autouse=True)
def _servers() -> Iterator[None]:
    yield
    end_server()


@pytest.fixture(name="place", params=[pytest.param(k, marks=pytest.mark.needs(*n)) for k, (_, n) in _BUILDERS.items()])
def _place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield _BUILDERS[request.param][0](tmp_path, stack)


@pytest.fixture(name="large")
def _large(tmp_path: Path) -> Path:
    return _file(tmp_path / "large.mp4", _LARGE)


def _file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("size", [0, 5000, 30 * MB])
def test_a_file_arrives_whole(place: Place, tmp_path: Path, size: int) -> None:
    """A file of any size arrives with its bytes, is verified, and is seen by a second look (C072, C073, C074)."""
    source, content = _file(tmp_path / "a.mp4", _LARGE[:size]), content_of(_LARGE[:size])
    moved: list[int] = []
    with closing(place.make()) as target:
        assert target.look("gate/a.mp4", content) is None
        receipt = target.put(source, "gate/a.mp4", content, Going(moved=moved.append))
        assert target.look("gate/a.mp4", content) is not None
    assert place.read("gate/a.mp4") == _LARGE[:size]
    assert receipt.verified
    assert not receipt.already
    assert receipt.address.endswith("gate/a.mp4")
    assert sum(moved) == size
    assert place.names() == {"gate/a.mp4"}


@pytest.mark.parametrize(
    "key", ["a b/c d.jpg", "Tür & Tor/größer #1 100%+.jpg", "a/b/c/d/e/f/g/h.jpg", "-x/--y.jpg", "it's [1] {2}$*.jpg"]
)
def test_names_arrive_as_they_are(place: Place, tmp_path: Path, key: str) -> None:
    """Spaces, umlauts, deep folders and letters that mean something to a shell are names like any other."""
    source, content = _file(tmp_path / "a.jpg", b"x" * 5000), content_of(b"x" * 5000)
    with closing(place.make()) as target:
        if not place.takes(key):
            # The service itself allows fewer letters: that is said, and nothing lies anywhere.
            with pytest.raises(TargetRefused):
                target.put(source, key, content, Going())
            assert not place.names()
            return
        target.put(source, key, content, Going())
        assert place.read(key) == b"x" * 5000
        assert target.look(key, content) is not None
        target.remove(key)
        assert place.read(key) is None
        target.remove(key)


@pytest.mark.parametrize("key", ["/etc/x", "../x", "a/../../x", "a//b", "", "a/./b", "a\nb"])
def test_names_that_lead_elsewhere_are_refused(place: Place, tmp_path: Path, key: str) -> None:
    """No key leads out of the target (C140)."""
    source, content = _file(tmp_path / "a.jpg", b"x"), content_of(b"x")
    with closing(place.make()) as target, pytest.raises(TargetRefused):
        target.put(source, key, content, Going())
    assert not place.names()


def test_the_same_again_is_already_there(place: Place, large: Path) -> None:
    """The same content under the same key is success, and nothing is sent again (F23)."""
    with closing(place.make()) as target:
        target.put(large, "a.mp4", _LARGE_CONTENT, Going())
        before, moved = place.sent(), []  # type: tuple[int | None, list[int]]
        again = target.put(large, "a.mp4", _LARGE_CONTENT, Going(moved=moved.append))
    assert again.already
    assert not moved
    if before is not None:
        assert (place.sent() or 0) - before < MB


@pytest.mark.parametrize("other", [b"something else", b"y" * 5000])
def test_another_file_stays_untouched(place: Place, tmp_path: Path, other: bytes) -> None:
    """What lies there under the name, of another size or the same, is left as it is, and named."""
    source, content = _file(tmp_path / "a.jpg", b"x" * 5000), content_of(b"x" * 5000)
    place.plant("gate/a.jpg", other)
    with closing(place.make()) as target:
        with pytest.raises(NameTaken, match=r"gate/a\.jpg"):
            target.put(source, "gate/a.jpg", content, Going())
        with pytest.raises(ContentDiffers):
            target.look("gate/a.jpg", content)
    assert place.read("gate/a.jpg") == other
    assert place.names() == {"gate/a.jpg"}


def test_a_source_that_is_gone(place: Place, tmp_path: Path) -> None:
    """A file that was removed before it was sent is said to be gone."""
    with closing(place.make()) as target, pytest.raises(NotFound):
        target.put(tmp_path / "gone.jpg", "a.jpg", content_of(b"x"), Going())
    assert not place.names()


@pytest.mark.parametrize("data", [b"x" * 4999, b"y" * 5000, b"x" * 5001])
def test_a_source_that_changed(place: Place, tmp_path: Path, data: bytes) -> None:
    """A file that does not hold what it did never reaches its name at the target (F21)."""
    source = _file(tmp_path / "a.jpg", data)
    with closing(place.make()) as target, pytest.raises(BadInput):
        target.put(source, "gate/a.jpg", content_of(b"x" * 5000), Going())
    assert not place.names()


def test_nobody_sees_a_part_of_it(place: Place, large: Path) -> None:
    """While 30 MB go, whoever looks under the final name sees nothing, then all of it (F22)."""
    seen: set[int | None] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            seen.add(place.size("gate/a.mp4"))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with closing(place.make()) as target:
            target.put(large, "gate/a.mp4", _LARGE_CONTENT, Going(pace=lambda _count: time.sleep(0.002)))
    finally:
        over.set()
        watcher.join()
    assert seen <= {None, 30 * MB}
    assert None in seen


class _StopAfter:
    """Says stop once so many bytes have moved."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.memories: list[str] = []

    def moved(self, count: int) -> None:
        self.left -= count

    def going(self) -> Going:
        return Going(moved=self.moved, told_to_stop=lambda: self.left <= 0, remember=self.memories.append)


def test_an_interrupted_transfer_goes_on(place: Place, large: Path) -> None:
    """A transfer that was ended goes on in another process where it was, and nothing stands under its name before."""
    stop = _StopAfter(12 * MB)
    with closing(place.make(bandwidth=6 * MB)) as target, pytest.raises(TargetAway):
        target.put(large, "a.mp4", _LARGE_CONTENT, stop.going())
    assert place.read("a.mp4") is None
    before = place.sent()
    with closing(place.make()) as target:
        target.put(large, "a.mp4", _LARGE_CONTENT, Going(memory=stop.memories[-1] if stop.memories else ""))
    assert place.read("a.mp4") == _LARGE
    assert place.names() == {"a.mp4"}
    if before is not None and place.resumes:
        assert (place.sent() or 0) - before < 24 * MB


@pytest.mark.best_of_three
def test_silence_ends(place: Place, large: Path) -> None:
    """A target that says nothing more is away after its limit, not for ever (F20); it is used again when it is back."""
    with closing(place.make(_QUIET_S)) as target:
        with place.silent():
            began_s = time.monotonic()
            with pytest.raises(TargetAway):
                target.put(large, "a.mp4", _LARGE_CONTENT, Going())
            assert time.monotonic() - began_s < _QUIET_S + 8
            with pytest.raises(TargetAway):
                target.check()
        assert target.put(large, "a.mp4", _LARGE_CONTENT, Going()).verified


def test_a_flipped_bit_is_found(place: Place, tmp_path: Path) -> None:
    """One bit that changes at the target is found by looking again (U1)."""
    source, content = _file(tmp_path / "a.mp4", _LARGE[:MB]), content_of(_LARGE[:MB])
    with closing(place.make()) as target:
        target.put(source, "a.mp4", content, Going())
        changed = bytearray(_LARGE[:MB])
        changed[500_000] ^= 1
        place.plant("a.mp4", bytes(changed))
        with pytest.raises(ContentDiffers):
            target.look("a.mp4", content)


@pytest.mark.needs("mount")
def test_no_right_to_write(place: Place, tmp_path: Path) -> None:
    """A target that lets nobody write is a matter for a person, with words about what to do."""
    source, content = _file(tmp_path / "a.jpg", b"x"), content_of(b"x")
    with closing(place.make()) as target, place.refusing():
        with pytest.raises(TargetRefused) as caught:
            target.put(source, "gate/a.jpg", content, Going())
        assert caught.value.hint
        with pytest.raises(TargetRefused):
            target.check()


@pytest.mark.needs("mount")
def test_no_room(place: Place, large: Path) -> None:
    """A full target is one that waiting helps, and keeps nothing of what did not fit."""
    with closing(place.make()) as target, place.full():
        with pytest.raises(TargetFull):
            target.put(large, "gate/a.mp4", _LARGE_CONTENT, Going())
        assert place.read("gate/a.mp4") is None


def test_four_at_once(place: Place, tmp_path: Path) -> None:
    """One target is used by four threads, and each file has its own content (twice the same one, too)."""
    sources = {
        f"cam{n % 12}/{n % 12}.jpg": _file(tmp_path / f"{n % 12}.jpg", bytes([n % 12]) * 50_000) for n in range(12)
    }
    with closing(place.make()) as target, ThreadPoolExecutor(4) as pool:
        items = [*sources.items(), *sources.items()]
        wanted = [pool.submit(target.put, path, key, content_of(path.read_bytes()), Going()) for key, path in items]
        assert all(one.result().verified for one in wanted)
    assert place.names() == set(sources)
    assert all(place.read(key) == path.read_bytes() for key, path in sources.items())


def test_many_small_ones(place: Place, tmp_path: Path) -> None:
    """Of many files in one go each is acknowledged by itself: one that fails holds up none (F19)."""
    items = [
        Item(_file(tmp_path / f"{n}.jpg", data := f"{n}".encode() * 100), f"gate/2026/{n}.jpg", content_of(data))
        for n in range(40)
    ]
    items[7].source.unlink()
    place.plant(items[9].key, b"other")
    place.plant(items[11].key, items[11].source.read_bytes())
    items[13].source.write_bytes(b"changed")
    with closing(place.make()) as target:
        outcomes = dict(put_many(target, items, Going()))
    errors = {item.key: type(found) for item, found in outcomes.items() if isinstance(found, HoldfastError)}
    assert errors == {items[7].key: NotFound, items[9].key: NameTaken, items[13].key: BadInput}
    assert len(outcomes) == 40
    assert all(place.read(item.key) == item.source.read_bytes() for n, item in enumerate(items) if n not in {7, 9, 13})
    assert place.names() == {item.key for n, item in enumerate(items) if n not in {7, 13}}


def test_nothing_is_left_behind(place: Place, tmp_path: Path, no_leaks: Any) -> None:
    """A target that was used and closed holds no descriptor, thread or child; it may be used again."""
    source, content = _file(tmp_path / "a.jpg", b"x"), content_of(b"x")
    target = place.make()
    target.check()
    target.put(source, "a.jpg", content, Going())
    target.close()
    target.close()
    assert target.look("a.jpg", content) is not None
    target.close()


@pytest.mark.best_of_three
def test_no_secret_is_shown(place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No credential is in an argument of a process, in a log, an address or an error (F61)."""
    caplog.set_level(logging.DEBUG)
    source, content = _file(tmp_path / "a.mp4", _LARGE), _LARGE_CONTENT
    seen: list[str] = []
    said = [""]
    with closing(place.make(_QUIET_S)) as target:
        said += [
            target.put(source, "a.mp4", content, Going(moved=lambda _count: seen.append(_command_lines()))).address
        ]
        said += [repr(target), str(vars(target))]
        with place.silent(), pytest.raises(TargetAway) as caught:
            target.put(source, "b.mp4", content, Going())
        said += [repr(caught.value), caught.value.hint, str(caught.value.__cause__)]
    everything = "\n".join([*said, *seen, caplog.text])
    assert seen
    assert not [secret for secret in place.secrets if secret in everything]


def _command_lines() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def test_what_it_can_is_said(place: Place) -> None:
    """A target says how it verifies, and how much room is left where that is known."""
    with closing(place.make()) as target:
        target.check()
        facts = target.facts()
    assert facts.verifies
    assert facts.free_bytes is None or facts.free_bytes > 0
    assert not place.names()
    assert isinstance(_LARGE_CONTENT, Content)
