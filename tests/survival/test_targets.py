"""A rule, the worker, a server that falls silent and comes back, and what may be deleted then (F17, F20, F21).

End to end over each kind of network target, against real servers behind a proxy. What only a target does is in
tests/storage/targets; folders are sent to in tests/work.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.catalog.db import open_catalog
from holdfast.core.delivery import DeliveryState
from holdfast.core.journal import Sealed
from holdfast.library import deliveries, retention
from holdfast.library.index import Indexer
from holdfast.work.retain import Retainer
from support.handed import Handed
from support.journals import Told
from support.sending import Sending
from support.target_places import Place
from support.target_proxy import Proxied
from support.target_rsync import SshPlace, rsync_ssh
from support.target_s3 import ACCESS, SECRET, S3Place, end_server, s3
from support.target_sftp import sftp

RULE = '[deliveries.archive]\ntarget = "nas"\nassets = ["segments"]\n'
QUIET_S = 1.0
BODY = bytes(range(256)) * 8_000  # 2 MB: more than what is on its way between two sockets
LIMIT_S = 20.0  # of a test: what a busy machine takes for a connection over SSH, again and again


@dataclass
class Site:
    """A node with one rule, and what lies at its target."""

    site: Handed
    place: Place

    def record(self) -> list[Sealed]:
        """Record and index two files."""
        told = Told(self.site.volume, self.site.clock)  # type: ignore[arg-type] # it is the one that is pushed
        told.open()
        files = [told.record(600, body=number + BODY) for number in (b"1", b"2")]
        told.close()
        Indexer(self.site.catalog, {"disk": self.site.volume}, self.site.clock).pass_once()
        retention.confirm(self.site.catalog, self.site.clock)
        return files

    def health(self) -> str:
        """How the target is, as pages and API say it."""
        now_us = self.site.clock.wall_us()
        return deliveries.targets(self.site.catalog, self.site.loaded.config, "local", now_us)[0].health

    def clean(self) -> set[str]:
        """Delete what policy says; names of what went."""
        passed = Retainer(self.site.catalog, self.site.clock).run(self.site.loaded.config)
        return {one.piece.file for one in passed.deleted}


def _rsync(place: Place) -> str:
    assert isinstance(place, SshPlace)
    return (
        f'type = "rsync"\npath = "{place.server.user}@127.0.0.1:{place.root}"\nport = {place.proxy.port}\n'
        f'key = "{place.server.key}"\nknown_hosts = "{place.known_hosts}"\n'
    )


def _sftp(place: Place) -> str:
    assert isinstance(place, SshPlace)
    return (
        f'type = "sftp"\nhost = "127.0.0.1"\nuser = "{place.server.user}"\npath = "{place.root}"\n'
        f'port = {place.proxy.port}\nkey = "{place.server.key}"\nknown_hosts = "{place.known_hosts}"\n'
    )


def _s3(place: Place) -> str:
    assert isinstance(place, S3Place)
    return (
        f'type = "s3"\nbucket = "{place.bucket}"\nprefix = "kept/here"\nendpoint = "http://127.0.0.1:{place.proxy.port}"\n'
        f'access_key = "{ACCESS}"\nsecret_key = "{SECRET}"\n'
    )


_KINDS: dict[str, tuple[Callable[[Path, ExitStack], Place], Callable[[Place], str], tuple[str, ...]]] = {
    "rsync": (rsync_ssh, _rsync, ("rsync", "sshd")),
    "sftp": (sftp, _sftp, ("sshd",)),
    "s3": (s3, _s3, ()),
}


@pytest.fixture(scope="module", autouse=True)
def _servers() -> Iterator[None]:
    yield
    end_server()


@pytest.fixture(name="site", params=[pytest.param(k, marks=pytest.mark.needs(*n)) for k, (*_, n) in _KINDS.items()])
def _site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    build, table, _ = _KINDS[request.param]
    with ExitStack() as stack:
        place = build(tmp_path, stack)
        catalog = stack.enter_context(open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}"))
        target = f"[targets.nas]\nquiet_s = {QUIET_S}\n{table(place)}"
        more = "[defaults.retention]\nkeep_days = 0.01\n"
        yield Site(Handed(tmp_path, catalog, RULE, more=more, target=target), place)


@pytest.mark.best_of_three
def test_a_server_that_stalls_ends_the_transfer_and_keeps_the_footage(site: Site) -> None:
    """Its transfer ends within the limit of silence, it is told as stalled, nothing goes before it arrived (F20)."""
    assert isinstance(site.place, Proxied)
    files = site.record()
    wanted = {one.file for one in files}
    with Sending(site.site) as sending:
        site.place.proxy.quiet_after = len(BODY) // 2
        began_s = time.monotonic()
        sending.drain(most=1)
        assert time.monotonic() - began_s < LIMIT_S
        rows = site.site.rows()
        assert {row.state for row in rows} == {DeliveryState.PENDING}
        assert [row.error != "" for row in rows].count(True) == 1
        assert sending.due() == [], "one file asks again, after a wait"
        assert site.health() == "stalled"
        assert sending.deliver.ways["nas"].held is not None, "holdfast status tells it from this"
        site.site.clock.sleep(3600)
        assert site.clean() == set()
        assert not any(site.place.read(file) for file in wanted), "nothing has its final name before it is whole"

        site.place.proxy.restore()
        site.place.proxy.drop()
        assert sending.drained_within(600)
    assert {file: site.place.read(file) for file in wanted} == {
        file: (site.site.volume / file).read_bytes() for file in wanted
    }
    assert {str(line["file"]) for line in site.site.acknowledgements()} == wanted
    assert site.health() == "well"
    assert site.clean() == wanted
