"""C083: an export is whole or not there, tells what became of each file, and plays."""

import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from holdfast.core.camera import StreamKey
from holdfast.core.errors import Conflict, DiskFull, StorageError
from holdfast.core.manifest import PieceState
from holdfast.core.timing import SECOND_US
from holdfast.library.export_plan import Asked, draft
from holdfast.library.export_verify import verify_export
from holdfast.library.export_write import Made, Maker, name_of, write
from support.exports import SITE, Yard, filmed, inside
from support.media import encode
from support.probe import probe

GATE = StreamKey("gate", "main")


@pytest.fixture(name="yard")
def _yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path / "yard")


@pytest.mark.needs("openssl")
def test_others_unpack_and_check_it(yard: Yard, tmp_path: Path) -> None:
    """C083: sha256sum and openssl check what was unpacked, as the README says; a TAR holds the same."""
    made = yard.export(tmp_path / "gate.zip")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(made.path), str(tmp_path / "zip")], check=True)
    folder = tmp_path / "zip/gate"
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
    words = [
        "-verify",
        "-pubin",
        "-inkey",
        "node-key.pub.pem",
        "-rawin",
        "-in",
        "manifest.json",
        "-sigfile",
        "manifest.sig",
    ]
    subprocess.run(["openssl", "pkeyutl", *words], cwd=folder, check=True, capture_output=True)
    for piece in yard.pieces[1:]:
        name = Path(piece.file).name
        assert (folder / "gate/main" / name).read_bytes() == (yard.disk / piece.file).read_bytes()
    tarred = yard.export(tmp_path / "gate.tar", format="tar")
    with tarfile.open(tarred.path) as archive:
        archive.extractall(tmp_path / "tar", filter="data")
    assert verify_export(tmp_path / "tar/gate").findings == []
    with zipfile.ZipFile(made.path) as packed:
        assert {info.compress_type for info in packed.infolist()} == {zipfile.ZIP_STORED}
        assert packed.testzip() is None


def test_what_changed_on_the_disk_is_told(yard: Yard, tmp_path: Path) -> None:
    """A file that is not what was recorded goes in as it is, is named, and the export is not complete."""
    path = yard.disk / yard.pieces[1].file
    path.write_bytes(path.read_bytes()[::-1])
    made = yard.export(tmp_path / "gate.zip", from_us=yard.pieces[1].start_us, to_us=yard.pieces[2].end_us)
    first, second = made.manifest.streams[0].pieces
    assert (first.state, second.state) == (PieceState.CHANGED, PieceState.WHOLE)
    assert "not what was recorded" in first.why
    assert not made.manifest.complete
    assert verify_export(made.path).findings == []
    assert "not what was recorded" in inside(made.path)["README.txt"].decode()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_what_happens_while_it_is_written_is_told(yard: Yard, tmp_path: Path, kind: str) -> None:
    """Files that vanish, shrink or grow between plan and copy are named; the others are whole, and it verifies."""
    found = draft(yard.volumes, yard.asked(format=kind), yard.clock.wall_us())
    _, gone, short, long, _ = (yard.disk / piece.file for piece in yard.pieces)
    gone.unlink()
    short.write_bytes(short.read_bytes()[:10])
    long.write_bytes(long.read_bytes() + b"more")
    made = write(found, yard.maker(), tmp_path / f"gate.{kind}", reserve_bytes=0)
    states = [(piece.state, piece.why.partition(":")[0]) for piece in made.manifest.streams[0].pieces[1:]]
    assert states == [
        (PieceState.MISSING, "its file could not be read beyond byte 0"),
        (PieceState.CHANGED, "the file ends at byte 10 already; zeros stand for the rest"),
        (PieceState.CHANGED, "the file is longer than what was recorded; the rest is not here"),
        (PieceState.WHOLE, ""),
    ]
    assert verify_export(made.path).findings == []


def test_it_is_whole_or_not_there(yard: Yard, tmp_path: Path) -> None:
    """Whatever ends it half way leaves nothing behind; what is there is not written over unless that is asked for."""
    target = tmp_path / "out" / "gate.zip"
    target.parent.mkdir()
    found = draft(yard.volumes, yard.asked(), yard.clock.wall_us())

    def stop(done: int, _total: int) -> None:
        if done > 100:
            raise Conflict("stopped")

    with pytest.raises(Conflict, match="stopped"):
        write(found, yard.maker(), target, reserve_bytes=0, seen=stop)
    assert list(target.parent.iterdir()) == []
    target.write_bytes(b"mine")
    with pytest.raises(Conflict, match="exists already"):
        write(found, yard.maker(), target, reserve_bytes=0)
    assert target.read_bytes() == b"mine"
    steps: list[tuple[int, int]] = []
    write(
        found,
        yard.maker(),
        target,
        reserve_bytes=0,
        replace_it=True,
        seen=lambda done, all_: steps.append((done, all_)),
    )
    assert steps[-1] == (found.bytes, found.bytes)
    assert [path.name for path in target.parent.iterdir()] == ["gate.zip"]
    with pytest.raises(StorageError):
        write(found, yard.maker(), tmp_path / "nowhere/gate.zip", reserve_bytes=0)


def test_the_reserve_stays_free(yard: Yard, tmp_path: Path) -> None:
    """An export that would leave less than the reserve free is refused before its first byte."""
    found = draft(yard.volumes, yard.asked(), yard.clock.wall_us())
    facts = os.statvfs(tmp_path)
    with pytest.raises(DiskFull, match="would not leave"):
        write(found, yard.maker(), tmp_path / "gate.zip", reserve_bytes=facts.f_blocks * facts.f_frsize)
    assert not (tmp_path / "gate.zip").exists()


def _of_film(tmp_path: Path, codec: str, **more: Any) -> tuple[Made, int]:
    told = filmed(tmp_path / "disk", encode(codec, seconds=8, audio=True))
    began_us = told.clock.wall_us() - 60 * SECOND_US
    words: dict[str, Any] = {"from_us": began_us + SECOND_US, "to_us": began_us + 5 * SECOND_US, **more}
    asked = replace(Asked(streams=(GATE,), from_us=0, to_us=1), **words)
    found = draft({"main": tmp_path / "disk"}, asked, told.clock.wall_us())
    yard = Yard(tmp_path / "other")
    maker = Maker(node="local", site=SITE, key=yard.key, now_us=told.clock.wall_us())
    return write(found, maker, tmp_path / f"out.{asked.format}", reserve_bytes=0), began_us


@pytest.mark.needs("ffprobe")
def test_one_mp4_plays_and_carries_its_manifest(tmp_path: Path) -> None:
    """C083: a single MP4 plays four seconds without complaint, and verifies by what it carries; a bit changed shows."""
    made, began_us = _of_film(tmp_path, "h264", format="mp4")
    found = probe(made.path)
    assert found.complaints == ""
    assert float(found.format["duration"]) == pytest.approx(4.0, abs=0.1)
    assert made.manifest.complete
    assert [piece.state for piece in made.manifest.streams[0].pieces] == [PieceState.CUT] * 3
    assert made.manifest.streams[0].pieces[0].start_us == began_us + SECOND_US
    assert verify_export(made.path, key=made.manifest.key).findings == []
    whole = made.path.read_bytes()
    for at in range(0, len(whole), len(whole) // 40):
        data = bytearray(whole)
        data[at] ^= 4
        made.path.write_bytes(data)
        assert verify_export(made.path).findings, at


@pytest.mark.needs("ffprobe")
def test_a_cut_is_exactly_the_span(tmp_path: Path) -> None:
    """A ZIP of cuts holds the span and no more, and says of each piece which recorded file it came from."""
    made, began_us = _of_film(tmp_path, "h264", cut=True)
    (name,) = {piece.file for piece in made.manifest.streams[0].pieces}
    (tmp_path / "clip.mp4").write_bytes(inside(made.path)[name])
    found = probe(tmp_path / "clip.mp4")
    assert found.complaints == ""
    assert float(found.format["duration"]) == pytest.approx(4.0, abs=0.1)
    assert {piece.sha256 != "" and piece.chain != "" for piece in made.manifest.streams[0].pieces} == {True}
    assert made.manifest.streams[0].pieces[-1].end_us == began_us + 5 * SECOND_US
    assert verify_export(made.path).findings == []


def test_names_say_what_is_in_it(yard: Yard) -> None:
    """A file is named for its camera and the begin in the site's time."""
    found = draft(yard.volumes, yard.asked(), yard.clock.wall_us())
    assert name_of(found, ZoneInfo("Europe/Berlin")) == "gate_2026-09-21_161320+0200_export.zip"
