"""The child process that makes one film: `python -m holdfast.roles.timelapse`, started by the server alone.

It says how far it is in a file, and ends with SIGTERM, and with the server however that ends. Not here: the film
(library.timelapse), who asks for it (library.timelapse_jobs).
"""

import json
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from holdfast.catalog.db import open_catalog
from holdfast.core.errors import HoldfastError
from holdfast.library import timelapse
from holdfast.library.desired import load_or_last_good
from holdfast.storage.files import replace_atomically

SAY_S = 0.5  # chosen: as often as a page asks


class Said:
    """How far it is, as a file that the server reads.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._said_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Say it, twice a second at most, and at the end."""
        now_s = time.monotonic()
        if done < total and now_s - self._said_s < SAY_S:
            return
        self._said_s = now_s
        self.say(done=done, total=total)

    def say(self, **facts: object) -> None:
        """Write facts; where that fails the film is made nevertheless."""
        with suppress(HoldfastError):
            replace_atomically(self._path, json.dumps(facts).encode(), durable=False, mode=0o640)


def main(argv: list[str]) -> int:
    """Make a film.

    Args:
        argv: One argument: the order of `library.timelapse_jobs`, as JSON.

    Returns:
        The exit code: 0, or that of the error, whose words are in the status file.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends this
    order: dict[str, Any] = json.loads(argv[0])
    said = Said(Path(order["status"]))
    try:
        config = load_or_last_good(Path(order["config"])).config
        with open_catalog(config.catalog_url) as catalog:
            timelapse.make(
                catalog, {name: volume.path for name, volume in config.volumes.items()}, Path(order["target"]),
                order["camera"], (order["from_us"], order["to_us"]), rate=order["rate"], width=order["width"],
                seen=said,
            )  # fmt: skip
    except HoldfastError as error:
        said.say(problem=str(error), hint=error.hint)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
