"""`holdfast cameras test --dry-run`, as it is started."""

import json
import time
from pathlib import Path

import pytest

from support.folders import grabber, picture, put
from support.node import Node, holdfast


def test_a_dry_run_lists_the_folder(tmp_path: Path) -> None:
    """People see each file and a sum, scripts the same as JSON; an empty folder is 1, none at all 66 (C148)."""
    folder = tmp_path / "captures"
    node = Node(tmp_path, {"bench": "folder://captures", "gate": "rtsp://192.0.2.1/"})
    missing = node.command("cameras", "test", "bench", "--dry-run")
    assert missing.returncode == 66
    assert "is its disk mounted" in missing.stderr or "mounted" in missing.stderr
    folder.mkdir()
    assert node.command("cameras", "test", "bench", "--dry-run").returncode == 1
    put(folder, "test_capture_000001.jpg", picture(40), modified_s=time.time() - 60)
    put(folder, "cam[copy].jpg", picture(41), modified_s=time.time() - 30)
    put(folder, "list.m3u8", b"#EXTM3U\n" * 40)
    shown = node.command("cameras", "test", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "bench/main: 2 pictures, 0 segments, 1 passed over" in shown.stdout
    assert "cam[copy].jpg" in shown.stdout
    (body,) = json.loads(node.command("cameras", "test", "bench", "--dry-run", "--json").stdout)
    assert [(one["file"], one["kind"], one["known_by"]) for one in body["files"]] == [
        ("test_capture_000001.jpg", "picture", "modified"),
        ("cam[copy].jpg", "picture", "modified"),
        ("list.m3u8", "", ""),
    ]
    assert body["folder"] == str(folder)


@pytest.mark.needs("ffmpeg")
def test_a_folder_can_be_probed(tmp_path: Path) -> None:
    """Without a configuration a folder says what comes of it; one that is not there is an error with a hint (C148)."""
    folder = tmp_path / "captures"
    missing = holdfast("cameras", "probe", f"folder://{folder}")
    assert missing.returncode == 69
    assert "is not there" in missing.stderr
    folder.mkdir()
    with grabber(folder, "-f", "image2", "c_%06d.jpg"):
        shown = holdfast("cameras", "probe", f"folder://{folder}")
    assert shown.returncode == 0, shown.stderr
    assert "h264 Main 320×240" in shown.stdout  # noqa: RUF001 - the sign for "by"


def test_a_dry_run_is_for_folders(tmp_path: Path) -> None:
    """Cameras that are no folders are refused with a word on what it is for."""
    node = Node(tmp_path, {"gate": "rtsp://192.0.2.1/"})
    refused = node.command("cameras", "test", "--dry-run")
    assert refused.returncode == 64
    assert "folder://" in refused.stderr
