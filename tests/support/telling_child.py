"""A worker that hands files over, in a process of its own, for tests that kill it.

`python -m support.telling_child CONFIG` is the worker's own workshop, but for the wait after a failure, which tests
have no time for.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from holdfast.catalog import nodes
from holdfast.catalog.db import open_catalog
from holdfast.core.clock import SystemClock
from holdfast.core.config import load
from holdfast.library.handing_over import KIND
from holdfast.roles.workshop import make_workshop
from holdfast.work.retry import Retry
from holdfast.work.station import Options, Station

LOOK_S = 0.05


@contextmanager
def child(config: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a worker; it is killed at the end, if it was not before."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    with subprocess.Popen([sys.executable, "-m", "support.telling_child", str(config)], env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def _main(config: str) -> None:
    loaded, clock = load(Path(config), {}), SystemClock()
    with open_catalog(loaded.config.catalog_url) as catalog:
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
        shop = make_workshop(catalog, loaded, clock, node="local")
        kinds = [replace(kind, retry=Retry(first_s=0.1, lost=1000)) for kind in shop.kinds if kind.name == KIND]
        with Station(catalog, node, kinds, clock, Options(worker="w")):
            while True:
                shop.errand()
                clock.sleep(LOOK_S)


if __name__ == "__main__":
    _main(sys.argv[1])
