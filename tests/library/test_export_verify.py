"""C083: an export that anybody changed, shortened, or signed anew does not verify, and each change has its name."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.core.errors import NotFound
from holdfast.library import export_read
from holdfast.library.export_verify import CHECKS, verify_export
from holdfast.storage.keys import node_key
from support.exports import Yard, changed, inside, resigned


@pytest.fixture(name="yard", scope="module")
def _yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    return Yard(tmp_path_factory.mktemp("yard"))


@pytest.fixture(name="made", scope="module")
def _made(yard: Yard) -> Path:
    return yard.export(yard.root / "gate.zip").path


def found(path: Path, key: str | None = None) -> set[tuple[str, str]]:
    """Return numbers and kinds of what is found."""
    result = verify_export(path, key=key)
    assert {finding.number for finding in result.findings} <= set(CHECKS)
    return {(finding.number, finding.kind) for finding in result.findings}


def _manifest(path: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(inside(path)["manifest.json"])
    return body


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_what_is_untouched_verifies(yard: Yard, tmp_path: Path, kind: str) -> None:
    """C083: an export as it was made has no findings, by the key that made it; every byte of it was read."""
    made = yard.export(tmp_path / f"gate.{kind}", format=kind)
    steps: list[tuple[int, int]] = []
    result = verify_export(
        made.path, key=yard.key.public.fingerprint, seen=lambda done, total: steps.append((done, total))
    )
    assert result.findings == []
    assert result.manifest == made.manifest
    assert result.key == yard.key.public.fingerprint
    assert result.bytes == sum(file.bytes for file in made.manifest.files)
    assert steps[-1][0] == steps[-1][1] == result.bytes
    assert result.lines == 14


def test_an_unpacked_one_verifies(made: Path, tmp_path: Path) -> None:
    """The folder that an export was unpacked to verifies like the file, and so does one that was packed anew."""
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path / "out")
    folder = next((tmp_path / "out").iterdir())
    assert found(folder) == set()
    again = shutil.make_archive(str(tmp_path / "again"), "zip", tmp_path / "out")
    assert found(Path(again)) == set()
    (folder / "gate/main/extra.mp4").write_bytes(b"x")
    assert found(folder) == {("E2", "added")}


def test_a_flipped_bit_in_any_file_is_named(made: Path) -> None:
    """One bit of any file in it, whichever it is, is found, and the file is named."""
    for name, data in inside(made).items():
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 1
        result = verify_export(changed(made, **{name: bytes(flipped)}))
        assert any(name in {f.where, f.what} or f.number == "E1" for f in result.findings), name


def test_a_removed_segment_is_named(made: Path) -> None:
    """A file that is taken out is missed by name."""
    name = next(name for name in inside(made) if name.endswith(".mp4"))
    (finding,) = verify_export(changed(made, **{name: None})).findings
    assert (finding.number, finding.kind, finding.where) == ("E2", "removed", name)


def test_a_shorter_file_is_named(made: Path) -> None:
    """A file of which the end was cut off is told from one that was changed."""
    name, data = next((name, data) for name, data in inside(made).items() if name.endswith(".mp4"))
    assert found(changed(made, **{name: data[:-1]})) == {("E2", "cut-off")}


def test_a_removed_gap_is_named_even_where_the_key_is_stolen(yard: Yard, made: Path) -> None:
    """A gap taken out of the manifest breaks the signature; signed again with the node's own key, it leaves a hole."""
    body = _manifest(made)
    body["streams"][0]["gaps"] = []
    raw = json.dumps(body, sort_keys=True, indent=1).encode()
    assert {("E1", "signature"), ("E4", "gap")} <= found(changed(made, **{"manifest.json": raw}))
    assert found(resigned(made, yard.key, body)) == {("E4", "gap")}


def test_a_changed_gap_is_named(yard: Yard, made: Path) -> None:
    """A gap that became shorter leaves a hole, and another reason breaks the signature."""
    body = _manifest(made)
    body["streams"][0]["gaps"][0]["start_us"] += 60_000_000
    assert found(resigned(made, yard.key, body)) == {("E4", "gap")}
    body = _manifest(made)
    body["streams"][0]["gaps"][0]["reason"] = "disabled"
    raw = json.dumps(body, sort_keys=True, indent=1).encode()
    assert found(changed(made, **{"manifest.json": raw})) == {("E1", "signature")}


def test_a_swapped_manifest_is_named(yard: Yard, made: Path, tmp_path: Path) -> None:
    """The manifest of another export, with its own good signature, does not fit these files."""
    other = inside(yard.export(tmp_path / "other.zip", to_us=yard.pieces[2].end_us).path)
    names = ("manifest.json", "manifest.sig")
    kinds = found(changed(made, **{name: other[name] for name in names}))
    assert ("E2", "changed") in kinds
    assert ("E2", "added") in kinds
    assert found(changed(made, **{"manifest.json": other["manifest.json"]})) >= {("E1", "signature")}


def test_another_key_is_named(yard: Yard, made: Path, tmp_path: Path) -> None:
    """A key that somebody else made signs well, and is told from the expected one; a half swap shows by itself."""
    stranger = node_key(tmp_path / "stranger")
    body = {**_manifest(made), "key": stranger.public.fingerprint}
    forged = resigned(made, stranger, body)
    assert found(forged, yard.key.public.fingerprint) >= {("E1", "key")}
    assert found(changed(made, **{"node-key.pub.pem": stranger.public.pem})) >= {("E1", "key"), ("E1", "signature")}
    assert found(changed(made, **{"node-key.pub.pem": b"no key"})) >= {("E1", "key")}


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "node-key.pub.pem"])
def test_what_makes_it_an_export_must_be_there(made: Path, name: str) -> None:
    """Without manifest, signature or key nothing verifies."""
    assert ("E1", "removed") in found(changed(made, **{name: None}))


def test_a_journal_that_says_something_else_is_named(yard: Yard, made: Path) -> None:
    """A line taken out of the journal breaks its chain, and a piece that it does not know is named, whoever signed."""
    name, data = next((name, data) for name, data in inside(made).items() if name.endswith(".jsonl"))
    lines = data.splitlines(keepends=True)
    kinds = found(changed(made, **{name: b"".join(lines[:4] + lines[5:])}))
    assert kinds == {("E2", "cut-off"), ("E3", "chain")}
    body = _manifest(made)
    body["streams"][0]["pieces"][1]["chain"] = "0" * 64
    assert found(resigned(made, yard.key, body)) == {("E3", "chain")}
    body = _manifest(made)
    body["streams"][0]["journals"] = []
    assert ("E3", "chain") in found(resigned(made, yard.key, body))


def test_a_long_journal_is_checked_like_any(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C083: the chain of a journal of any length is checked, and where it cannot be, that is a finding."""
    files = inside(made)
    name, data = next((name, data) for name, data in files.items() if name.endswith(".jsonl"))
    monkeypatch.setattr(export_read, "SMALL_BYTES", len(files["manifest.json"]))
    longer = changed(made, **{name: data * (2 + len(files["manifest.json"]) // len(data))})
    assert found(longer) == {("E2", "changed"), ("E3", "chain")}
    monkeypatch.setattr(export_read, "LINE_BYTES", 10)
    findings = verify_export(made).findings
    assert [(one.number, one.where) for one in findings] == [("E3", name)]
    assert "not checked" in findings[0].what


def test_a_file_twice_is_named(made: Path, tmp_path: Path) -> None:
    """Two files of one name, of which different programs unpack different ones, are a finding."""
    target = tmp_path / "twice.zip"
    shutil.copyfile(made, target)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(target, "a") as archive:
        archive.writestr(archive.namelist()[0], b"other")
    assert ("E2", "added") in found(target)


def test_what_is_no_export_is_said_so(tmp_path: Path) -> None:
    """Other files are unreadable as exports, and a path that is not there is an error."""
    for data in (b"", b"PK\x03\x04", b"garbage" * 100, b"\0\0\0\x18ftypisom" + b"\0" * 600):
        path = tmp_path / "other.zip"
        path.write_bytes(data)
        assert found(path) == {("E2", "unreadable")}
    with pytest.raises(NotFound):
        verify_export(tmp_path / "nowhere.zip")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_any_changed_byte_is_found_or_outside_of_what_is_signed(yard: Yard, tmp_path: Path, kind: str) -> None:
    """C083: whichever byte is changed, it is found, or every file still holds exactly what was signed."""
    made = yard.export(tmp_path / f"small.{kind}", format=kind, to_us=yard.pieces[1].end_us).path
    whole, target = made.read_bytes(), tmp_path / f"flipped.{kind}"
    untouched = verify_export(made)

    @given(st.integers(0, len(whole) - 1), st.integers(1, 255))
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    def flips(at: int, by: int) -> None:
        data = bytearray(whole)
        data[at] ^= by
        target.write_bytes(data)
        result = verify_export(target)
        if not result.findings:
            assert (result.manifest, result.bytes) == (untouched.manifest, untouched.bytes)

    flips()


def test_it_needs_neither_node_nor_network(made: Path) -> None:
    """The command verifies an export in an empty environment, where no configuration could be found."""
    words = [sys.executable, "-m", "holdfast", "verify", str(made)]
    shown = subprocess.run(words, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}, cwd="/")
    assert shown.returncode == 0, shown.stderr
