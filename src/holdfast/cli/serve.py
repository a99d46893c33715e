"""`holdfast serve`: pages, API and streams alone. `holdfast run` starts it by itself; systemd may run it as a unit.

Exit codes: 0 stopped in order, 75 this node has a server already or the port is taken, 78 the configuration cannot be
used.
"""

import os
from contextlib import closing
from typing import Annotated

import typer

from holdfast.catalog.db import open_catalog
from holdfast.cli.common import ConfigOption
from holdfast.cli.greeting import print_welcome
from holdfast.core.clock import SystemClock
from holdfast.http.context import Context
from holdfast.library.desired import load_or_last_good
from holdfast.roles.logging import set_up_logging
from holdfast.roles.server import Server

app = typer.Typer()


@app.command()
def serve(
    config: ConfigOption = None,
    *,
    patient: Annotated[
        bool, typer.Option("--wait", help="Wait for a port that is taken, and print nothing; as holdfast run does.")
    ] = False,
) -> int:
    """Serve pages and API until SIGTERM or Ctrl-C. SIGHUP reads the configuration again."""
    os.umask(0o027)
    loaded = load_or_last_good(config)
    with (
        closing(set_up_logging("server", loaded.config.state_dir, loaded=loaded)),
        closing(Context(loaded, SystemClock(), open_catalog=open_catalog)) as context,
    ):
        Server(context, patient=patient, ready=None if patient else print_welcome).run()
    return 0
