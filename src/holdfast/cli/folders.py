"""`holdfast cameras test --dry-run`: what lies in the folders that are cameras, and what of it would be taken (C148).

Exit codes: 0 something would be taken of each, 1 nothing of one, 66 a folder is not there.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast.cli.common import echo_json
from holdfast.cli.status import WIDEST
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.core.errors import UsageError
from holdfast.core.plan import StreamPlan
from holdfast.core.timing import iso
from holdfast.library.folder_listing import Listed, listing
from holdfast.library.still_order import order_of


def list_folders(loaded: Loaded, streams: Sequence[StreamPlan], *, as_json: bool) -> int:
    """List the folders among some streams.

    Args:
        loaded: The settings.
        streams: Streams; those that are no folders are passed over.
        as_json: Write JSON.

    Returns:
        The exit code.

    Raises:
        UsageError: None of them is a folder.
        NotFound: One is not there.
    """
    folders = [stream for stream in streams if stream.source == "folder"]
    if not folders:
        raise UsageError("none of these cameras is a folder", hint="--dry-run is for cameras whose url is folder://…")
    code, said = 0, []
    console = Console(highlight=False, soft_wrap=True, width=None if Console().is_terminal else WIDEST)
    for stream in folders:
        camera = loaded.config.cameras.get(stream.camera)
        order = None
        if camera is not None and camera.stills.enabled:
            order = order_of(stream.camera, camera, loaded.config.site.time_zone)
        files, left_out = listing(stream, order, SystemClock())
        if not any(one.kind for one in files):
            code = 1
        facts = {"camera": stream.camera, "stream": stream.stream, "folder": stream.url.partition("://")[2]}
        said.append({**facts, "left_out": left_out, "files": [one.to_dict() for one in files]})
        if not as_json:
            _show(console, stream, files, left_out)
    if as_json:
        echo_json(said)
    return code


def _show(console: Console, stream: StreamPlan, files: list[Listed], left_out: int) -> None:
    zone = ZoneInfo(stream.capture.zone)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("file", "is", "captured", "known by", "as a still", "passed over"):
        table.add_column(column, overflow="fold")
    for one in files:
        what = f"{one.form} {one.width}x{one.height}" if one.kind == "picture" else f"{one.form} {one.length_s:.1f} s"
        captured = "" if one.captured_us is None else iso(one.captured_us, zone)
        table.add_row(
            Text(one.file), what if one.kind else "", captured, one.known_by, Text(one.still),
            Text(one.passed_over, "yellow"),
        )  # fmt: skip
    console.print(table)
    kinds = [sum(one.kind == kind for one in files) for kind in ("picture", "segment", "")]
    words = f"{stream.key}: {kinds[0]} pictures, {kinds[1]} segments, {kinds[2]} passed over"
    if left_out:
        words += f"; {left_out} older files are not listed"
    console.print(words, style="bold")
    if kinds[0] and kinds[1]:
        console.print("  segments go before pictures: set options.pattern where pictures are wanted", style="dim")
    console.print("  what lies there already is not recorded: recording begins with the next file", style="dim")
