import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import cameras as rows
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.config import CameraConfig, Loaded, load
from holdfast.core.errors import NotFound, UsageError
from holdfast.library import cameras
from holdfast.library.camera_change import change_camera
from support.catalog import catalog_url, postgres
from support.clock import PushedClock

__all__ = ["catalog_url", "postgres"]

NODE = "pier"
CLOCK = PushedClock()
KEY = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"
TEXT = """
state_dir = "state"
runtime_dir = "run"
[volumes.main]
path = "vol"
[defaults]
segment_s = 300
[cameras.gate]
url = "rtsp://ann:first@192.0.2.1/gate"
location = "L1"
capture.burst_s = 60
[cameras.dock]
address = "192.0.2.3"
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """A configuration with two cameras, one with credentials in its address."""
    return load(tmp_path / "holdfast.toml", {}, text=TEXT)


@pytest.fixture
def catalog(loaded: Loaded, catalog_url: str) -> Iterator[Catalog]:
    """An empty catalog, on either database."""
    with open_catalog(catalog_url) as catalog:
        yield catalog


def change(catalog: Catalog, loaded: Loaded, camera: str, **wanted: Any) -> bool:
    """Change a camera as somebody at the machine does."""
    return change_camera(catalog, NODE, loaded, camera, wanted, CLOCK)


def row(catalog: Catalog, camera: str) -> dict[str, Any]:
    """Return what was said of a camera at run time."""
    found = {one["id"]: one for one in cameras.runtime_settings(catalog, NODE)}
    return {key: value for key, value in found.get(camera, {}).items() if key != "id"}


def whole(catalog: Catalog, loaded: Loaded, camera: str) -> CameraConfig:
    """Return a camera as the worker will have it."""
    return cameras.merged(loaded, cameras.runtime_settings(catalog, NODE)).config.cameras[camera]


def secrets(loaded: Loaded) -> dict[str, str]:
    """Return the files of passwords."""
    folder = loaded.config.state_dir / "secrets"
    return {path.name: path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*"))}


def test_only_what_differs_is_kept(catalog: Catalog, loaded: Loaded) -> None:
    """A row holds the keys that differ from the file; taken back one by one, it goes away with the last."""
    assert change(catalog, loaded, "GATE", segment_s=60, name="Gate", location="L1", capture={"burst_s": 60})
    assert row(catalog, "gate") == {"segment_s": 60, "name": "Gate"}
    assert change(catalog, loaded, "gate", capture={"burst_s": 5, "mode": "burst"}, expected={"video": {"width": 640}})
    assert whole(catalog, loaded, "gate").capture.burst_s == 5
    assert change(catalog, loaded, "gate", capture={"mode": None}, segment_s=300, expected=None)
    assert row(catalog, "gate") == {"name": "Gate", "capture": {"burst_s": 5}}
    assert change(catalog, loaded, "gate", name=None, capture={"burst_s": None})
    assert cameras.runtime_settings(catalog, NODE) == []
    with catalog.read() as tx:
        found = rows.get(tx, "gate")
    assert found is not None
    assert (found.origin, found.location) == ("file", "L1")


def test_no_change_is_none(catalog: Catalog, loaded: Loaded) -> None:
    """Saying what is so already, or taking back what nobody said, writes nothing."""
    assert not change(catalog, loaded, "gate")
    assert not change(catalog, loaded, "gate", segment_s=300, name=None)
    assert change(catalog, loaded, "gate", stall_s=9)
    assert not change(catalog, loaded, "gate", stall_s=9)


def test_a_camera_of_run_time_keeps_what_was_said(catalog: Catalog, loaded: Loaded) -> None:
    """What a camera that stands in no file was told stays, also where it is the default now; its address must stay."""
    cameras.add_camera(catalog, NODE, loaded, "yard", {"url": "rtsp://192.0.2.2/y"}, CLOCK)
    assert change(catalog, loaded, "yard", segment_s=300, transport="udp")
    assert row(catalog, "yard") == {"url": "rtsp://192.0.2.2/y", "segment_s": 300, "transport": "udp"}
    with pytest.raises(UsageError, match="url: is missing"):
        change(catalog, loaded, "yard", url=None)
    assert change(catalog, loaded, "yard", address="192.0.2.9", path="/x")
    assert "url" not in row(catalog, "yard")


@pytest.mark.parametrize(
    ("wanted", "said", "hint"),
    [
        ({"transprot": "udp"}, "camera gate: transprot: unknown key", "did you mean transport?"),
        ({"capture": {"burts_s": 5}}, "capture.burts_s: unknown key", "did you mean burst_s?"),
        ({"colour": None}, "colour: unknown key", ""),
        ({"id": "other"}, "an id cannot be changed", "name"),
        ({"url": "rtsp://h/x\r\nX: 1"}, "url: holds a control character", "type it anew"),
        ({"segment_s": 0}, "segment_s: must be", ""),
        ({"url": "ftp://h/x"}, "ftp:// cannot be recorded", "rtsp://"),
        ({"volume": "mian"}, "there is no volume", "did you mean main?"),
        ({"backoff_first_s": 90}, "is longer than backoff_cap_s", ""),
        ({"url": "rtsp://192.0.2.1/x?token=****"}, "stands for what is hidden", "write it whole"),
    ],
)
def test_nonsense_changes_nothing(
    catalog: Catalog, loaded: Loaded, wanted: dict[str, Any], said: str, hint: str
) -> None:
    """The camera must make sense as a whole before anything is written; keys are named with the nearest one."""
    with pytest.raises(UsageError) as caught:
        change(catalog, loaded, "gate", **{"stall_s": 7, **wanted})
    assert said in str(caught.value)
    assert hint in caught.value.hint
    assert cameras.runtime_settings(catalog, NODE) == []


def test_stills_that_a_rule_compresses_are_not_encrypted(catalog: Catalog, tmp_path: Path) -> None:
    """Whoever asks for both is told so; what was saved before never takes a camera out of recording (C154, C155)."""
    keys = [KEY]
    rule = '[targets.nas]\ntype = "folder"\npath = "nas"\n[deliveries.snaps]\ntarget = "nas"\n'
    plain = load(tmp_path / "holdfast.toml", {}, text=TEXT)
    snaps = load(tmp_path / "holdfast.toml", {}, text=f'{TEXT}{rule}assets = ["stills"]\nquality = 60\n')
    with pytest.raises(UsageError, match="the rule snaps compresses pictures anew, and the stills of gate"):
        change(catalog, snaps, "gate", stills={"encrypt": keys})
    assert change(catalog, plain, "gate", stills={"encrypt": keys})
    assert whole(catalog, snaps, "gate").stills.encrypt == tuple(keys)
    assert change(catalog, snaps, "gate", name="Gate")


def test_unknown_camera(catalog: Catalog, loaded: Loaded) -> None:
    """A camera that is not there is named with those that are."""
    with pytest.raises(NotFound) as caught:
        change(catalog, loaded, "nobody", name="x")
    assert caught.value.hint == "known: gate, dock"


def test_a_password_goes_one_way(catalog: Catalog, loaded: Loaded) -> None:
    """A new password lies in a file of its own, is in force, and replaces the one before, wherever that stood."""
    assert change(catalog, loaded, "gate", password="second")
    gate = whole(catalog, loaded, "gate")
    assert (gate.url, gate.username, gate.password.reveal()) == ("rtsp://192.0.2.1/gate", "ann", "second")
    assert "second" not in str(row(catalog, "gate"))
    assert change(catalog, loaded, "gate", url="rtsp://bob:third@192.0.2.1/gate")
    gate = whole(catalog, loaded, "gate")
    assert (gate.username, gate.password.reveal()) == ("bob", "third")
    assert change(catalog, loaded, "gate", password="fourth")
    assert sorted(secrets(loaded).values()) == ["fourth", "third"], "whoever still knows the row before finds its file"
    assert change(catalog, loaded, "gate", password=None, username=None, url=None)
    assert cameras.runtime_settings(catalog, NODE) == []
    assert whole(catalog, loaded, "gate").password.reveal() == "first"
    assert list(secrets(loaded).values()) == ["fourth"]
    assert change(catalog, loaded, "gate", password="")
    assert not whole(catalog, loaded, "gate").password
    assert secrets(loaded) == {}


def test_a_moved_camera_keeps_its_credentials(catalog: Catalog, loaded: Loaded) -> None:
    """Credentials in the file's address go along when a camera gets another address."""
    assert change(catalog, loaded, "gate", url="rtsp://192.0.2.99/gate")
    gate = whole(catalog, loaded, "gate")
    assert (gate.username, gate.password.reveal()) == ("ann", "first")
    assert "first" not in str(row(catalog, "gate"))
    assert change(catalog, loaded, "gate", url=None)
    assert cameras.runtime_settings(catalog, NODE) == []


def test_switching_back_leaves_no_row(catalog: Catalog, loaded: Loaded) -> None:
    """A camera of the file that is switched off and on again is the file's alone."""
    cameras.switch_camera(catalog, NODE, loaded, "gate", CLOCK, enabled=False)
    assert row(catalog, "gate") == {"enabled": False}
    cameras.switch_camera(catalog, NODE, loaded, "gate", CLOCK, enabled=True)
    assert cameras.runtime_settings(catalog, NODE) == []


def test_changes_at_once_lose_nothing(loaded: Loaded, catalog_url: str) -> None:
    """Eight people who change different keys of one camera at the same time all find theirs in it."""
    keys = ["stall_s", "keyframe_s", "probe_s", "healthy_s", "open_timeout_s", "backoff_cap_s", "sync_s", "segment_s"]
    start = threading.Barrier(len(keys))
    failed: list[BaseException] = []

    def work(number: int, key: str) -> None:
        with open_catalog(catalog_url) as mine:
            start.wait()
            try:
                change(mine, loaded, "gate", **{key: 71 + number})
                change(mine, loaded, "dock", options={key: str(number)}, password=f"word{number}")
            except BaseException as error:  # noqa: BLE001 - shown below, in the test's own thread
                failed.append(error)

    with open_catalog(catalog_url) as catalog:
        cameras.sync_file_cameras(catalog, NODE, loaded, CLOCK)  # the node is known, as it is where a worker runs
        threads = [threading.Thread(target=work, args=(number, key)) for number, key in enumerate(keys)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert row(catalog, "gate") == {key: 71 + number for number, key in enumerate(keys)}
        assert row(catalog, "dock")["options"] == {key: str(number) for number, key in enumerate(keys)}
        # One of the passwords won, and its file was not tidied away by one that lost.
        assert whole(catalog, loaded, "dock").password.reveal() in {f"word{number}" for number in range(len(keys))}
