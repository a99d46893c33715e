"""`holdfast export` and `holdfast verify EXPORT` as a person uses them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.cli.main import main
from support.exports import Yard, changed


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(argv))
    return int(left.value.code or 0)


@pytest.fixture(name="yard")
def _yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Yard:
    monkeypatch.chdir(tmp_path)
    yard = Yard(tmp_path)
    (tmp_path / "holdfast.toml").write_text(
        'state_dir = "state"\n[site]\nname = "Harbour"\ntime_zone = "Europe/Berlin"\n[volumes.main]\npath = "disk"\n'
        'reserve = "1 MB"\n[cameras.gate]\nname = "North gate"\nurl = "rtsp://camera.test/1"\nside = "left"\n'
    )
    return yard


def test_a_span_with_gaps_says_so(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    """C083: what is missing is named and the exit code is 1; the file verifies, and the key can be pinned."""
    span = ["--from", str(yard.began_us), "--to", str(yard.clock.wall_us()), "-c", "holdfast.toml"]
    assert _run("export", "GATE", *span, "--json", "--purpose", "case 12") == 1
    body = json.loads(capsys.readouterr().out)
    assert [(one["why"], one["stream"]) for one in body["missing"]] == [
        ("removed: reserve", "gate/main"), ("unreachable", "gate/main"),
    ]  # fmt: skip
    assert not body["complete"]
    assert Path(body["file"]).stat().st_size == body["bytes"]
    assert _run("verify", body["file"]) == 0
    said = capsys.readouterr().out
    assert "everything is as it was signed" in said
    assert "not all of the span is in it" in said
    assert _run("node", "key", "--json", "-c", "holdfast.toml") == 0
    key = json.loads(capsys.readouterr().out)
    assert key["fingerprint"] == body["key"]
    assert _run("verify", body["file"], "--key", key["fingerprint"]) == 0
    assert _run("verify", body["file"], "--key", "0" * 64, "--json") == 1
    (finding,) = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))["findings"]
    assert finding["kind"] == "key"


def test_a_whole_span_is_whole(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    """C083: without gaps the exit code is 0; a file that is there is not written over unless that is asked for."""
    span = ["--from", str(yard.pieces[1].start_us), "--to", str(yard.pieces[2].end_us), "-c", "holdfast.toml"]
    assert _run("export", "gate", *span, "--out", "a.tar", "--format", "tar") == 0
    assert "2 clips" in capsys.readouterr().out
    assert _run("export", "gate", *span, "--out", "a.tar", "--format", "tar") == 65
    assert "exists already" in capsys.readouterr().err
    assert _run("export", "gate", *span, "--out", "a.tar", "--format", "tar", "--force") == 0
    data = bytearray(Path("a.tar").read_bytes())
    at = data.index(b"footage/gate")
    data[at] ^= 1
    Path("a.tar").write_bytes(data)
    capsys.readouterr()
    assert _run("verify", "a.tar") == 1
    assert "E2  changed  gate/main/gate_" in capsys.readouterr().out


def test_what_cannot_be_says_why(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    """F55: an unknown camera, a span without sense and a format that there is not have their own codes."""
    span = ["--from", str(yard.began_us), "--to", str(yard.clock.wall_us()), "-c", "holdfast.toml"]
    assert _run("export", "yard", *span) == 66
    assert _run("export", "gate", *span, "--format", "rar") == 64
    assert _run("export", "gate", *span, "--streams", "third") == 64
    assert _run("export", "gate", "--from", "now", "--to", "1h", "-c", "holdfast.toml") == 64
    assert _run("verify", "nowhere.zip") == 66
    capsys.readouterr()
    Path("other.zip").write_text("no archive")
    assert _run("verify", "other.zip") == 1
    assert "this is no export" in capsys.readouterr().out
    assert _run("export", "gate", *span, "--out", "half.zip") == 1
    Path("half.zip").write_bytes(Path("half.zip").read_bytes()[:-4000])
    capsys.readouterr()
    assert _run("verify", "half.zip") == 1
    assert "this ZIP is cut off" in capsys.readouterr().out


def test_a_signature_that_does_not_hold_vouches_for_nothing(yard: Yard, capsys: pytest.CaptureFixture[str]) -> None:
    """E1: where signature and manifest do not fit, nobody is said to have signed it."""
    span = ["--from", str(yard.began_us), "--to", str(yard.clock.wall_us()), "-c", "holdfast.toml"]
    assert _run("export", "gate", *span, "--out", "a.zip") == 1
    path = changed(Path("a.zip"), **{"manifest.sig": bytes(64)})
    capsys.readouterr()
    assert _run("verify", str(path)) == 1
    said = capsys.readouterr().out
    assert "E1  signature" in said
    assert "the signature does not hold" in said
    assert "signed with" not in said


def test_the_key_stays_here(yard: Yard) -> None:
    """C131: neither an export nor what the commands say holds the private half."""
    span = ["--from", str(yard.began_us), "--to", str(yard.clock.wall_us()), "-c", "holdfast.toml"]
    assert _run("export", "gate", *span, "--out", "a.tar", "--format", "tar") == 1
    secret = b"".join((yard.root / "state/node-key.pem").read_bytes().splitlines()[1:-1])
    assert secret not in Path("a.tar").read_bytes()
    assert b"PRIVATE" not in Path("a.tar").read_bytes()
    env = {**os.environ, "HOLDFAST_CONFIG": "holdfast.toml"}
    shown = subprocess.run([sys.executable, "-m", "holdfast", "node", "key"], capture_output=True, check=True, env=env)
    assert b"PUBLIC KEY" in shown.stdout
    assert secret not in shown.stdout + shown.stderr
