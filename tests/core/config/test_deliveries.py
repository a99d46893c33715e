"""Rules of delivery: what they take, what follows from them, and what they refuse."""

from pathlib import Path

import pytest

from holdfast.core.config import ConfigInvalid, Loaded, load
from holdfast.core.config.deliveries import DeliveryConfig, RowConfig
from holdfast.core.delivery import AssetKind

KEY = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"
FILE = """
[volumes.main]
path = "vol"
[cameras.gate]
url = "rtsp://192.0.2.1/a"
[targets.nas]
type = "folder"
path = "nas"
[deliveries.archive]
"""


def loaded(folder: Path, more: str) -> Loaded:
    """Load a file whose rule says more."""
    path = folder / "holdfast.toml"
    path.write_text(FILE + more, encoding="utf-8")
    path.chmod(0o600)
    return load(path, {})


def test_a_rule_needs_no_more_than_a_target(tmp_path: Path) -> None:
    """A rule with a target alone sends footage and journals of all cameras, all that is there, named as here."""
    rule = loaded(tmp_path, 'target = "nas"').config.deliveries["archive"]
    assert rule.kinds == {AssetKind.SEGMENT, AssetKind.JOURNAL}
    assert (rule.cameras, rule.since, rule.name, rule.segment_ending, rule.recompresses) == (
        (),
        "all",
        "own",
        "",
        False,
    )


def test_what_follows_from_a_rule() -> None:
    """Lab's names mean mkv unless a form is said; a form or quality means that pictures are written anew (C154)."""
    assert DeliveryConfig(target="nas", name="lab").segment_ending == ".mkv"
    assert DeliveryConfig(target="nas", name="lab", format="mp4").segment_ending == ""
    assert DeliveryConfig(target="nas", form="webp").picture_ending == ".webp"
    assert DeliveryConfig(target="nas", quality=70).recompresses


def test_columns_of_rows() -> None:
    """Own columns go before the preset's, empty ones leave one out, and one column tells rows apart (C075)."""
    row = RowConfig(
        url="https://x.example/rest/v1/", table="snap", preset="shop", columns={"image_url": "", "k": "{key}"}
    )
    assert (row.url, row.telling) == ("https://x.example/rest/v1", "k")
    assert list(row.texts) == ["camera_name", "capture_timestamp", "resolution", "file_size_kb", "restaurant_id", "k"]
    assert RowConfig(url="https://x.example", table="snap", preset="pitch").telling == "video_url"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('target = "nsa"', "there is no target 'nsa'"),
        ('target = "nas"\nname = "{camera}"', "tells assets apart"),
        ('target = "nas"\nname = "labb"', "did you mean lab?"),
        ('target = "nas"\nassets = ["films"]', "films"),
        ('target = "nas"\nassets = []', "assets"),
        ('target = "nas"\nquality = 0', "quality"),
        ('target = "nas"\nrow = {url = "https://x.example", table = "t"}', "has no columns"),
        ('target = "nas"\nrow = {url = "https://x.example", table = "t", columns = {a = "{b}"}}', "{b}"),
        ('target = "nas"\nrow = {url = "https://x.example", table = "t", columns = {a = "1"}}', "tells rows apart"),
        ('target = "nas"\nrow = {url = "https://me:pw@x.example", table = "t", preset = "shop"}', "more than host"),
        ('target = "nas"\nrow = {url = "x", table = "t; drop", preset = "shop"}', "no address"),
        ('target = "nas"\n[deliveries."a b"]\ntarget = "nas"', "no name for a rule"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, more: str, words: str) -> None:
    """A rule that could lose files, or names nothing that is there, is refused with the reason (C132)."""
    with pytest.raises(ConfigInvalid) as error:
        loaded(tmp_path, more)
    assert words in str(error.value)


def test_a_target_with_a_mistake_is_not_said_to_be_missing(tmp_path: Path) -> None:
    """One mistake is told once: no rule is told that its target, or another one, is not there."""
    far = '[targets.far]\ntype = "sftq"'
    with pytest.raises(ConfigInvalid) as error:
        loaded(tmp_path, f'target = "nas"\n[handovers.x]\ntype = "marker"\nafter = ["nas"]\n{far}')
    assert [problem.key for problem in error.value.problems] == ["targets.far.type"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("copies = 2", "asks for 2, and footage is sent to 1 target"),
        ("copies = 1", ""),
        ('copies = 1\n[deliveries.archive]\ncameras = ["dock"]', "asks for 1, and footage is sent to no targets"),
    ],
)
def test_copies_that_never_come_are_warned_of(tmp_path: Path, more: str, words: str) -> None:
    """Footage that waits for more copies than it is sent to targets would stay until recording stops."""
    keep, _, rule = more.partition("\n[deliveries.archive]\n")
    warnings = loaded(tmp_path, f'target = "nas"\n{rule}\n[cameras.gate.retention]\n{keep}\n').warnings
    assert [str(one.message) for one in warnings] == ([words] if words else [])


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ('assets = ["stills"]\nquality = 60', True),
        ('assets = ["stills"]\nform = "webp"\ncameras = ["dock", "gate"]', True),
        ('assets = ["stills"]\nform = "webp"\ncameras = ["dock"]', False),
        ('assets = ["events"]\nquality = 60', False),
        ('assets = ["stills"]', False),
    ],
)
def test_what_is_encrypted_is_not_compressed_anew(tmp_path: Path, rule: str, *, wrong: bool) -> None:
    """A rule that compresses stills which a camera encrypts is refused, and says what can be done (C154, C155)."""
    cameras = f'[cameras.gate.stills]\nencrypt = ["{KEY}"]\n[cameras.dock]\nurl = "rtsp://192.0.2.1/b"'
    if not wrong:
        assert loaded(tmp_path, f'target = "nas"\n{rule}\n{cameras}').config.cameras["gate"].stills.encrypt
        return
    with pytest.raises(ConfigInvalid, match="stills of gate are encrypted") as error:
        loaded(tmp_path, f'target = "nas"\n{rule}\n{cameras}')
    assert "name other cameras" in str(error.value)


def test_a_key_is_a_secret(tmp_path: Path) -> None:
    """The key of a row's interface is nowhere to be seen, and a file that others may read is warned of (F61)."""
    more = 'target = "nas"\nrow = {url = "https://x.example", table = "t", preset = "shop", key = "k-e-y"}'
    found = loaded(tmp_path, more)
    assert "k-e-y" in found.secrets
    assert "k-e-y" not in str(found.config.masked())
    found.path.chmod(0o644)
    assert "plain text" in str(load(found.path, {}).warnings[0])
