import os
from pathlib import Path

import pytest

from holdfast.core.config import default_path, default_runtime_dir, default_state_dir, guess_state_dir


def test_the_file_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable goes before the folder, the folder before the user's settings."""
    monkeypatch.chdir(tmp_path)
    user = tmp_path / "home/.config/holdfast/holdfast.toml"
    user.parent.mkdir(parents=True)
    user.touch()
    environ = {"HOME": str(tmp_path / "home")}
    assert default_path(environ) == user
    Path("holdfast.toml").touch()
    assert default_path(environ) == Path("holdfast.toml")
    assert default_path({**environ, "HOLDFAST_CONFIG": "/x.toml"}) == Path("/x.toml")


def test_installations_do_not_share_a_runtime_folder() -> None:
    """Two state folders of one user have two runtime folders, each always the same."""
    one, two = (default_runtime_dir(Path(p), {}) for p in ("/a", "/b"))
    assert one != two
    assert one == default_runtime_dir(Path("/a"), {})
    assert str(os.getuid()) in str(one)
    assert default_runtime_dir(Path("/a"), {"RUNTIME_DIRECTORY": "/run/holdfast:/run/x"}).parent == Path(
        "/run/holdfast"
    )


def test_the_state_folder_follows_systemd_then_the_user() -> None:
    """Under systemd its folder is used; else the user's."""
    assert default_state_dir({"STATE_DIRECTORY": "/var/lib/holdfast:/x"}) == Path("/var/lib/holdfast")
    assert default_state_dir({"XDG_STATE_HOME": "/s"}) == Path("/s/holdfast")
    assert default_state_dir({"HOME": "/h"}) == Path("/h/.local/state/holdfast")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('state_dir = "st"\n[unfinished', "st"),
        ("state_dir = '/abs'\nunknown = 1\n", "/abs"),
        ('state_dir = "~nobody-here"', "/h/.local/state/holdfast"),
        ('# state_dir = "no"\nbroken = = 1', "/h/.local/state/holdfast"),
    ],
)
def test_a_broken_file_still_leads_to_its_state(tmp_path: Path, text: str, expected: str) -> None:
    """One wrong character must not cost the way to the last good settings (F48)."""
    path = tmp_path / "holdfast.toml"
    path.write_text(text)
    assert guess_state_dir(path, {"HOME": "/h"}) == tmp_path / expected
    assert guess_state_dir(path, {"HOLDFAST_STATE_DIR": "/e"}) == Path("/e")
