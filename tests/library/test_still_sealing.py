"""Stills that are encrypted as they are taken: nothing plain on the disk, and what is sent opens to the row's hash."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyrage  # type: ignore[import-untyped] # it comes without types
import pytest

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.stills import Outcome
from holdfast.core.delivery import DeliveryState
from holdfast.core.errors import UsageError
from holdfast.core.timing import SECOND_US
from holdfast.library.still_order import Order
from holdfast.library.still_sealing import LOCK
from holdfast.media.keeping import Style
from holdfast.storage.sealed import HEADER, read_identities, unseal
from support.handed import Handed
from support.media import WALL_US
from support.sending import Sending
from support.still_films import files, finish, keep, means, number_in, numbered, order, outcomes, taker
from support.watched_film import Gate

KEY = pyrage.x25519.Identity.generate()


class Killed(BaseException):
    """Nobody catches it, as nobody catches SIGKILL."""


@pytest.fixture(name="catalog")
def _catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        yield catalog


@pytest.fixture(name="gate", scope="module")
def _gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """5.5 s of footage whose pictures carry their number."""
    gate = Gate(tmp_path_factory.mktemp("stills") / "vol")
    gate.record(5.5, numbered, group=50)
    gate.down("unreachable", 100)
    return gate


def sealed(every_s: float = 1, *recipients: str) -> Order:
    """Want stills for the key's owner, with everything beside them that there can be."""
    return replace(
        order(every_s, style=Style(thumbnail=(40, 40))), sidecar=True,
        recipients=recipients or (str(KEY.to_public()),),
    )  # fmt: skip


def taken(catalog: Catalog) -> list[Outcome]:
    """What was taken."""
    return [one for one in outcomes(catalog) if not one.cause]


def all_sealed(root: Path) -> int:
    """Say how many sealed files lie there, whatever their names; nothing else may, but measures and the lock."""
    found = {name: body for name, body in files(root).items() if not name.endswith((LOCK, ".json", ".json.new"))}
    assert all(body.startswith(HEADER) for body in found.values()), list(found)
    return len(found)


def test_only_sealed_files_are_written(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Each still opens to the picture of its instant and to the row's plain hash; measures stay plain (C155)."""
    on = means(gate, catalog, tmp_path / "own")
    on = replace(on, describe=lambda outcome, _before: json.dumps({"file": outcome.file}).encode())
    finish(on, taker(on, sealed(), WALL_US - 1))
    found = taken(catalog)
    assert len(found) == all_sealed(tmp_path / "own") == 6
    for one in found:
        body = (tmp_path / "own" / one.file).read_bytes()
        assert one.file.endswith(".jpg.age")
        assert (one.bytes, one.sha256, one.thumbnail) == (len(body), hashlib.sha256(body).hexdigest(), "")
        plain = pyrage.decrypt(body, [KEY])
        assert (one.plain_bytes, one.plain_sha256) == (len(plain), hashlib.sha256(plain).hexdigest())
        (tmp_path / "a.jpg").write_bytes(plain)
        assert number_in(tmp_path / "a.jpg") == pytest.approx((one.slot_us - WALL_US) / SECOND_US * 25, abs=1)
        beside = tmp_path / "own" / one.file.replace(".jpg.age", ".json")
        assert json.loads(beside.read_bytes()) == {"file": one.file}


def test_a_kill_leaves_nothing_plain(
    gate: Gate, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when all is written and nothing has its name yet, only sealed bytes lie there; then it goes on (C155)."""
    on = means(gate, catalog, tmp_path / "own")
    one = taker(on, sealed(), WALL_US - 1)

    def killed(fd: int) -> None:
        if stat.S_ISREG(os.fstat(fd).st_mode):  # folders are made sure of before
            raise Killed

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(Killed):
        finish(on, one)
    monkeypatch.undo()
    one.close()  # the kernel does, of whoever is killed
    assert all_sealed(tmp_path / "own") > 0
    finish(on, taker(on, sealed(), WALL_US - 1))
    found = taken(catalog)
    assert len(found) == all_sealed(tmp_path / "own") == 6
    bodies = files(tmp_path / "own")
    assert all(hashlib.sha256(bodies[one.file]).hexdigest() == one.sha256 for one in found)


def test_two_who_take_the_same_instants(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """Whoever comes second waits until the first one's rows are there: each row is about the file that lies there."""
    on = means(gate, catalog, tmp_path / "own")
    first, second = taker(on, sealed(), WALL_US - 1), taker(on, sealed(), WALL_US - 1)
    first.work(SECOND_US)
    assert first.waiting
    before = files(tmp_path / "own")
    assert second.work(SECOND_US) is False
    assert (second.waiting, files(tmp_path / "own")) == ([], before)
    keep(on, first)
    first.kept()
    first.close()
    finish(on, second)
    bodies = files(tmp_path / "own")
    assert len(taken(catalog)) == 6
    assert all(hashlib.sha256(bodies[one.file]).hexdigest() == one.sha256 for one in taken(catalog))


def test_without_a_good_key_nothing_is_written(gate: Gate, catalog: Catalog, tmp_path: Path) -> None:
    """A key that is none writes nothing, plain or sealed, and misses nothing: its instants wait."""
    on = means(gate, catalog, tmp_path / "own")
    one = taker(on, sealed(1, "age1" + "q" * 58), WALL_US - 1)
    with pytest.raises(UsageError, match="no public key"):
        one.work(SECOND_US)
    assert (one.waiting, all_sealed(tmp_path / "own")) == ([], 0)
    finish(on, taker(on, sealed(), WALL_US - 1))
    assert len(taken(catalog)) == 6


@pytest.mark.parametrize("target", ["plain", "sealed"])
def test_what_is_delivered_opens_to_the_rows_hash(gate: Gate, catalog: Catalog, tmp_path: Path, target: str) -> None:
    """A sealed still arrives as it lies here, where a target encrypts for others too, and opens to its hash (C155)."""
    other = pyrage.x25519.Identity.generate()
    more = f'encrypt = ["{other.to_public()}"]\n' if target == "sealed" else ""
    nas = f'[targets.nas]\ntype = "folder"\npath = "{tmp_path / "nas"}"\n{more}'
    # The rule is older than the keys: what it asks for cannot be done with these, and they are sent nevertheless.
    site = Handed(tmp_path, catalog, '[deliveries.a]\ntarget = "nas"\nassets = ["stills"]\nform = "webp"\n', target=nas)
    site.mount()
    on = means(gate, catalog, site.volume)
    on = replace(on, volumes={"main": gate.root, "disk": site.volume}, volume="disk")
    finish(on, taker(on, sealed(2), WALL_US - 1))
    with Sending(site) as sending:
        sending.drain()
    rows, arrived = {one.file: one for one in taken(catalog)}, site.arrived()
    assert len(rows) == 3
    assert arrived == {file: (site.volume / file).read_bytes() for file in rows}
    assert {row.state for row in site.rows()} == {DeliveryState.DELIVERED}
    identity = tmp_path / "identity.txt"
    identity.write_text(f"{KEY}\n")
    for file, one in rows.items():
        opened = unseal(site.nas / file, tmp_path / os.urandom(4).hex(), read_identities(identity))
        assert (opened.bytes, opened.sha256) == (one.plain_bytes, one.plain_sha256)
