"""What templates print with."""

import pytest

from holdfast.web.render import bits_words, capitalize_first, coded, length_words, size_words


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (4_100_000_000, "4.1 GB"), (1_500_000, "1.5 MB"), (7.2e15, "7200.0 TB")],
)
def test_sizes(size: float, text: str) -> None:
    """Sizes have a unit that people know from disks."""
    assert size_words(size) == text


def test_rates_and_sentences() -> None:
    """Bit rates have a unit, and a sentence begins with a capital and keeps the rest."""
    assert (bits_words(4_100_000), bits_words(350_000)) == ("4.1 Mb/s", "350 kb/s")
    assert (capitalize_first("no camera Gate"), capitalize_first("")) == ("No camera Gate", "")


def test_what_is_typed_keeps_its_letters() -> None:
    """A hint that begins with a command, a key, an address or a path begins as it has to be typed."""
    for words in ("holdfast logs says why", "chmod 600 key", "rtsp://192.0.2.1/x", "audio = off", "web.tls_cert is"):
        assert capitalize_first(words) == words
    assert capitalize_first("mount it; holdfast volumes adopt main") == "Mount it; holdfast volumes adopt main"


def test_a_short_gap_is_not_nothing() -> None:
    """A gap of less than a second is said to be one."""
    assert [length_words(us) for us in (0, 400_000, 1_000_000, 90_000_000)] == ["0 s", "under 1 s", "1 s", "1 min"]


def test_words_in_backticks_are_code() -> None:
    """What the reference of settings sets as code is so on a page, and nothing in it is taken for HTML."""
    assert str(coded("`a<b`: only <i>")) == "<code>a&lt;b</code>: only &lt;i&gt;"
