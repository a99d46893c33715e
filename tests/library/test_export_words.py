"""What an export tells the person who receives it."""

import re
from pathlib import Path

from holdfast.library.export_words import sums
from support.exports import Yard, inside


def test_the_readme_names_what_is_missing(tmp_path: Path) -> None:
    """C083: README and page list what is missing with its reason, in the site's time, and say it is not all."""
    yard = Yard(tmp_path)
    files = inside(yard.export(tmp_path / "gate.zip").path)
    text, page = files["README.txt"].decode(), files["index.html"].decode()
    for said in (text, page):
        assert "removed: reserve" in said
        assert "unreachable (it was unreachable)" in said
        assert "2026-09-21 16:13:20+02:00" in said
        assert re.search("not all of the span is here", said, re.IGNORECASE)
    assert yard.key.public.fingerprint in text
    assert "holdfast verify" in text
    assert "openssl pkeyutl" in text


def test_the_page_plays_the_clips_and_asks_for_nothing_else(tmp_path: Path) -> None:
    """Each file has a player; no address leads out of the folder, and words of people are no markup."""
    yard = Yard(tmp_path)
    files = inside(yard.export(tmp_path / "gate.zip", purpose="<script>").path)
    page = files["index.html"].decode()
    players = re.findall(r'<video [^>]*src="([^"]+)"', page)
    assert players == [name for name in files if name.endswith(".mp4")]
    assert "://" not in page
    assert "<script" not in page
    assert "Harbour &lt;north&gt;" in page


def test_a_whole_span_says_so(tmp_path: Path) -> None:
    """Where nothing is missing, that is said, and no list of holes stands there."""
    yard = Yard(tmp_path)
    span = {"from_us": yard.pieces[1].start_us, "to_us": yard.pieces[2].end_us}
    files = inside(yard.export(tmp_path / "gate.zip", **span).path)
    assert "All of the span is here." in files["README.txt"].decode()
    assert "missing" not in files["README.txt"].decode().lower()
    assert "<table" not in files["index.html"].decode()


def test_sums_are_what_sha256sum_reads(tmp_path: Path) -> None:
    """A line a file: the hash, two spaces, the name."""
    made = Yard(tmp_path).export(tmp_path / "gate.zip")
    listed = sums(made.manifest.files).splitlines()
    assert listed[0] == f"{made.manifest.files[0].sha256}  {made.manifest.files[0].name}"
    assert len(listed) == len(made.manifest.files)
