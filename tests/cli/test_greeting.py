import json
from pathlib import Path

import pytest

from holdfast.cli.greeting import Greeter
from holdfast.core import config
from support.accounts import node


def say(root: Path, **facts: object) -> None:
    """Write `server.json`."""
    (root / "run").mkdir(exist_ok=True)
    body = {"pid": 7, "address": "http://127.0.0.1:8080", "setup_needed": True, **facts}
    (root / "run/server.json").write_text(json.dumps(body), encoding="utf-8")


def test_it_greets_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The address and the setup token are said once, on standard error, as soon as the server listens."""
    loaded = config.load(node(tmp_path), {})
    (tmp_path / "state/setup-token").write_text("open-sesame", encoding="ascii")
    greeter = Greeter(loaded)
    greeter.tell()
    say(tmp_path, address="", setup_needed=None)
    greeter.tell()
    assert capsys.readouterr() == ("", "")
    say(tmp_path)
    greeter.tell()
    greeter.tell()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("http://127.0.0.1:8080/sign-in") == 1
    assert "open-sesame" in err


def test_it_keeps_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the run before said is not news; with users there is no token; without pages there is nothing to say."""
    path = node(tmp_path)
    say(tmp_path)
    old = Greeter(config.load(path, {}))
    old.tell()
    assert capsys.readouterr().err == ""
    say(tmp_path, pid=8, setup_needed=False)
    old.tell()
    assert capsys.readouterr().err == "pages    http://127.0.0.1:8080\n"
    silent = Greeter(config.load(path, {"HOLDFAST_WEB__ENABLED": "false"}))
    say(tmp_path, pid=9)
    silent.tell()
    assert capsys.readouterr().err == ""
