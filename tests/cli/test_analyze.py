"""`holdfast analyze` as scripts call it."""

import json
from pathlib import Path

import pytest

from holdfast.cli.main import main
from support.films import film, moving, plain, still


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["analyze", *argv])
    return int(left.value.code or 0)


def test_a_still_with_host_device_and_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As bench called it: a picture, host, device and state; JSON on standard output, 0 (C056)."""
    picture = still(tmp_path / "capture_20260501180000.jpg", plain(0))
    assert _run(str(picture), "host-1", "device1", "{}") == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["blackscreen"], body["host"], body["device"]) == (True, "host-1", "device1")
    assert body["incident_state"]["cases"][0]["type"] == "blackscreen"
    assert _run(str(picture), "host-1", "device1", json.dumps(body["incident_state"])) == 0


def test_hosts_have_dots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A host's full name, and a state that holds a path, are not taken for files; `analyse` is the same word (C056)."""
    picture = str(still(tmp_path / "capture_20260501180000.jpg", plain(0)))
    with pytest.raises(SystemExit) as left:
        main(["analyse", picture, "rpi1.local", "device1", '{"taken_us": null, "cases": [], "of": "/a.jpg"}'])
    assert not left.value.code
    body = json.loads(capsys.readouterr().out)
    assert (body["host"], body["device"]) == ("rpi1.local", "device1")


def test_several_files_are_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several files are answered in their order, films among them."""
    files = [still(tmp_path / "a.jpg", plain(0)), film(tmp_path / "b.mp4", 3, moving)]
    assert _run(*map(str, files)) == 0
    bodies = json.loads(capsys.readouterr().out)
    assert [body["blackscreen"] for body in bodies] == [True, False]


def test_missing_and_wrong_files_are_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not there or no picture is said on standard error and leaves with 1; the rest is answered (C056)."""
    good, wrong = still(tmp_path / "a.jpg", plain(0)), tmp_path / "wrong.jpg"
    wrong.write_text("no picture")
    assert _run(str(tmp_path / "none.jpg")) == 1
    assert "is not there" in capsys.readouterr().err
    assert _run(str(good), str(tmp_path / "gone.jpg"), "host.example.org") == 1
    assert json.loads(capsys.readouterr().out)[0]["host"] == "host.example.org"
    assert _run(str(wrong), str(good)) == 1
    out, err = capsys.readouterr()
    assert "no picture" in err
    assert len(json.loads(out)) == 1


def test_what_makes_no_sense_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A word too many and a state that is no JSON are refused with what to write."""
    picture = str(still(tmp_path / "a.jpg", plain(0)))
    assert _run(picture, "host", "device", "more") == 64
    assert _run(picture, "host", "device", "{") == 65
    assert "hand in what an earlier call answered" in " ".join(capsys.readouterr().err.split())
