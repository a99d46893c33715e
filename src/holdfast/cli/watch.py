"""`holdfast watch`: the watcher alone. `holdfast run` starts it by itself; systemd may run it as a unit of its own.

Exit codes: 0 stopped in order, 75 this node has a watcher already, 78 the configuration cannot be used.
"""

import os
from contextlib import closing
from typing import Annotated

import typer

from holdfast.catalog.db import open_catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.cli.common import ConfigOption
from holdfast.core.clock import SystemClock
from holdfast.library.desired import load_or_last_good
from holdfast.roles.logging import set_up_logging
from holdfast.roles.watcher import Watcher

app = typer.Typer()


@app.command()
def watch(
    config: ConfigOption = None,
    *,
    skip: Annotated[
        bool, typer.Option("--skip", help="Begin with now, and leave out what was not watched yet.")
    ] = False,
) -> int:
    """Look at every camera's footage and tell what is wrong, until SIGTERM or Ctrl-C."""
    os.umask(0o027)
    loaded = load_or_last_good(config)
    with closing(set_up_logging("watcher", loaded.config.state_dir, loaded=loaded)):
        Watcher(loaded, os.environ, SystemClock(), node=LOCAL, open_catalog=open_catalog, skip=skip).run()
    return 0
