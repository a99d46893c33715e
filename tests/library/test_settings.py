"""Settings that are changed while running: over the file, under the environment, and back."""

import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.config import Loaded, load
from holdfast.core.errors import BadInput, Conflict, HoldfastError, NotFound
from holdfast.library import settings
from support.catalog import catalog, catalog_url, postgres
from support.clock import PushedClock

__all__ = ["catalog", "catalog_url", "postgres"]

LIMITS = ("web.viewers", "web.session_hours", "web.transcodes")
KEY = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"
FILE = """
state_dir = "state"
runtime_dir = "run"
[site]
time_zone = "Europe/Berlin"
[volumes.main]
path = "vol"
[defaults]
segment_s = 600
[cameras.gate]
url = "rtsp://192.0.2.1/gate"
[cameras.yard]
url = "rtsp://192.0.2.1/yard"
segment_s = 60
"""


def read(root: Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Load the configuration."""
    return load(root / "holdfast.toml", environ or {}, text=FILE)


def changed(catalog: Catalog, file: Loaded, **wanted: Any) -> Loaded:
    """Change settings; `__` is a dot. Returns what holds then."""
    by_key = {key.replace("__", "."): value for key, value in wanted.items()}
    settings.change(catalog, "pier", file, by_key, PushedClock(), by="ann")
    return settings.laid_over(file, settings.saved(catalog, "pier"))[0]


def listed(catalog: Catalog, file: Loaded, key: str) -> settings.SettingNow:
    """Return one setting as people see it."""
    return next(s for s in settings.list_settings(catalog, "pier", file) if s.about.key == key)


def test_a_saved_setting_goes_before_the_file(tmp_path: Path, catalog: Catalog) -> None:
    """A saved default reaches the cameras that say nothing themselves, and no other; its origin says so (C126)."""
    file = read(tmp_path)
    now = changed(catalog, file, defaults__segment_s=300)
    assert (now.config.cameras["gate"].segment_s, now.config.cameras["yard"].segment_s) == (300, 60)
    assert now.origins["cameras.gate.segment_s"] == "[defaults] saved settings"
    assert now.origins["cameras.yard.segment_s"].startswith("holdfast.toml:")
    found = listed(catalog, file, "defaults.segment_s")
    assert (found.value, found.origin, found.below, found.saved) == (300, "saved settings", 600, True)
    assert (found.changed_by, found.changed_us) == ("ann", PushedClock().wall_us())


def test_set_back_to_the_file(tmp_path: Path, catalog: Catalog) -> None:
    """None sets a key back to what the file says, or else the default (C126)."""
    file = read(tmp_path)
    changed(catalog, file, defaults__segment_s=300, log__level="debug")
    now = changed(catalog, file, defaults__segment_s=None, log__level=None)
    assert now.config == file.config
    assert listed(catalog, file, "defaults.segment_s").origin == "holdfast.toml:9"
    found = listed(catalog, file, "log.level")
    assert (found.value, found.origin, found.saved, found.changed_by) == ("info", "default", False, "ann")


def test_what_would_be_is_not_saved(tmp_path: Path, catalog: Catalog) -> None:
    """A change can be looked at before it is made, with the cameras of the catalog; nonsense is refused as ever."""
    file, cameras = read(tmp_path), [{"id": "dock", "url": "rtsp://192.0.2.1/dock"}]
    changed(catalog, file, defaults__stall_s=9)
    wanted = {"defaults.retention.keep_days": 7, "defaults.stall_s": None}
    found = settings.would_be(catalog, "pier", file, wanted, cameras).config
    assert {name: one.retention.keep_days for name, one in found.cameras.items()} == {"gate": 7, "yard": 7, "dock": 7}
    assert found.cameras["gate"].stall_s == file.config.cameras["gate"].stall_s
    assert settings.saved(catalog, "pier") == {"defaults.stall_s": 9}
    with pytest.raises(BadInput):
        settings.would_be(catalog, "pier", file, {"defaults.retention.keep_days": "long"}, cameras)


def test_the_environment_goes_before_saved_settings(tmp_path: Path, catalog: Catalog) -> None:
    """What the environment decides cannot be changed here, says so, and holds whatever was saved before."""
    changed(catalog, read(tmp_path), site__name="Pier", defaults__stall_s=9)
    file = read(tmp_path, {"HOLDFAST_SITE__NAME": "Mole", "HOLDFAST_DEFAULTS__STALL_S": "7"})
    now = settings.laid_over(file, settings.saved(catalog, "pier"))[0]
    assert (now.config.site.name, now.config.cameras["gate"].stall_s) == ("Mole", 7)
    assert listed(catalog, file, "site.name").fixed == "the environment HOLDFAST_SITE__NAME decides it"
    for key in ("site.name", "defaults.stall_s"):
        with pytest.raises(Conflict, match="HOLDFAST_"):
            settings.change(catalog, "pier", file, {key: "3"}, PushedClock())


@pytest.mark.parametrize(
    ("key", "value", "error", "says"),
    [
        ("defaults.segment_s", "often", BadInput, "defaults.segment_s: must be a whole number"),
        ("defaults.segment_s", -1, BadInput, "must be 1 or more"),
        ("site.time_zone", "Berlin", BadInput, "'Berlin' is no time zone"),
        ("defaults.volume", "moon", BadInput, "there is no volume 'moon'"),
        ("log.level", "loud", BadInput, "must be debug, info"),
        ("defaults.segmnt_s", 1, NotFound, "no setting 'defaults.segmnt_s'"),
        ("catalog.url", "sqlite:///x", NotFound, "no setting 'catalog.url'"),
        ("state_dir", "/elsewhere", NotFound, "no setting 'state_dir'"),
        ("defaults.password", {"file": "/etc/hostname"}, BadInput, "can only stand in the configuration file"),
        ("defaults.username", {"env": "PATH"}, BadInput, "can only stand in the configuration file"),
    ],
)
def test_what_makes_no_sense_is_refused_whole(
    tmp_path: Path, catalog: Catalog, key: str, value: object, error: type[HoldfastError], says: str
) -> None:
    """One bad value is named, and nothing of the same change is taken."""
    with pytest.raises(error, match=says):
        settings.change(catalog, "pier", read(tmp_path), {"site.name": "Pier", key: value}, PushedClock())
    assert settings.saved(catalog, "pier") == {}


def test_no_file_of_this_machine_as_model_or_labels(tmp_path: Path, catalog: Catalog) -> None:
    """Labels are told to whoever asks: from elsewhere files can be chosen that the configuration names (C140)."""
    text = FILE + '[cameras.yard.objects]\nmodel = "yolo.onnx"\nlabels_file = "coco.txt"\n'
    file = load(tmp_path / "holdfast.toml", {}, text=text)
    for key, other in (("model", "coco.txt"), ("labels_file", "/etc/passwd"), ("labels_file", "../coco.txt")):
        with pytest.raises(
            BadInput, match=rf"defaults.objects.{key}: a file of this machine cannot be named"
        ) as raised:
            settings.change(catalog, "pier", file, {f"defaults.objects.{key}": other}, PushedClock())
        assert "name it in holdfast.toml" in raised.value.hint
    with pytest.raises(BadInput, match=r"objects.model: must be"):
        settings.change(catalog, "pier", file, {"defaults.objects.model": ["yolo.onnx"]}, PushedClock())
    now = changed(catalog, file, defaults__objects__model="yolo.onnx", defaults__objects__labels_file="coco.txt")
    assert now.config.cameras["gate"].objects.labels_file == "coco.txt"
    assert changed(catalog, file, defaults__objects__model=None).config.cameras["gate"].objects.model == ""
    assert changed(catalog, file, defaults__objects__labels_file="").defaults.objects.labels_file == ""


def test_stills_that_a_rule_compresses_are_not_encrypted(tmp_path: Path, catalog: Catalog) -> None:
    """Encrypting the stills of all cameras is refused while a rule compresses some anew, of added ones too (C155)."""
    rule = '[targets.nas]\ntype = "folder"\npath = "nas"\n[deliveries.snaps]\ntarget = "nas"\nassets = ["stills"]\n'
    file = load(tmp_path / "holdfast.toml", {}, text=f'{FILE}{rule}quality = 60\ncameras = ["dock"]\n')
    wanted, dock = {"defaults.stills.encrypt": [KEY]}, {"id": "dock", "url": "rtsp://192.0.2.1/dock"}
    with pytest.raises(BadInput, match="the rule snaps compresses pictures anew, and the stills of dock"):
        settings.change(catalog, "pier", file, wanted, PushedClock(), cameras=[dock])
    assert settings.change(catalog, "pier", file, wanted, PushedClock()) == ["defaults.stills.encrypt"]


def test_a_nearly_right_key_is_named(tmp_path: Path, catalog: Catalog) -> None:
    """A mistyped key is answered with the one that was meant."""
    with pytest.raises(NotFound) as refused:
        settings.change(catalog, "pier", read(tmp_path), {"defaults.segmnt_s": 1}, PushedClock())
    assert refused.value.hint == "did you mean defaults.segment_s?"


def test_cameras_of_the_catalog_must_go_on_making_sense(tmp_path: Path, catalog: Catalog) -> None:
    """A setting that would throw a camera out that was added while running is refused."""
    added = [{"id": "dock", "url": "rtsp://192.0.2.1/dock", "backoff_cap_s": 10}]
    with pytest.raises(BadInput, match=r"cameras\.dock\.backoff_first_s: is longer"):
        settings.change(
            catalog, "pier", read(tmp_path), {"defaults.backoff_first_s": 20}, PushedClock(), cameras=added
        )  # fmt: skip


def test_a_secret_is_written_and_never_shown(tmp_path: Path, catalog: Catalog) -> None:
    """A saved password works, stands in a file for this user alone, and is in no row and no answer (C130)."""
    file = read(tmp_path)
    now = changed(catalog, file, defaults__password="tide-1")
    assert now.config.cameras["gate"].password.reveal() == "tide-1"
    assert "tide-1" in now.secrets
    (kept,) = (tmp_path / "state" / "secrets").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "tide-1" not in str(settings.saved(catalog, "pier"))
    assert listed(catalog, file, "defaults.password").value == "****"
    assert changed(catalog, file, defaults__password="tide-2").config.cameras["gate"].password.reveal() == "tide-2"


def test_a_saved_setting_that_no_longer_fits_the_file_is_left_out(tmp_path: Path) -> None:
    """When the file changes under it, a setting that makes no sense any more keeps nothing else out."""
    now, problems = settings.laid_over(
        read(tmp_path), {"defaults.volume": "gone", "site.name": "Pier", "no.such": 1, "log.level": None}
    )
    assert (now.config.site.name, now.config.cameras["gate"].volume) == ("Pier", "")
    assert {problem.message for problem in problems} == {"there is no volume 'gone'"}


def test_a_catalog_that_has_forgotten_gets_them_back(tmp_path: Path) -> None:
    """Settings survive a deleted catalog; what was set back stays set back, and what is there is not overwritten."""
    file, clock = read(tmp_path), PushedClock()
    with open_catalog(f"sqlite:///{tmp_path}/one.sqlite") as first:
        settings.change(first, "pier", file, {"site.name": "Pier", "log.level": "debug"}, clock)
        settings.change(first, "pier", file, {"log.level": None}, clock)
        settings.remember(tmp_path, settings.saved(first, "pier"))
    with open_catalog(f"sqlite:///{tmp_path}/two.sqlite") as second:
        known = settings.recall(tmp_path)
        assert settings.restore_lost(second, "pier", known, clock) == ["log.level", "site.name"]
        assert settings.saved(second, "pier") == {"site.name": "Pier", "log.level": None}
        settings.change(second, "pier", file, {"site.name": "Mole"}, clock)
        assert settings.restore_lost(second, "pier", known, clock) == []
        assert settings.saved(second, "pier")["site.name"] == "Mole"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe"])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, body: bytes) -> None:
    """A memory that cannot be read means that nothing is known, not that nothing starts."""
    (tmp_path / settings.MEMORY).write_bytes(body)
    assert settings.recall(tmp_path) == {}


def test_many_change_at_once(tmp_path: Path, catalog_url: str) -> None:
    """Changes at the same moment, of one key and of several, are all taken, and none fails."""
    file, clock, failed = read(tmp_path), PushedClock(), list[BaseException]()

    def work(number: int) -> None:
        try:
            with open_catalog(catalog_url) as mine:
                settings.change(mine, "pier", file, {"log.keep": number, f"{LIMITS[number % 3]}": 10 + number}, clock)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test says it
            failed.append(error)

    with open_catalog(catalog_url) as catalog:
        with catalog.write() as tx:
            nodes.ensure(tx, "pier", clock.wall_us())
        threads = [threading.Thread(target=work, args=(number,)) for number in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        found = settings.saved(catalog, "pier")
    assert found["log.keep"] in range(9)
    assert all(found[key] - 10 in range(place, 9, 3) for place, key in enumerate(LIMITS))
