from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from holdfast.core.config.secret import Secret
from holdfast.core.errors import ContentDiffers, NameTaken, TargetAway, TargetBarred, TargetRefused
from holdfast.storage.targets.contract import Going
from holdfast.storage.targets.supabase import SupabaseTarget
from support.target_places import content_of
from support.target_supabase import SupabasePlace, supabase

DATA = b"x" * 50_000


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[SupabasePlace]:
    with ExitStack() as stack:
        place = supabase(tmp_path, stack)
        assert isinstance(place, SupabasePlace)
        yield place


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize("other", [DATA, b"other"])
def test_somebody_was_first(place: SupabasePlace, source: Path, other: bytes) -> None:
    """`Duplicate` with the same content is success, with another one the name is taken (C153, F23)."""
    going = Going(pace=lambda _count: place.plant("a.jpg", other))
    with closing(place.make()) as target:
        if other == DATA:
            assert target.put(source, "a.jpg", content_of(DATA), going).already
        else:
            with pytest.raises(NameTaken):
                target.put(source, "a.jpg", content_of(DATA), going)
    assert place.read("a.jpg") == other


def test_a_bit_that_flips_on_the_way_is_found(place: SupabasePlace, source: Path) -> None:
    """A bit that changes on the way is found by reading back, and what arrived is removed."""
    place.proxy.flip_at = 40_000
    with closing(place.make()) as target:
        with pytest.raises(ContentDiffers):
            target.put(source, "a.jpg", content_of(DATA), Going())
        assert place.read("a.jpg") is None
        assert target.put(source, "a.jpg", content_of(DATA), Going()).verified == "sha256"


def test_what_is_refused_says_what_to_do(place: SupabasePlace, source: Path) -> None:
    """A wrong key, a bucket that is none and a name that the service does not take are told apart."""
    for changes, hint in (({"key": Secret("wrong-one")}, "right"), ({"bucket": "none"}, "bucket")):
        with closing(SupabaseTarget("t", place.config(**changes))) as target:
            with pytest.raises(TargetBarred) as caught:
                target.put(source, "a.jpg", content_of(DATA), Going())
            assert hint in caught.value.hint
            assert "wrong-one" not in str(caught.value)
    with closing(place.make()) as target, pytest.raises(TargetRefused) as refused:
        target.put(source, "größe.jpg", content_of(DATA), Going())
    assert "name template" in refused.value.hint


def test_a_service_in_trouble_is_away(place: SupabasePlace, source: Path) -> None:
    """Trouble of the service is waited for; a public address is what the template says."""
    place.proxy.answer = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with closing(place.make()) as target, pytest.raises(TargetAway):
        target.put(source, "a.jpg", content_of(DATA), Going())
    place.proxy.restore()
    with closing(SupabaseTarget("t", place.config(address="https://cdn.example.org/{target}/{key}"))) as target:
        receipt = target.put(source, "a b.jpg", content_of(DATA), Going())
    assert receipt.address == "https://cdn.example.org/t/a%20b.jpg"


@pytest.mark.parametrize("key", ["hush-hush\n", "hush\rhush", " hush-hush", "hush-é-hush"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(place: SupabasePlace, source: Path, key: str) -> None:
    """A key with a line end, a blank before it or other letters is refused, and no error shows it (F61)."""
    with closing(SupabaseTarget("t", place.config(key=Secret(key)))) as target:
        with pytest.raises(TargetBarred, match="no header") as caught:
            target.put(source, "a.jpg", content_of(DATA), Going())
        assert "hush" not in f"{caught.value} {caught.value.hint}"
    assert place.proxy.sent == 0
