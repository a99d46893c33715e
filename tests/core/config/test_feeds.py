from pathlib import Path
from typing import Any

import pytest

from holdfast.core.config import PRESETS, CameraConfig, Feed, FeedError, feeds


def _feeds(**settings: Any) -> tuple[Feed, ...]:
    return feeds("gate", CameraConfig(**settings), Path("/base"))


@pytest.mark.parametrize(
    ("settings", "urls"),
    [
        ({"url": "rtsp://h/x"}, ["rtsp://h/x"]),
        ({"url": "rtsps://[fe80::1]:322/x"}, ["rtsps://[fe80::1]:322/x"]),
        ({"url": "rtsp://nvr/{id}", "sub_url": "rtsp://nvr/{id}/s"}, ["rtsp://nvr/gate", "rtsp://nvr/gate/s"]),
        ({"url": "rtsp://h/x", "sub_url": "rtsp://h/s", "sub": False}, ["rtsp://h/x"]),
        ({"url": "rtsp://h:99/x", "sub_path": "/s"}, ["rtsp://h:99/x", "rtsp://h:99/s"]),
        ({"address": "10.0.0.5", "path": "/live"}, ["rtsp://10.0.0.5:554/live"]),
        ({"address": "10.0.0.5:8554"}, ["rtsp://10.0.0.5:8554/"]),
        ({"address": "cam.lan", "port": 88, "path": "Hikvision"}, ["rtsp://cam.lan:88/Streaming/Channels/101"]),
        (
            {"address": "h", "path": "hikvision", "sub": True},
            ["rtsp://h:554/Streaming/Channels/101", "rtsp://h:554/Streaming/Channels/102"],
        ),
        ({"url": "clips/a.mp4"}, ["/base/clips/a.mp4"]),
        ({"url": "file:///clips/a.mp4"}, ["/clips/a.mp4"]),
        ({"url": "https://h:8443/{id}.jpg"}, ["https://h:8443/gate.jpg"]),
        ({"url": "x11://:0.0+100,50"}, ["x11://:0.0+100,50"]),
        ({"url": "v4l2:///dev/video0"}, ["v4l2:///dev/video0"]),
        ({"url": "csi:///base/soc/i2c@1/imx219@10"}, ["csi:///base/soc/i2c@1/imx219@10"]),
        ({"url": "folder:///srv/{id}", "sub_url": "folder://small"}, ["folder:///srv/gate", "folder:///base/small"]),
    ],
)
def test_addresses_of_a_camera(settings: dict[str, Any], urls: list[str]) -> None:
    """Whole addresses, hosts with a make's path, templates and files all become plain addresses (C001)."""
    assert [feed.url for feed in _feeds(**settings)] == urls


def test_the_source_follows_from_the_address() -> None:
    """Nobody has to say what an address says already."""
    assert [feed.source for feed in _feeds(url="rtsps://h/x", sub_url="a.mp4")] == ["rtsp", "file"]
    assert [feed.source for feed in _feeds(url="https://h/x", sub_url="http://h/y")] == ["http", "http"]
    assert [feed.source for feed in _feeds(url="x11://:1", sub_url="v4l2:///dev/video2")] == ["x11", "v4l2"]
    assert [feed.source for feed in _feeds(url="folder:///srv/captures")] == ["folder"]
    assert [feed.stream for feed in _feeds(url="rtsp://h/x", sub_url="rtsp://h/y")] == ["main", "sub"]


@pytest.mark.parametrize("make", sorted(PRESETS))
def test_each_known_make_has_both_streams(make: str) -> None:
    """A make's name gives a main and a different sub stream."""
    main, sub = _feeds(address="h", path=make, sub=True)
    assert main.url != sub.url


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, "url"),
        ({"sub_url": "rtsp://h"}, "sub_url"),
        ({"url": "rtsp://h", "address": "h"}, "address"),
        ({"url": "rtsp://h:99999/x"}, "url"),
        ({"url": "rtsp:///x"}, "url"),
        ({"url": "rtsp://h h/x"}, "url"),
        ({"url": "mailto://h"}, "url"),
        ({"url": "http:///x"}, "url"),
        ({"url": "x11://0"}, "url"),
        ({"url": "x11://:0/../x"}, "url"),
        ({"url": "v4l2://video0"}, "url"),
        ({"url": "csi://--help"}, "url"),
        ({"url": "folder://"}, "url"),
        ({"url": "v4l2:///etc/passwd"}, "url"),
        ({"url": "rtsp://h", "sub_url": "rtmp://h"}, "sub_url"),
        ({"address": "h/x"}, "address"),
        ({"address": "h", "path": "nonsense"}, "path"),
        ({"url": "rtsp://h", "sub_path": "x"}, "sub_path"),
        ({"url": "rtsp://h", "sub": True}, "sub"),
        ({"url": "a.mp4", "source": "rtsp"}, "source"),
    ],
)
def test_what_is_no_address_names_the_key(settings: dict[str, Any], key: str) -> None:
    """An address that cannot work is refused with the setting to change and a hint."""
    with pytest.raises(FeedError) as caught:
        _feeds(**settings)
    assert caught.value.key == key
    assert caught.value.hint


@pytest.mark.parametrize(
    ("url", "message", "hint"),
    [
        ("rtsp://h:99999/x", "names a port that there is not", "ports go from 1 to 65535"),
        ("rtsp://h:0/x", "names a port that there is not", "most cameras use 554"),
        ("rtsp://h:rtsp/x", "names a port that there is not", "ports go from"),
        ("rtsp:///x", "names no host", "write it as rtsp://"),
        ("rtsp://h h/x", "has a blank in its host name", "without blanks"),
        ("rtsp://[::1/x", "is no address of a camera", "write it as rtsp://"),
        ("rtsp://u:pa/ss@h/x", "is no address of a camera", "a / in a password is written %2F"),
        ("rtsp://u:12345678/ss@h/x", "is no address of a camera", "a / in a password is written %2F"),
    ],
)
def test_an_address_says_what_is_wrong_with_it(url: str, message: str, hint: str) -> None:
    """Each part that cannot be has words and a hint of its own; nothing that may be half a password is repeated."""
    with pytest.raises(FeedError) as caught:
        _feeds(url=url)
    assert str(caught.value) == message
    assert hint in caught.value.hint
    for part in ("99999", "1234", "pa/", "ss@"):
        assert part not in str(caught.value) + caught.value.hint
