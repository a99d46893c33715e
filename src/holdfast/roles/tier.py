"""The child process that makes one tier: `python -m holdfast.roles.tier`, started by the server alone.

It ends with SIGTERM, and with the server however that ends. What it has to say goes to standard error, whose last line
the server reports.

Not here: the work (library.tiering), who starts it and why (library.tiers).
"""

import json
import signal
import sys
from contextlib import closing
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import HoldfastError
from holdfast.library.desired import load_or_last_good
from holdfast.library.tiering import Tiering, Work
from holdfast.media.tier import PRESETS


def main(argv: list[str]) -> int:
    """Convert until told to stop.

    Args:
        argv: One argument: the order of `library.tiers`, as JSON.

    Returns:
        The exit code: 0, or that of the error, which is on standard error in one line.
    """
    stop = Event()

    def on_term(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends this
    order: dict[str, Any] = json.loads(argv[0])
    work = Work(
        volumes={name: Path(root) for name, root in order["volumes"].items()},
        source=StreamKey.parse(order["source"]),
        key=StreamKey.parse(order["key"]),
        preset=PRESETS[order["tier"]],
        root=Path(order["root"]),
        from_us=order["from_us"],
    )
    try:
        catalog = _catalog(order["config"]) if work.from_us is not None else None
        if catalog is None:
            Tiering(work, SystemClock(), stop.is_set).run()
        else:
            with closing(catalog):
                Tiering(work, SystemClock(), stop.is_set, catalog=catalog).run()
    except HoldfastError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return error.exit_code
    return 0


def _catalog(config: str | None) -> Catalog | None:
    """Open the catalog; without it the journals are asked, which know the same and take longer."""
    if config is None:
        return None
    try:
        return open_catalog(load_or_last_good(Path(config)).config.catalog_url)
    except HoldfastError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
