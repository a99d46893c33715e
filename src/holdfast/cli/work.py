"""`holdfast work`: the worker alone. `holdfast run` starts it by itself; systemd may run it as a unit of its own.

Exit codes: 0 stopped in order, 75 this node has a worker already, 78 the configuration cannot be used.
"""

import os
from contextlib import closing

import typer

from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.cli.common import ConfigOption
from holdfast.core.clock import SystemClock
from holdfast.core.config import Loaded
from holdfast.library.desired import load_or_last_good
from holdfast.library.index import Indexer
from holdfast.library.reindex import reconcile
from holdfast.roles.logging import set_up_logging
from holdfast.roles.memory_loop import MemoryLoop
from holdfast.roles.own_memory import keep_together
from holdfast.roles.retention_loop import RetentionLoop
from holdfast.roles.work_loop import WorkLoop, Workshop
from holdfast.roles.worker import Worker
from holdfast.roles.workshop import make_workshop

app = typer.Typer()


@app.command()
def work(
    config: ConfigOption = None,
) -> int:
    """Index journals and publish what to record, until SIGTERM or Ctrl-C. SIGHUP reads the configuration again."""
    os.umask(0o027)
    # A dozen threads work here by turns, most of them on a catalog: an arena for each of them grew for hours.
    keep_together(2)
    loaded = load_or_last_good(config)
    clock = SystemClock()

    def make_indexer(catalog: Catalog, loaded: Loaded) -> Indexer:
        roots = {name: volume.path for name, volume in loaded.config.volumes.items()}
        return Indexer(catalog, roots, clock, node=LOCAL)

    def compare(catalog: Catalog, loaded: Loaded) -> tuple[str, ...]:
        roots = {name: volume.path for name, volume in loaded.config.volumes.items()}
        return reconcile(catalog, roots, clock, node=LOCAL).problems

    def make(catalog: Catalog, loaded: Loaded) -> Workshop:
        return make_workshop(catalog, loaded, clock, node=LOCAL)

    with closing(set_up_logging("worker", loaded.config.state_dir, loaded=loaded)) as logs:
        worker = Worker(
            loaded.path, os.environ, clock, node=LOCAL, open_catalog=open_catalog, make_indexer=make_indexer,
            reconcile=compare, reconfigured=lambda new: logs.add_secrets(new.secrets),
        )  # fmt: skip
        retention = RetentionLoop(clock, node=LOCAL, open_catalog=open_catalog, indexed=worker.indexed)
        worker.with_loop(retention).with_status("retention", retention.status)
        memory = MemoryLoop(clock, node=LOCAL, open_catalog=open_catalog, indexed=worker.indexed)
        worker.with_loop(memory).with_status("memory", memory.status)
        durable = WorkLoop(clock, node=LOCAL, open_catalog=open_catalog, make=make)
        worker.with_loop(durable).with_status("work", durable.status)
        worker.run()
    return 0
