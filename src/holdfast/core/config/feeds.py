"""From a camera's settings to the addresses of its streams: makes, templates, local files. Pure."""

import re
from dataclasses import dataclass
from pathlib import Path

from holdfast.core.config.model import CameraConfig
from holdfast.core.config.problems import did_you_mean
from holdfast.core.config.secret import anchored, mask_url

PRESETS: dict[str, tuple[str, str]] = {
    "hikvision": ("/Streaming/Channels/101", "/Streaming/Channels/102"),
    "dahua": ("/cam/realmonitor?channel=1&subtype=0", "/cam/realmonitor?channel=1&subtype=1"),
    "reolink": ("/h264Preview_01_main", "/h264Preview_01_sub"),
    "axis": ("/axis-media/media.amp", "/axis-media/media.amp?resolution=640x360"),
}
"""Makes whose paths are known: main and sub stream of the first channel."""

SOURCES = {
    "rtsp": "rtsp", "rtsps": "rtsp", "http": "http", "https": "http", "x11": "x11", "v4l2": "v4l2", "csi": "csi",
    "folder": "folder", "file": "file", "": "file",
}  # fmt: skip
"""Kind of source by the scheme of an address."""

ON_THE_NETWORK = frozenset({"rtsp", "http"})
"""Kinds whose address names a host; the others name something of this machine."""

RTSP_PORT = 554

# What a person types for a camera; files are hardly ever called so, and one that is there counts as a file.
_BARE_HOST = re.compile(r"[^\s/]+@|[A-Za-z0-9.-]+:\d+(/|$)|\d+(\.\d+){3}(/|$)|\[[0-9A-Fa-f:]+\]")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s\[\]:/@?#]+)(?::(\d{1,5}))?")

_SCREEN = re.compile(r"x11://[A-Za-z0-9.-]*:\d{1,3}(\.\d{1,2})?(\+\d{1,5},\d{1,5})?/?")
_DEVICE = re.compile(r"v4l2:///dev/[A-Za-z0-9_.:/+-]+")

_CSI = re.compile(r"csi://(\d{1,2}|/[A-Za-z0-9_.:/@,-]+)/?")

_PORT_ONLY = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s\[\]:/@?#]+):[^\s:/@?#]*")


@dataclass(frozen=True, slots=True)
class Feed:
    """Where one stream comes from; `url` is without credentials, and holds an absolute path for a file or a folder."""

    stream: str
    source: str
    url: str


class FeedError(ValueError):
    """A camera's address makes no sense. `key` is the setting at fault; the text never holds a credential."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.hint = hint


def feeds(camera_id: str, camera: CameraConfig, base: Path) -> tuple[Feed, ...]:
    """Return the streams of a camera, main first.

    Args:
        camera_id: Takes the place of `{id}` in addresses and paths.
        camera: Its settings, credentials already taken out of the addresses.
        base: Folder that relative file names start from.

    Raises:
        FeedError: An address is missing or cannot be used.
    """
    main, sub = _addresses(camera)
    found = [_feed("main", "url" if camera.url else "address", main, camera, base)]
    if sub:
        found.append(_feed("sub", "sub_url" if camera.sub_url else "sub_path", sub, camera, base))
    return tuple(Feed(feed.stream, feed.source, feed.url.replace("{id}", camera_id)) for feed in found)


def _addresses(camera: CameraConfig) -> tuple[str, str]:
    if camera.url and camera.address:
        raise FeedError("address", "url and address exclude each other", "leave one of them out")
    if not camera.url and not camera.address:
        if camera.sub_url or camera.sub_path:
            raise FeedError("sub_url", "a sub stream without a main stream", "set url, or address and path")
        raise FeedError("url", "is missing", 'set url = "rtsp://…", or address and path')
    main_path, sub_path = _paths(camera)
    host = _host(camera)
    main = camera.url or f"rtsp://{host}{main_path}"
    if camera.sub is False:
        return main, ""
    sub = camera.sub_url
    if not sub and (camera.sub or camera.sub_path):
        if not sub_path:
            raise FeedError("sub", "the address of the sub stream is not known", "set sub_url or sub_path")
        if not host:
            host = camera.url.partition("://")[2].partition("/")[0]
        sub = f"rtsp://{host}{sub_path}"
    return main, sub


def _host(camera: CameraConfig) -> str:
    if not camera.address:
        return ""
    match = _HOST.fullmatch(camera.address)
    if match is None:
        shown = mask_url(camera.address)
        raise FeedError("address", f"{shown!r} is no host name or IP address", "a whole address belongs in url")
    return match[0] if match[2] else f"{match[1]}:{camera.port or RTSP_PORT}"


def _paths(camera: CameraConfig) -> tuple[str, str]:
    preset = PRESETS.get(camera.path.lower(), ("", ""))
    if camera.path and not any(preset) and not camera.path.startswith("/"):
        hint = did_you_mean(camera.path, PRESETS)
        raise FeedError("path", f"{camera.path!r} is neither a path nor a known make", f"begin it with /; {hint}")
    if camera.sub_path and not camera.sub_path.startswith("/"):
        raise FeedError("sub_path", f"{camera.sub_path!r} is no path", "begin it with /")
    return (preset[0] or camera.path or "/"), (camera.sub_path or preset[1])


def _feed(stream: str, key: str, url: str, camera: CameraConfig, base: Path) -> Feed:
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    source = SOURCES.get(scheme)
    if source is None:
        known = "use rtsp://, rtsps://, http://, https://, x11://, v4l2://, csi://, folder:// or the path of a file"
        raise FeedError(key, f"{scheme}:// cannot be recorded", known)
    if camera.source and camera.source != source:
        raise FeedError("source", f"source is {camera.source}, but the address is of kind {source}", "leave source out")
    if source in {"file", "folder"}:
        return Feed(stream, source, _place(key, url, source, base))
    if source == "x11" and not _SCREEN.fullmatch(url):
        raise FeedError(key, "names no X display", "write it as x11://:0, or x11://:0.0+100,50 for a part of it")
    if source == "v4l2" and not _DEVICE.fullmatch(url):
        raise FeedError(key, "names no video device", "write it as v4l2:///dev/video0, or /dev/v4l/by-id/… for good")
    if source == "csi" and not _CSI.fullmatch(url):
        raise FeedError(key, "names no camera of a Raspberry Pi", "write it as csi://0, or csi:// and the camera's id")
    if source in ON_THE_NETWORK:
        _check_host(key, url)
    return Feed(stream, source, url)


def _place(key: str, url: str, source: str, base: Path) -> str:
    """Return the path of a file, or the address of a folder, as the recorder is told it."""
    _, sign, rest = url.partition("://")
    rest = rest if sign else url
    if source == "folder" and not rest:
        raise FeedError(key, "names no folder", "write it as folder:///srv/captures")
    try:
        path = anchored(base, rest)
    except ValueError as error:
        raise FeedError(key, *error.args) from error
    if source == "folder":
        return f"folder://{path}"
    if not sign and _BARE_HOST.match(rest) and not path.exists():
        raise FeedError(key, "is an address without rtsp:// before it", "write rtsp://…, or the path of a file")
    return str(path)


def _check_host(key: str, url: str) -> None:
    """Refuse an address whose host or port cannot be. What stands there is not repeated: it may be half a password."""
    authority, _, rest = url.partition("://")[2].partition("?")[0].partition("/")
    match = _HOST.fullmatch(authority)
    if match is not None and (not match[2] or 0 < int(match[2]) <= 65_535):  # noqa: PLR2004 - ports have 16 bits
        return
    if "@" in rest:
        hint = "a / in a password is written %2F; or set username and password by themselves"
        raise FeedError(key, "is no address of a camera", hint)
    if _PORT_ONLY.fullmatch(authority):
        hint = "ports go from 1 to 65535; most cameras use 554, which can be left out"
        raise FeedError(key, "names a port that there is not", hint)
    if any(letter.isspace() for letter in authority):
        raise FeedError(key, "has a blank in its host name", "write it as the camera's manual does, without blanks")
    if not authority:
        raise FeedError(key, "names no host", "write it as rtsp://192.0.2.10/stream1")
    raise FeedError(key, "is no address of a camera", "write it as rtsp://192.0.2.10/stream1")
