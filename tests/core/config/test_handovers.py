"""Rules of hand-over: what they take and what they refuse."""

from pathlib import Path

import pytest

from holdfast.core.config import ConfigInvalid, Loaded, load
from holdfast.core.config.handovers import MarkerConfig, WebhookConfig
from holdfast.core.delivery import AssetKind

FILE = """
state_dir = "state"
[volumes.main]
path = "vol"
[cameras.gate]
url = "rtsp://192.0.2.1/a"
[targets.nas]
type = "folder"
path = "nas"
"""
URL = "https://hooks.example.org/a/8f2c"


def loaded(folder: Path, more: str) -> Loaded:
    """Load a file with rules."""
    path = folder / "holdfast.toml"
    path.write_text(FILE + more, encoding="utf-8")
    path.chmod(0o600)
    return load(path, {"HOOK_SECRET": "whsec_c2VjcmV0"})


def test_a_marker_needs_nothing_more(tmp_path: Path) -> None:
    """Footage of all cameras gets `.done` beside it from now on; in a folder markers have the files' paths."""
    text = '[handovers.a]\ntype = "marker"\n[handovers.b]\ntype = "marker"\nfolder = "marks"\n'
    rules = loaded(tmp_path, text).config.handovers
    a, b = rules["a"], rules["b"]
    assert isinstance(a, MarkerConfig)
    assert isinstance(b, MarkerConfig)
    assert a.kinds == {AssetKind.SEGMENT}
    assert (a.after, a.since, a.template) == ((), "new", "{file}.done")
    assert (b.folder, b.template) == (tmp_path / "marks", "{path}.done")


def test_a_webhook_hides_its_secrets(tmp_path: Path) -> None:
    """Address, signing secret and token are secrets: masked where settings are shown, known to the scrubber."""
    text = f'[handovers.a]\ntype = "webhook"\nurl = "{URL}"\nsecret = {{ env = "HOOK_SECRET" }}\ntoken = "t0ken"\n'
    found = loaded(tmp_path, text)
    rule = found.config.handovers["a"]
    assert isinstance(rule, WebhookConfig)
    assert (rule.secret.reveal(), rule.shown) == ("whsec_c2VjcmV0", "https://hooks.example.org")
    assert {URL, "whsec_c2VjcmV0", "t0ken"} <= found.secrets
    assert "t0ken" not in str(found.config.masked())
    assert str(rule.url) == "https://hooks.example.org/****"


def test_plain_secrets_in_an_open_file_are_warned_about(tmp_path: Path) -> None:
    """A token in a file that others may read is a warning."""
    path = tmp_path / "holdfast.toml"
    path.write_text(f'{FILE}[handovers.a]\ntype = "webhook"\nurl = "{URL}"\ntoken = "t0ken"\n', encoding="utf-8")
    path.chmod(0o644)
    assert [problem.key for problem in load(path, {}).warnings] == ["handovers.a.token"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[handovers.a]\ntype = "letter"\n', "'letter' is not known"),
        ('[handovers.a]\ntype = "webhook"\n', "url: is missing"),
        ('[handovers.a]\ntype = "webhook"\nurl = "ftp://host/x"\n', "is no address"),
        ('[handovers.a]\ntype = "webhook"\nurl = "https://me:pw@host/x"\n', "holds a user"),
        (f'[handovers.a]\ntype = "webhook"\nurl = "{URL}"\ntoken = "a\\nb"\n', "no header can carry"),
        ('[handovers.a]\ntype = "marker"\nname = "x/{file}.done"\n', "beside its file has no folders"),
        ('[handovers.a]\ntype = "marker"\nname = "{camera}.done"\n', "needs {file} or {stem}"),
        ('[handovers.a]\ntype = "marker"\nname = "{stem}.mp4"\n', "ends as footage"),
        ('[handovers.a]\ntype = "marker"\nfolder = "m"\nname = "{file}.done"\n', "could have one name"),
        ('[handovers.a]\ntype = "marker"\nfolder = "m"\nname = "{key}.done"\n', "one target in after"),
        ('[handovers.a]\ntype = "marker"\nafter = ["nass"]\n', "did you mean nas"),
        (f'[handovers.{"a" * 41}]\ntype = "marker"\n', "is no name for a hand-over"),
        ('[handovers.a]\ntype = "marker"\n[handovers.b]\ntype = "marker"\n', "makes the markers that a makes"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Kinds, addresses, names and targets are checked, each with its place."""
    with pytest.raises(ConfigInvalid) as refused:
        loaded(tmp_path, text)
    assert said in str(refused.value)
    assert "me:pw" not in str(refused.value)


def test_names_that_tell_files_apart_are_taken(tmp_path: Path) -> None:
    """In a folder camera and file name will do where there is one stream; a name at a target will do, too."""
    text = '[handovers.a]\ntype = "marker"\nfolder = "m"\nname = "{camera}/{stem}.done"\nstreams = ["main"]\n'
    text += '[handovers.b]\ntype = "marker"\nfolder = "nas"\nname = "{key}.done"\nafter = ["nas"]\n'
    assert set(loaded(tmp_path, text).config.handovers) == {"a", "b"}
