"""`holdfast stills` over footage that is stored."""

import hashlib
import json
from pathlib import Path

import av
import pyrage  # type: ignore[import-untyped] # it comes without types
import pytest

from holdfast.cli.main import main
from holdfast.core.timing import SECOND_US, iso
from support.media import WALL_US
from support.still_films import number_in, numbered
from support.watched_film import Gate


@pytest.fixture(name="node", scope="module")
def _node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node whose gate has 20 s of footage, and then none because it was away."""
    root = tmp_path_factory.mktemp("node")
    gate = Gate(root / "disk")
    gate.record(20, numbered)
    gate.down("unreachable", 100)
    path = root / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\n[volumes.main]\npath = "disk"\n[cameras.gate]\nurl = "rtsp://camera.test/1"\n'
        'location = "r-7"\nstills = {every_s = 5, name = "shop"}\n'
    )
    (root / "state").mkdir()
    return path


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["stills", *argv])
    return int(left.value.code or 0)


def _span(node: Path, seconds: float = 30) -> list[str]:
    return ["-c", str(node), "--from", iso(WALL_US), "--to", iso(WALL_US + round(seconds * SECOND_US))]


def test_an_old_span_is_taken_listed_and_filmed(
    node: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:  # fmt: skip
    """What would be taken is said first; then it is taken, once, listed with causes, and filmed (C014, C016)."""
    assert _run("take", "GATE", *_span(node), "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"planned": 6, "there": 0}
    assert _run("take", "gate", *_span(node), "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["planned"], done["there"], done["taken"], done["missed"]) == (6, 0, 5, 1)
    assert _run("take", "gate", *_span(node)) == 0
    assert "5 there, 0 taken" in capsys.readouterr().out
    assert _run("list", "gate", "-c", str(node), "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["taken"], body["missed"]) == (5, 1)
    newest, oldest = body["stills"][0], body["stills"][-1]
    assert (newest["state"], newest["cause"], newest["location"]) == ("missed", "unreachable", "r-7")
    path = node.parent / "disk" / oldest["file"]
    assert path.name.endswith("_128_16.jpg")
    assert number_in(path) == 0
    assert _run("list", "-c", str(node), "--missed") == 0
    assert "missed: unreachable" in capsys.readouterr().out
    film = tmp_path / "film.mp4"
    assert _run("timelapse", "gate", *_span(node), "--out", str(film), "--rate", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == 5
    with av.open(str(film)) as media:
        assert float(media.duration or 0) / av.time_base == pytest.approx(2.5, abs=0.1)
    assert _run("timelapse", "gate", *_span(node), "--out", str(film)) == 65
    assert "--force" in capsys.readouterr().err


def test_encrypted_ones_say_so_and_open(
    node: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:  # fmt: skip
    """They are listed as such and left out of films; `decrypt` gives the picture with the row's plain hash (C155)."""
    key, config = pyrage.x25519.Identity.generate(), node.with_name("sealed.toml")
    text = node.read_text().replace('name = "shop"', f'name = "bench", encrypt = ["{key.to_public()}"]')
    config.write_text(text.replace('"state"', '"sealed-state"'))
    (node.parent / "sealed-state").mkdir()
    (tmp_path / "key.txt").write_text(f"{key}\n")
    span = ["-c", str(config), *_span(node)[2:]]
    assert _run("take", "gate", *span) == 0
    capsys.readouterr()
    assert _run("list", "gate", "-c", str(config)) == 0
    told = capsys.readouterr().out
    assert told.count(".jpg.age  (encrypted)") == 5
    assert "5 of them encrypted, 1 missed" in told
    assert _run("timelapse", "gate", *span, "--out", str(tmp_path / "a.mp4")) == 65
    assert "are encrypted" in capsys.readouterr().err
    assert _run("list", "gate", "-c", str(config), "--json") == 0
    newest = json.loads(capsys.readouterr().out)["stills"][1]
    assert newest["encrypted"]
    file = node.parent / "disk" / newest["file"]
    with pytest.raises(SystemExit) as left:
        main(["decrypt", str(file), "-i", str(tmp_path / "key.txt"), "-o", str(tmp_path / "a.jpg")])
    assert not left.value.code
    assert newest["plain_sha256"] in capsys.readouterr().out
    assert hashlib.sha256((tmp_path / "a.jpg").read_bytes()).hexdigest() == newest["plain_sha256"]
    assert number_in(tmp_path / "a.jpg") == 499  # the last picture before the outage


def test_another_rhythm(node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Typed seconds go before the camera's; names then carry parts of a second."""
    assert _run("take", "gate", *_span(node, 2), "--every", "0.4", "--json") == 0
    assert json.loads(capsys.readouterr().out)["planned"] == 5
    names = {path.name for path in (node.parent / "disk" / "stills").rglob("*_400_128_16.jpg")}
    assert len(names) == 1


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["take", "yard", "--from", "2h", "--to", "now"], 66, "no camera yard"),
        (["take", "gate", "--from", "now", "--to", "2h"], 64, "ends before"),
        (["timelapse", "gate", "--from", "2001-01-01", "--to", "2001-01-02"], 66, "no stills"),
        (["take", "gate", "--from", "2001-01-01", "--to", "now"], 64, "more than"),
    ],
)
def test_mistakes_are_explained(
    node: Path, capsys: pytest.CaptureFixture[str], argv: list[str], code: int, words: str
) -> None:
    """An error says what and why in words, with an exit code that scripts can tell apart."""
    assert _run(*argv, "-c", str(node)) == code
    assert words in capsys.readouterr().err
