import os
from pathlib import Path

from holdfast.catalog import nodes
from holdfast.catalog.db import open_catalog
from holdfast.core import config
from holdfast.core.clock import SystemClock
from holdfast.library.verify import verify
from holdfast.work import handing
from holdfast.work.station import Options, Station
from support.exports import Yard
from support.recording import until


def test_a_worker_signs_heads_by_itself(tmp_path: Path) -> None:
    """A worker that begins signs what was recorded, whatever else it does, and a second beginning adds nothing.

    Exports that no row names are cleared away likewise.
    """
    yard = Yard(tmp_path)
    stray = yard.disk / "exports/1-9_gate_export.zip"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    os.utime(stray, (0, 0))
    path = tmp_path / "holdfast.toml"
    path.write_text('state_dir = "state"\n[volumes.main]\npath = "disk"\n')
    loaded = config.load(path, {}).config
    clock = SystemClock()
    with open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite") as catalog:
        with catalog.write() as tx:
            node = nodes.ensure(tx, "local", 1)
        for worker in ("w1", "w2"):
            handing.prepare(catalog, node, clock)
            kinds = handing.kinds(catalog, node, lambda: loaded, clock)
            with Station(catalog, node, kinds, clock, Options(worker=worker)):
                until(lambda: verify(yard.volumes).heads == 1 and not stray.exists())
    result = verify(yard.volumes, trusted=yard.key.public.fingerprint)
    assert (result.findings, result.heads) == ((), 1)
