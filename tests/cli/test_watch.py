"""`holdfast watch` over footage that is stored: what other settings would have told."""

import json
from pathlib import Path

import pytest

from holdfast.cli.main import main
from holdfast.core.timing import SECOND_US, iso
from support.films import moving, plain
from support.media import WALL_US
from support.watched_film import Gate


@pytest.fixture(name="node", scope="module")
def _node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node whose gate was black from the 8th to the 20th second, of grey 14, and without a catalog so far."""
    root = tmp_path_factory.mktemp("node")
    gate = Gate(root / "disk")
    gate.record(30, lambda at_s: plain(14) if 8 <= at_s < 20 else moving(at_s))
    gate.rest()
    path = root / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\n[volumes.main]\npath = "disk"\n[cameras.gate]\nurl = "rtsp://camera.test/1"\n'
    )
    (root / "state").mkdir()
    return path


def _run(*argv: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["watch", *argv])
    return int(left.value.code or 0)


def _span(node: Path) -> list[str]:
    end_us = WALL_US + 40 * SECOND_US
    return ["-c", str(node), "--camera", "GATE", "--from", iso(WALL_US - SECOND_US), "--to", iso(end_us)]


def test_a_threshold_is_tried_on_stored_footage(node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Grey 14 is not black by default; with another level it would have been, and nothing is kept (C058)."""
    assert _run(*_span(node), "--set", "freeze=no") == 0
    assert "no incidents in" in capsys.readouterr().out
    assert _run(*_span(node), "--set", "freeze=no", "--set", "black_level=16", "--json") == 0
    body = json.loads(capsys.readouterr().out)
    (black,) = body["incidents"]
    assert (black["type"], black["status"]) == ("blackscreen", "resolved")
    assert body["looks"] >= 13
    assert not list(node.parent.rglob("*.jpg"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--set", "blak_level=1"], 64, "did you mean black_level?"),
        (["--set", "region=1 2 3"], 64, "is no region"),
        (["--set", "every_s=0"], 64, "0.5 or more"),
        (["--from", "now"], 64, "ends before it begins"),
        (["--camera", "nobody"], 66, "there is no camera nobody"),
        (["--to", ""], 64, "needs --camera, --from and --to"),
    ],
)
def test_what_makes_no_sense_is_said(
    node: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    """A key, a value, a span or a camera that cannot be is refused with what to write."""
    assert _run(*_span(node), *words) == code
    assert said in " ".join(capsys.readouterr().err.split())
