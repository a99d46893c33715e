from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.config.secret import MASK, Secret, is_reference, mask_url, resolve, split_url


@given(st.text(min_size=5))
def test_a_secret_shows_nothing_of_itself(value: str) -> None:
    """Text made of a secret never holds it (F61)."""
    secret = Secret(f"x9!{value}")
    assert f"{secret} {secret!r} {[secret]}".count(MASK) == 3 or "://" in value
    assert secret.reveal() == f"x9!{value}"


def test_an_address_hides_only_its_password() -> None:
    """A secret address stays useful: scheme, user and host are shown."""
    shown = str(Secret("postgresql+psycopg://cam:hunter2@db.example/holdfast"))
    assert shown == "postgresql+psycopg://cam:****@db.example/holdfast"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("opening rtsp://u:p@ss@h:554/x?y=1 failed", "opening rtsp://u:****@h:554/x?y=1 failed"),
        ("rtsp://u@h/x", "rtsp://u@h/x"),
        ("rtsp://h/live?user=a&password=b&channel=1", "rtsp://h/live?user=a&password=****&channel=1"),
        ("http://h/?TOKEN=abc#top", "http://h/?TOKEN=****#top"),
        ("two rtsp://a:b@c and rtsp://d:e@f", "two rtsp://a:****@c and rtsp://d:****@f"),
        ("mail me@example.org: 10:30", "mail me@example.org: 10:30"),
    ],
)
def test_addresses_in_a_text_lose_their_credentials(text: str, shown: str) -> None:
    """Passwords and tokens of every address in a text are hidden, and nothing else."""
    assert mask_url(text) == shown


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("rtsp://u:p@h/x", ("rtsp://h/x", "u", "p")),
        ("rtsp://u:p%40%2F@h:554", ("rtsp://h:554", "u", "p@/")),
        ("rtsp://u:p@ss:w@h/x@y", ("rtsp://h/x@y", "u", "p@ss:w")),
        ("rtsp://h/x", ("rtsp://h/x", "", "")),
        ("clips/a@b.mp4", ("clips/a@b.mp4", "", "")),
    ],
)
def test_credentials_are_taken_out_of_an_address(url: str, parts: tuple[str, str, str]) -> None:
    """Escaped and unescaped passwords come out as the camera wants them."""
    assert split_url(url) == parts


def test_references_are_fetched(tmp_path: Path) -> None:
    """A secret may be in the environment or in a file, whose last line end does not count (C131)."""
    (tmp_path / "pw").write_text("geheim \n")
    context = {"environ": {"CAM": "s3"}, "base": tmp_path}
    assert resolve({"env": "CAM"}, context) == "s3"
    assert resolve({"file": "pw"}, context) == "geheim "


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"env": "NOPE"}, "NOPE is not set"),
        ({"file": "gone"}, "gone"),
        ({"file": "binary"}, "UTF-8"),
        ({"env": 5}, "env"),
    ],
)
def test_a_reference_to_nothing_says_what_it_names(tmp_path: Path, reference: dict[str, str], said: str) -> None:
    """What is not there is named; what is there is not shown."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=said):
        resolve(reference, {"environ": {}, "base": tmp_path})


def test_the_line_end_of_a_variable_does_not_count() -> None:
    """A secret in the environment loses its last line end, as one in a file does (C131)."""
    assert resolve({"env": "KEY"}, {"environ": {"KEY": "sb-key \r\n"}}) == "sb-key "


@pytest.mark.parametrize(
    ("value", "fits"),
    [("", True), ("sb_k.e-y= x", True), ("key\n", False), ("k\rey", False), (" key", False), ("é", False)],
)
def test_what_a_header_can_carry(value: str, *, fits: bool) -> None:
    """Only what is plain, in one line and without blanks around it fits a header, so that no library shows it (F61)."""
    assert Secret(value).fits_header() is fits


def test_what_counts_as_a_reference() -> None:
    """Exactly one of env and file makes a reference."""
    assert is_reference({"env": "X"})
    assert not is_reference({"env": "X", "file": "y"})
    assert not is_reference("env")
