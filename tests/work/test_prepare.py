"""What is sent instead of a file: other forms with the same content, and nothing left behind."""

import hashlib
import io
import os
from pathlib import Path

import av
import pyrage  # type: ignore[import-untyped] # it comes without types
import pytest

from holdfast.catalog import lost_work
from holdfast.catalog.db import Catalog
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import DiskFull
from holdfast.storage.targets.contract import Content
from holdfast.work import prepare
from holdfast.work.acknowledge import Acknowledging
from holdfast.work.prepare import Memory
from support.films import moving, still
from support.handed import RULE, Handed
from support.sending import Sending

STILLS = '[deliveries.a]\ntarget = "nas"\nassets = ["stills"]\n'


def payloads(path: Path) -> list[tuple[str, str]]:
    """Return kind and hash of every packet of a file, by libav alone."""
    with av.open(str(path)) as file:
        return sorted(
            (packet.stream.type, hashlib.sha256(bytes(packet)).hexdigest()) for packet in file.demux() if packet.size
        )


def picture_size(body: bytes) -> tuple[int, int]:
    """Return pixels across and down, by libav alone."""
    with av.open(io.BytesIO(body), "r") as file:
        frame = next(iter(file.decode(video=0)))
    return frame.width, frame.height


def test_memory_is_read_as_it_was_written() -> None:
    """What an attempt leaves for the next one survives, and what makes no sense is nothing."""
    one = Memory(content=Content(7, "ab"), upload='id "1"')
    assert Memory.read(one.text()) == one
    assert Memory.read(Memory(upload="x").text()) == Memory(upload="x")
    assert [Memory.read(text) for text in ("", "?", "[]", '{"sha256": 1}')] == [Memory()] * 4


def test_without_room_it_is_made_in_memory(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the state's disk full another form is made in memory, so that a backlog still drains (F18)."""
    site = Handed(tmp_path, catalog, STILLS + "quality = 40\n")
    picture = still(tmp_path / "a.jpg", moving(1)).read_bytes()
    site.still(0, body=picture)
    real, tried = prepare._made, list[Path]()

    def made(row: object, source: Path, steps: object, folder: Path, files: list[Path]) -> Path:
        tried.append(folder)
        if len(tried) == 1:
            raise DiskFull("no room")
        return real(row, source, steps, folder, files)  # type: ignore[arg-type] # as it came

    monkeypatch.setattr(prepare, "_made", made)
    with Sending(site) as sending:
        sending.drain()
    assert [row.state for row in site.rows()] == [DeliveryState.DELIVERED]
    assert [folder.parent.name for folder in tried] == ["state", "run"]


@pytest.mark.parametrize(("more", "ending"), [("quality = 40\n", ".jpg"), ('form = "webp"\n', ".webp")])
def test_pictures_are_compressed_anew(catalog: Catalog, tmp_path: Path, more: str, ending: str) -> None:
    """A still arrives smaller, in the form that is asked for and of the same size, and the original stays (C154)."""
    site = Handed(tmp_path, catalog, STILLS + more)
    picture = still(tmp_path / "a.jpg", moving(1)).read_bytes()
    file = site.still(0, body=picture)
    with Sending(site) as sending:
        sending.drain()
    ((name, body),) = site.arrived().items()
    assert name.endswith(ending)
    assert len(body) < len(picture)
    assert picture_size(body) == picture_size(picture)
    assert (site.volume / file).read_bytes() == picture
    assert not list((tmp_path / "state" / prepare.FOLDER).iterdir())


def test_an_original_that_changed_is_not_made_into_another_form(catalog: Catalog, tmp_path: Path) -> None:
    """What is not what was queued is not sent in another form either (F21)."""
    site = Handed(tmp_path, catalog, STILLS + "quality = 40\n")
    picture = still(tmp_path / "a.jpg", moving(1)).read_bytes()
    file = site.still(0, body=picture)
    site.handing.once()
    (site.volume / file).write_bytes(picture[:-2] + b"??")
    with Sending(site) as sending:
        sending.drain()
    assert [row.state for row in site.rows()] == [DeliveryState.FAILED]
    assert site.arrived() == {}


def test_footage_as_matroska_has_the_same_packets(catalog: Catalog, tmp_path: Path) -> None:
    """An .mkv holds every packet of the segment, unchanged, and is the same file each time (issue: equal hashes)."""
    site = Handed(tmp_path, catalog, RULE + 'name = "lab"\n')
    source = tmp_path / "film.mp4"
    _write_film(source)
    file = site.segment(0, body=source.read_bytes())
    with Sending(site) as sending:
        sending.drain()
    ((name, body),) = site.arrived().items()
    assert name.endswith(".mkv")
    arrived = tmp_path / "arrived.mkv"
    arrived.write_bytes(body)
    assert payloads(arrived) == payloads(site.volume / file)
    assert payloads(arrived)


@pytest.mark.parametrize("killed", [False, True])
def test_what_is_sealed_opens_to_the_source(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, killed: bool
) -> None:
    """A sealed segment opens to the source's hash; a kill after it arrived sends no second, other one (C155, F21)."""
    key = pyrage.x25519.Identity.generate()
    nas = f'[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\nencrypt = ["{key.to_public()}"]\n'
    site = Handed(tmp_path, catalog, target=nas)
    site.mount()
    file = site.segment(0)
    with Sending(site) as sending:
        if killed:
            monkeypatch.setattr(Acknowledging, "say", _dies)
            with pytest.raises(KeyboardInterrupt):
                sending.drain()
            monkeypatch.undo()
            with site.catalog.write() as tx:
                lost_work.void(tx, sending.kind, site.node, "w1", now_us=site.clock.wall_us(), after=lambda _lost: 0)
        sending.drain()
    ((name, body),) = site.arrived().items()
    assert name == f"{file}.age"
    assert pyrage.decrypt(body, [key]) == (site.volume / file).read_bytes()
    (row,) = site.rows()
    assert (row.state, row.asset.sha256) == (
        DeliveryState.DELIVERED,
        hashlib.sha256(pyrage.decrypt(body, [key])).hexdigest(),
    )


def test_what_a_killed_attempt_left_is_in_nobodys_way(catalog: Catalog, tmp_path: Path) -> None:
    """A sealed copy that a kill left under the same name is made anew instead of failing the delivery (F21)."""
    key = pyrage.x25519.Identity.generate()
    nas = f'[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\nencrypt = ["{key.to_public()}"]\n'
    site = Handed(tmp_path, catalog, target=nas)
    site.mount()
    file = site.segment(0)
    site.handing.once()
    folder = tmp_path / "state" / prepare.FOLDER
    folder.mkdir(parents=True)
    (folder / f"{site.rows()[0].id}.age").write_bytes(b"half of it")
    with Sending(site) as sending:
        sending.drain()
    ((_, body),) = site.arrived().items()
    assert pyrage.decrypt(body, [key]) == (site.volume / file).read_bytes()
    assert not list(folder.iterdir())


def test_old_leftovers_are_cleared(catalog: Catalog, tmp_path: Path) -> None:
    """What lies in the sending folder for over a day goes when deliveries are made ready; younger copies stay (F18)."""
    site = Handed(tmp_path, catalog)
    folder = tmp_path / "state" / prepare.FOLDER
    folder.mkdir(parents=True)
    now_us = site.clock.wall_us()
    for name, age_us in (("1.age", prepare.LEFT_US + 1_000_000), ("2.age", prepare.LEFT_US - 1_000_000)):
        (folder / name).write_bytes(b"half of it")
        os.utime(folder / name, ns=((now_us - age_us) * 1000,) * 2)
    with Sending(site):
        assert [path.name for path in folder.iterdir()] == ["2.age"]


def test_a_name_keeps_its_form(catalog: Catalog, tmp_path: Path) -> None:
    """What was planned as .mkv arrives as that although its rule is gone by then."""
    site = Handed(tmp_path, catalog, RULE + 'name = "lab"\n')
    source = tmp_path / "film.mp4"
    _write_film(source)
    site.segment(0, body=source.read_bytes())
    site.handing.once()
    site.again("")
    with Sending(site) as sending:
        sending.drain()
    ((name, body),) = site.arrived().items()
    assert (name.endswith(".mkv"), body[:4]) == (True, b"\x1a\x45\xdf\xa3")


def test_what_was_to_be_sealed_never_goes_open(catalog: Catalog, tmp_path: Path) -> None:
    """With a target's recipients taken away, what was named as sealed fails instead of being sent readable (C155)."""
    key = pyrage.x25519.Identity.generate()
    plain = f'[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\n'
    site = Handed(tmp_path, catalog, target=f'{plain}encrypt = ["{key.to_public()}"]\n')
    site.mount()
    site.segment(0)
    site.handing.once()
    site.target = plain
    site.again()
    with Sending(site) as sending:
        sending.one()
    assert (site.rows()[0].state, site.arrived()) == (DeliveryState.FAILED, {})


def _dies(*_: object) -> None:
    raise KeyboardInterrupt


def _write_film(path: Path) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
