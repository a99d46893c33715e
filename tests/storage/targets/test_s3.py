import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from holdfast.core.config.secret import Secret
from holdfast.core.errors import ContentDiffers, NameTaken, TargetAway, TargetBarred
from holdfast.storage.targets import contract
from holdfast.storage.targets import s3 as s3_module
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.s3 import S3Target
from support.target_places import MB, content_of
from support.target_s3 import S3Place, answer, end_server, s3

_DATA = random.Random(2).randbytes(25 * MB)
_SMALL = content_of(_DATA[:5000])


@pytest.fixture(scope="module", autouse=True)
def _servers() -> Iterator[None]:
    yield
    end_server()


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[S3Place]:
    with ExitStack() as stack:
        place = s3(tmp_path, stack)
        assert isinstance(place, S3Place)
        yield place


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(_DATA)
    return path


@pytest.fixture(name="small")
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small file that goes as a large one does."""
    monkeypatch.setattr(s3_module, "LARGE_BYTES", 1)
    monkeypatch.setattr(contract, "SLOWEST_BYTES", 100)
    path = tmp_path / "small.mp4"
    path.write_bytes(_DATA[:5000])
    return path


def test_a_busy_service_is_asked_again(place: S3Place, source: Path) -> None:
    """Two answers of 503 cost a second, not the transfer; a service that goes on so is away."""
    place.proxy.answer, place.proxy.answers = answer(503, "SlowDown"), 2
    with closing(place.make()) as target:
        assert target.put(source, "a.mp4", content_of(_DATA), Going()).verified
    place.proxy.answer, place.proxy.answers = answer(500, "InternalError"), None
    with closing(place.make()) as target, pytest.raises(TargetAway):
        target.put(source, "b.mp4", content_of(_DATA), Going())


@pytest.mark.parametrize("size", [5 * MB, 25 * MB])
def test_a_bit_that_flips_on_the_way_is_found(place: S3Place, tmp_path: Path, size: int) -> None:
    """A bit that changes on the way is found before the copy counts, and what came of it is gone (U1)."""
    data = _DATA[:size]
    source = tmp_path / "b.mp4"
    source.write_bytes(data)
    place.proxy.flip_at = 4 * MB
    with closing(place.make()) as target:
        with pytest.raises((ContentDiffers, TargetAway)):
            target.put(source, "a.mp4", content_of(data), Going())
        assert place.read("a.mp4") is None
        assert target.put(source, "a.mp4", content_of(data), Going()).verified
    assert place.read("a.mp4") == data


def test_a_wrong_checksum_is_settled_by_reading(place: S3Place, source: Path) -> None:
    """A service that tells another checksum than it should is not believed and not blamed: the object is read back."""
    small = source.with_name("small.mp4")
    small.write_bytes(_DATA[: 5 * MB])
    place.proxy.alter = lambda data: data.replace(b'ETag: "', b'ETag: "f')
    with closing(place.make()) as target:
        receipt = target.put(small, "a.mp4", content_of(_DATA[: 5 * MB]), Going())
    assert receipt.verified == "sha256"


@pytest.mark.parametrize("size", [5 * MB, 25 * MB])
def test_a_service_that_keeps_checksums_is_not_read_back(place: S3Place, source: Path, size: int) -> None:
    """Where digest and checksum of the service are ours, nothing is fetched, and the receipt says how it is known."""
    source.write_bytes(_DATA[:size])
    fetched: list[int] = []

    def count(data: bytes) -> bytes:
        fetched.append(len(data))
        return data

    place.proxy.alter = count
    with closing(place.make()) as target:
        receipt = target.put(source, "a.mp4", content_of(_DATA[:size]), Going())
    assert receipt.verified == "sha256 kept by the service"
    assert sum(fetched) < 20_000


def test_a_part_that_is_not_named_is_sent_again(place: S3Place, source: Path) -> None:
    """A service that takes a part and does not say its name is away, not a fault of ours."""
    place.proxy.alter = lambda data: data.replace(b"ETag:", b"X-No:")
    with closing(place.make()) as target, pytest.raises(TargetAway):
        target.put(source, "a.mp4", content_of(_DATA), Going())


def test_a_connection_that_is_cut_goes_on(place: S3Place, source: Path) -> None:
    """A transfer whose connection breaks goes on with the parts that arrived, also in another process (C074)."""
    memory: list[str] = []
    place.proxy.cut_after = 15 * MB
    with closing(place.make()) as target, pytest.raises(TargetAway):
        target.put(source, "a.mp4", content_of(_DATA), Going(remember=memory.append))
    assert json.loads(memory[-1])["upload"]
    place.proxy.restore()
    with closing(place.make()) as target:
        target.put(source, "a.mp4", content_of(_DATA), Going(memory=memory[-1], remember=memory.append))
    assert place.read("a.mp4") == _DATA
    assert place.proxy.sent < 16 * MB
    assert memory[-1] == ""
    assert place.uploads() == 0


@pytest.mark.parametrize(("size", "parts"), [(20 * MB - 1, 0), (20 * MB, 2)])
def test_large_files_go_in_parts_of_ten_megabytes(place: S3Place, source: Path, size: int, parts: int) -> None:
    """From 20 MB on a file goes in parts of 10 MB, and below in one request (C074)."""
    data = _DATA[:size]
    source.write_bytes(data)
    memory: list[str] = []
    with closing(place.make()) as target:
        target.put(source, "a.mp4", content_of(data), Going(remember=memory.append))
    assert bool(memory) is bool(parts)
    assert place.parts("a.mp4") == parts


def test_a_memory_of_something_else_is_not_used(place: S3Place, source: Path) -> None:
    """What is remembered of other content, is nonsense, or is gone at the service, begins anew."""
    gone = json.dumps({"upload": "gone", "sha256": content_of(_DATA).sha256})
    for number, memory in enumerate(("nonsense", "[]", '{"upload": "x", "sha256": "y"}', gone)):
        with closing(place.make()) as target:
            target.put(source, f"{number}.mp4", content_of(_DATA), Going(memory=memory))
        assert place.read(f"{number}.mp4") == _DATA


def test_an_upload_of_what_the_file_was_before_is_ended(place: S3Place, source: Path) -> None:
    """Parts of a file that was sealed anew since do not stay in the bucket to be paid for (C074)."""
    memory: list[str] = []
    place.proxy.cut_after = 15 * MB
    with closing(place.make()) as target, pytest.raises(TargetAway):
        target.put(source, "a.mp4", content_of(_DATA), Going(remember=memory.append))
    place.proxy.restore()
    assert place.uploads() == 1
    anew = _DATA[::-1]
    source.write_bytes(anew)
    with closing(place.make()) as target:
        target.put(source, "a.mp4", content_of(anew), Going(memory=memory[-1], remember=memory.append))
    assert place.read("a.mp4") == anew
    assert place.uploads() == 0


def test_somebody_who_was_first_is_not_replaced(place: S3Place, source: Path, tmp_path: Path) -> None:
    """An object that comes up while another is sent stays, whatever was known before (F23)."""
    small = tmp_path / "small.jpg"
    small.write_bytes(b"x" * 5000)
    for key, path, data in (("a.jpg", small, b"x" * 5000),):
        going = Going(pace=lambda _count, key=key: place.plant(key, b"other"))  # type: ignore[misc]
        with closing(place.make()) as target, pytest.raises((NameTaken, TargetAway)):
            target.put(path, key, content_of(data), going)
        assert place.read(key) == b"other"


def test_what_is_refused_says_what_to_do(place: S3Place, source: Path) -> None:
    """A bucket that is not there is a matter for a person; the hint names the key of the table, not its secret."""
    wrong = S3Target("t", place.config(bucket="no-such-bucket", secret_key=Secret("hush-hush")))
    with closing(wrong) as target, pytest.raises(TargetBarred) as caught:
        target.put(source, "a.mp4", content_of(_DATA), Going())
    assert "bucket" in caught.value.hint
    assert "hush-hush" not in str(caught.value)


@pytest.mark.best_of_three
def test_parts_are_put_together_for_longer_than_silence(place: S3Place, small: Path) -> None:
    """A service that takes longer than the limit of silence to make one object of the parts is waited for (F20)."""
    with _slow_completion(place, 2.0), closing(place.make(1.0)) as target:
        assert target.put(small, "a.mp4", _SMALL, Going()).verified == "sha256 kept by the service"
    assert place.uploads() == 0


@pytest.mark.best_of_three
def test_a_service_that_is_gone_while_it_puts_parts_together_is_noticed(place: S3Place, small: Path) -> None:
    """A service that falls silent meanwhile is away after the limit of silence; what it had done counts afterwards."""
    silent_s: list[float] = []

    def fall_silent() -> None:
        silent_s.append(time.monotonic())
        place.proxy.quiet_after = 0

    with _slow_completion(place, 60.0, fall_silent), closing(place.make(1.0)) as target:
        with pytest.raises(TargetAway):
            target.put(small, "a.mp4", _SMALL, Going())
        assert time.monotonic() - silent_s[0] < 10
    place.proxy.restore()
    with closing(place.make()) as target:
        assert target.put(small, "a.mp4", _SMALL, Going()).already


@contextmanager
def _slow_completion(place: S3Place, longest_s: float, began: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Keep back the answer to the completion of an upload."""
    over = threading.Event()

    def slowly(data: bytes) -> bytes:
        if b"CompleteMultipartUploadResult" in data:
            began()
            over.wait(longest_s)
        return data

    place.proxy.alter = slowly
    try:
        yield
    finally:
        over.set()
