"""The right source for a plan: the one place that knows which kinds there are; and whether anything answers there."""

import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.core.clock import Clock
from holdfast.core.errors import UsageError
from holdfast.core.plan import StreamPlan
from holdfast.media.source.address import address_of, tcp_connects
from holdfast.media.source.child import ChildSource
from holdfast.media.source.contract import Source
from holdfast.media.source.direct.reader import DirectSource, speaks
from holdfast.media.source.folder_names import folder_of

KINDS = ("rtsp", "http", "x11", "v4l2", "csi", "folder", "file")
APART = frozenset({"http", "x11", "v4l2", "csi", "folder"})
"""Kinds that run in a process of their own: they encode, or a library that may hang reads them."""

_SCHEMES = {
    "http": ("http", "https"), "x11": ("x11",), "v4l2": ("v4l2",), "csi": ("csi",), "folder": ("folder",),
}  # fmt: skip


def make_source(plan: StreamPlan, clock: Clock) -> Source:
    """Make a source that is not open yet: for RTSP our own reader, or libav's where ours does not speak what is asked.

    libav is loaded only where it is used: a recorder of cameras alone starts faster and is smaller without it.

    Raises:
        UsageError: The plan names a kind of source, or a URL, that there is none for.
    """
    scheme = plan.url.partition("://")[0].lower()
    if plan.source == "file" or (plan.source == "rtsp" and scheme == "file"):
        from holdfast.media.source.file import FileSource  # noqa: PLC0415 - loads libav, see above

        return FileSource(plan, clock)
    if plan.source == "rtsp":
        if scheme not in {"rtsp", "rtsps"}:
            raise UsageError(
                f"{plan.key}: {scheme}:// cannot be recorded", hint="use rtsp://, rtsps:// or a file's path"
            )
        try:
            host, _port = address_of(plan.url)
        except ValueError as error:
            raise UsageError(
                f"{plan.key}: {error}", hint="write rtsp://HOST:PORT/PATH; ports go up to 65535"
            ) from error
        if not host:
            raise UsageError(f"{plan.key}: the URL names no host", hint="write rtsp://HOST:PORT/PATH")
        if speaks(plan):
            return DirectSource(plan, clock)
        from holdfast.media.source.rtsp import RtspSource  # noqa: PLC0415 - loads libav, see above

        return RtspSource(plan, clock)
    if plan.source in APART:
        if scheme not in _SCHEMES[plan.source]:
            hint = " or ".join(f"{one}://…" for one in _SCHEMES[plan.source])
            raise UsageError(f"{plan.key}: {scheme}:// cannot be recorded as {plan.source}", hint=f"write {hint}")
        return ChildSource(plan, clock)
    raise UsageError(f"{plan.key}: {plan.source!r} is not a kind of source", hint=f"there are {', '.join(KINDS)}")


def make_inner(plan: StreamPlan, clock: Clock) -> Source:
    """Make the source of a kind that runs apart, in the process that is its own. Loads libav.

    Raises:
        UsageError: The plan's kind is none of those.
    """
    if plan.source == "http":
        from holdfast.media.source.http import HttpSource  # noqa: PLC0415 - only what is used, see above

        return HttpSource(plan, clock)
    if plan.source == "x11":
        from holdfast.media.source.screen import ScreenSource  # noqa: PLC0415 - as above

        return ScreenSource(plan, clock)
    if plan.source == "v4l2":
        from holdfast.media.source.device import DeviceSource  # noqa: PLC0415 - as above

        return DeviceSource(plan, clock)
    if plan.source == "csi":
        from holdfast.media.source.csi import CsiSource  # noqa: PLC0415 - as above

        return CsiSource(plan, clock)
    if plan.source == "folder":
        from holdfast.media.source.folder import FolderSource  # noqa: PLC0415 - as above

        return FolderSource(plan, clock)
    raise UsageError(f"{plan.key}: {plan.source!r} needs no process of its own")


def tcp_answers(url: str, timeout_s: float) -> bool:
    """Say whether anything is where a URL points; how an unreachable camera is looked for.

    A host is there when it accepts a TCP connection on its port; a file, a folder, a device or a local screen, when it
    exists.

    Looking up a name cannot be given a deadline or be interrupted, so it happens in a thread that may be left behind;
    until that ends, asking again waits for it instead of leaving another one.

    Args:
        url: As in the plan; credentials in it are not used.
        timeout_s: How long to wait, the name's look-up included.
    """
    parts = urlsplit(url)
    if parts.scheme in {"", "file", "v4l2"}:
        return Path(unquote(parts.path) if parts.scheme else url).exists()
    if parts.scheme == "folder":
        return _folder_there(url)
    if parts.scheme == "csi":
        return True  # its program alone knows; asking it costs what opening does
    if parts.scheme == "x11":
        host, port, local = display_of(url)
        if local:
            return Path(local).exists()
    else:
        host, port = address_of(url)
    return bool(host) and _knock(host, port, timeout_s).answered(timeout_s)


def _folder_there(url: str) -> bool:
    """Say whether a folder is there. One behind closed doors counts: whoever opens it is told what is wrong."""
    try:
        return folder_of(url).is_dir()
    except PermissionError:
        return True


def display_of(url: str) -> tuple[str, int, str]:
    """Return host and port of an X display, or the path of its socket where it is one of this machine.

    Source: X(7), "display names": `HOST:DISPLAY.SCREEN`; TCP ports begin at 6000.
    """
    host, _, rest = url.partition("://")[2].partition("/")[0].partition(":")
    digits = rest.partition("+")[0].partition(".")[0]
    number = int(digits) if digits.isdecimal() else 0
    return host, 6000 + number, "" if host else f"/tmp/.X11-unix/X{number}"  # noqa: S108 - where X servers have it


class _Knock:
    """One try of a connection, in a thread of its own."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._there = (host, port)
        self._connected = False
        self._done = threading.Event()
        self._timeout_s = timeout_s
        threading.Thread(target=self._try, name=f"knock {host}:{port}", daemon=True).start()

    def answered(self, timeout_s: float) -> bool:
        """Wait for what comes of it; False where nothing did in time."""
        return self._done.wait(timeout_s) and self._connected

    def _try(self) -> None:
        try:
            self._connected = tcp_connects(*self._there, self._timeout_s)
        finally:
            with _guard:
                del _knocks[self._there]
            self._done.set()


_guard = threading.Lock()
_knocks: dict[tuple[str, int], _Knock] = {}


def _knock(host: str, port: int, timeout_s: float) -> _Knock:
    with _guard:
        knock = _knocks.get((host, port))
        if knock is None:
            knock = _knocks[host, port] = _Knock(host, port, timeout_s)
        return knock
