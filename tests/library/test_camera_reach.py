from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.core.config import Loaded, load
from holdfast.core.errors import UsageError
from holdfast.library import cameras
from holdfast.library.camera_change import change_camera
from support.clock import PushedClock

CLOCK = PushedClock()
TEXT = """
state_dir = "vol/state"
runtime_dir = "run"
[volumes.main]
path = "vol"
[cameras.gate]
url = "rtsp://192.0.2.1/gate"
[cameras.film]
url = "{film}"
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """A volume that holds the state folder, too, and a camera that is a file elsewhere."""
    (tmp_path / "vol" / "state" / "secrets").mkdir(parents=True)
    (tmp_path / "vol" / "state" / "secrets" / "gate.txt").write_text("s3cret", encoding="utf-8")
    (tmp_path / "vol" / "out").symlink_to(tmp_path)
    (tmp_path / "film.mp4").write_bytes(b"")
    return load(tmp_path / "holdfast.toml", {}, text=TEXT.replace("{film}", str(tmp_path / "film.mp4")))


@pytest.mark.parametrize(
    "url",
    ["/etc/passwd", "file:///etc/passwd", "FILE:///etc/passwd", "../../etc/passwd", "vol/../holdfast.toml",
     "vol/out/other.mp4", "vol/state/secrets/{id}.txt", "holdfast.toml", "/proc/self/environ", "~/.bashrc",
     "file://vol/../../etc/shadow"],
)  # fmt: skip
def test_no_file_of_this_machine_from_elsewhere(loaded: Loaded, url: str) -> None:
    """A file outside the volumes is no camera over the network, however it is written; at the machine it is (C140)."""
    with open_catalog(loaded.config.catalog_url) as catalog:
        for settings in ({"url": url}, {"url": "rtsp://h/x", "sub_url": url}):
            with pytest.raises(UsageError, match="a file of this machine cannot be named from elsewhere"):
                cameras.add_camera(catalog, "pier", loaded, "yard", settings, CLOCK, remote=True)
            with pytest.raises(UsageError, match="a file of this machine cannot be named from elsewhere"):
                change_camera(catalog, "pier", loaded, "gate", settings, CLOCK, remote=True)
        assert cameras.runtime_settings(catalog, "pier") == []
        assert cameras.add_camera(catalog, "pier", loaded, "yard", {"url": url}, CLOCK).camera == "yard"
        # What somebody at the machine set up may be renamed from elsewhere, but not led to another file.
        assert change_camera(catalog, "pier", loaded, "yard", {"name": "Yard"}, CLOCK, remote=True)
        with pytest.raises(UsageError, match="cannot be named"):
            change_camera(catalog, "pier", loaded, "yard", {"url": "/etc/group"}, CLOCK, remote=True)


@pytest.mark.parametrize("url", ["x11://:0", "v4l2:///dev/video0", "csi://0", "folder:///srv/captures"])
def test_no_screen_or_device_of_this_machine_from_elsewhere(loaded: Loaded, url: str) -> None:
    """A screen or device is no camera over the network; at the machine it is, and may be renamed from elsewhere."""
    with open_catalog(loaded.config.catalog_url) as catalog:
        with pytest.raises(UsageError, match=r"a (screen or a device|folder) of this machine"):
            cameras.add_camera(catalog, "pier", loaded, "yard", {"url": url}, CLOCK, remote=True)
        with pytest.raises(UsageError, match=r"a (screen or a device|folder) of this machine"):
            change_camera(catalog, "pier", loaded, "gate", {"url": url}, CLOCK, remote=True)
        assert cameras.add_camera(catalog, "pier", loaded, "yard", {"url": url}, CLOCK).camera == "yard"
        assert change_camera(catalog, "pier", loaded, "yard", {"name": "Yard"}, CLOCK, remote=True)
        assert cameras.add_camera(
            catalog, "pier", loaded, "web", {"url": "https://192.0.2.9/x.jpg"}, CLOCK, remote=True
        )


def test_no_file_of_this_machine_as_model_or_labels(tmp_path: Path) -> None:
    """Labels are told to whoever asks: from elsewhere a camera has files of the configuration or its own (C140)."""
    text = TEXT.replace("{film}", "rtsp://192.0.2.3/x") + '[defaults.objects]\nlabels_file = "coco.txt"\n'
    loaded = load(tmp_path / "holdfast.toml", {}, text=text)
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        for key in ("model", "labels_file"):
            bad = {"objects": {key: "/etc/passwd"}}
            with pytest.raises(UsageError, match=rf"objects.{key}: a file of this machine cannot be named") as raised:
                change_camera(catalog, "pier", loaded, "gate", bad, CLOCK, remote=True)
            assert "name it in holdfast.toml" in raised.value.hint
            with pytest.raises(UsageError, match=rf"objects.{key}: a file of this machine cannot be named"):
                cameras.add_camera(catalog, "pier", loaded, "yard", {"url": "rtsp://h/x", **bad}, CLOCK, remote=True)
        assert change_camera(catalog, "pier", loaded, "gate", {"objects": {"labels_file": ""}}, CLOCK, remote=True)
        back = {"objects": {"labels_file": "coco.txt"}}
        assert change_camera(catalog, "pier", loaded, "gate", back, CLOCK, remote=True)
        # What somebody at the machine named stays while others change something else.
        assert change_camera(catalog, "pier", loaded, "gate", {"objects": {"model": "own.onnx"}}, CLOCK)
        assert change_camera(catalog, "pier", loaded, "gate", {"name": "Gate"}, CLOCK, remote=True)
        with pytest.raises(UsageError, match=r"objects.model: a file"):
            change_camera(catalog, "pier", loaded, "gate", {"objects": {"model": "other.onnx"}}, CLOCK, remote=True)


def test_what_is_no_address_is_no_file_either(loaded: Loaded) -> None:
    """A mistyped address is refused, and does not become the name of a file that is not there."""
    with open_catalog(loaded.config.catalog_url) as catalog:
        for url in ("vol/not a url", "vol/rtsp//192.0.2.1/x"):
            with pytest.raises(UsageError, match=r"url: is no address of a camera"):
                change_camera(catalog, "pier", loaded, "gate", {"url": url}, CLOCK, remote=True)
        with pytest.raises(UsageError, match=r"sub_url: is no address of a camera"):
            change_camera(catalog, "pier", loaded, "gate", {"sub_url": "vol/nothing.mp4"}, CLOCK, remote=True)


def test_files_that_are_no_secret(loaded: Loaded, tmp_path: Path) -> None:
    """Footage in a volume, and a file that the configuration has as a camera, may be used from anywhere."""
    (tmp_path / "vol" / "footage").mkdir()
    (tmp_path / "vol" / "footage" / "x.mp4").write_bytes(b"")
    with open_catalog(loaded.config.catalog_url) as catalog:
        for number, url in enumerate(("vol/footage/x.mp4", str(tmp_path / "film.mp4"), "rtsps://192.0.2.7/x")):
            cameras.add_camera(catalog, "pier", loaded, f"yard{number}", {"url": url}, CLOCK, remote=True)
        assert change_camera(catalog, "pier", loaded, "film", {"name": "Film"}, CLOCK, remote=True)


@pytest.mark.parametrize(
    "settings",
    [{"password": {"file": "/etc/passwd"}}, {"password": {"env": "HOME"}}, {"username": {"file": "/etc/passwd"}},
     {"address": {"env": "HOME"}, "url": None}],
)  # fmt: skip
def test_no_secret_by_reference_from_elsewhere(loaded: Loaded, settings: dict[str, Any]) -> None:
    """A file or variable of this machine cannot be sent to a camera as its password by asking over the network."""
    table = {"url": "rtsp://192.0.2.2/y", **settings}
    with open_catalog(loaded.config.catalog_url) as catalog:
        with pytest.raises(UsageError, match="a reference to a file or variable"):
            cameras.add_camera(catalog, "pier", loaded, "yard", table, CLOCK, remote=True)
        with pytest.raises(UsageError, match="a reference to a file or variable"):
            change_camera(catalog, "pier", loaded, "gate", settings, CLOCK, remote=True)
