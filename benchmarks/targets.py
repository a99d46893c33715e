"""Targets against the plain tools: `python benchmarks/targets.py [--large-mb 200] [--small 2000] [--folder DIR]`.

Each target sends one large file and many of 5 kB, and so does the tool that people would use instead: cp and rsync,
each followed by `sync -f` because ours is durable, and boto3's upload_file. rsync goes to a folder and, as `ssh`, to a
real server on loopback. A ratio is the tool's time by ours, so 1.0 is as fast. Verification is in ours; beside it
stands the ratio to the tool and `sha256sum` over both sides, which is what it takes to know as much; with S3 to
`upload_file` with SHA-256 as `ChecksumAlgorithm`, and `sha256sum` of the source. S3 is moto's server on loopback, which
bounds both sides.

`--only deliveries` sends the same through whole deliveries: rows that are claimed, sent, acknowledged in kept journals
and written down, by a worker with its threads and a catalog on the same disk; its peer is `cp`. Ratios are of the best
of `--rounds` each, taken in turn, because a machine that does other things shows in either; with S3 of one. Nothing is
removed before the end: ext4 looks long for a place for a new file where many were removed a short while ago.
"""

import argparse
import contextlib
import functools
import hashlib
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from holdfast.catalog import deliveries, delivery_stats
from holdfast.catalog.db import open_catalog
from holdfast.catalog.deliveries import Planned
from holdfast.core.clock import SystemClock
from holdfast.core.config.targets import FolderTarget as FolderConfig
from holdfast.core.config.targets import RsyncTarget as RsyncConfig
from holdfast.core.config.targets import S3Target as S3Config
from holdfast.core.config.targets import TargetCommon
from holdfast.core.delivery import Asset, AssetKind, DeliveryState
from holdfast.storage.targets import marker
from holdfast.storage.targets.contract import Content, Going, Receipt, Target
from holdfast.storage.targets.folder import FolderTarget
from holdfast.storage.targets.many import Batches, Item, put_many
from holdfast.storage.targets.rsync import RsyncTarget
from holdfast.storage.targets.s3 import S3Target
from holdfast.work.deliver import Deliver
from holdfast.work.deliver_together import ROWS
from holdfast.work.station import Options, Station
from support.handed import Handed
from support.target_proxy import FaultProxy
from support.target_s3 import S3Place, s3_server
from support.target_ssh import SshServer, ssh_server

_Tool = Callable[[list[Item]], object]


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _content(path: Path) -> Content:
    return Content(path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def _send(target: Target, items: list[Item]) -> None:
    """Send as deliveries do: what goes together in batches of theirs, as many at a time as is the default."""

    def send(some: list[Item]) -> None:
        for item, outcome in put_many(target, some, Going()):
            assert isinstance(outcome, Receipt), (item.key, outcome)

    batches = [items[first : first + ROWS] for first in range(0, len(items), ROWS)]
    at_once = TargetCommon.model_fields["parallel"].default if isinstance(target, Batches) else 1
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(send, batches))


def _report(name: str, what: str, tool_s: float, ours_s: float, checked_s: float, total: int) -> None:
    print(
        f"{name:8} {what:12} tool {tool_s:6.2f} s  ours {ours_s:6.2f} s  ratio {tool_s / ours_s:4.2f}  "
        f"with its checks {checked_s / ours_s:4.2f}  {total / ours_s / 1e6:6.1f} MB/s",
        flush=True,
    )


def _check(items: list[Item], *folders: Path) -> None:
    for place in (_source(items), *[folder / _source(items).name for folder in folders]):
        names = [str(path) for path in (place.iterdir() if place.is_dir() else [place])]
        subprocess.run(["sha256sum", *names], check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True, slots=True)
class _Round:
    """Ours and a tool, each to a place of its own.

    Attributes:
        target: Ours.
        tool: Sends the same.
        check: Makes sure of what was sent, as far as the tool does not.
        checked: The tool as it goes where it checks what it can; None where that is nothing.
    """

    target: Target
    tool: _Tool
    check: _Tool
    checked: _Tool | None = None


def _compare(name: str, rounds: Sequence[_Round], items: dict[str, list[Item]]) -> None:
    for what, wanted in items.items():
        tools, checked, ours = [], [], []
        for one in rounds:
            os.sync()
            tools.append(_seconds(functools.partial(one.tool, wanted)))
            checked.append(_seconds(functools.partial(one.checked, wanted)) if one.checked else tools[-1])
            checked[-1] += _seconds(functools.partial(one.check, wanted))
            os.sync()
            ours.append(_seconds(functools.partial(_send, one.target, wanted)))
        total = sum(item.content.bytes for item in wanted)
        _report(name, what, min(tools), min(ours), min(checked), total)


@contextlib.contextmanager
def _items(root: Path, large_mb: int, small: int) -> Iterator[dict[str, list[Item]]]:
    source = root / "source"
    source.mkdir()
    seeded = random.Random(1)  # noqa: S311 - the same bytes in every run
    large = source / "large.mp4"
    large.write_bytes(seeded.randbytes(large_mb * 10**6))
    folder = source / "small"
    folder.mkdir()
    for number in range(small):
        (folder / f"{number}.jpg").write_bytes(seeded.randbytes(5000))
    yield {
        f"1 x {large_mb} MB": [Item(large, "large.mp4", _content(large))],
        f"{small} x 5 kB": [Item(path, f"small/{path.name}", _content(path)) for path in sorted(folder.iterdir())],
    }


def _folder_round(place: Path) -> _Round:
    marker.adopt("folder", place / "ours", 1)
    target = FolderTarget("folder", FolderConfig(type="folder", path=place / "ours"))
    return _Round(target, _cp(place / "tool"), lambda sent: _check(sent, place / "tool"))


def _rsync_round(place: Path) -> _Round:
    marker.adopt("rsync", place / "ours", 1)
    target = RsyncTarget("rsync", RsyncConfig(type="rsync", path=str(place / "ours")))
    return _Round(target, _rsync(place / "tool"), lambda sent: _check(sent, place / "tool"))


def _ssh_round(place: Path, server: SshServer) -> _Round:
    login, known_hosts = f"{server.user}@127.0.0.1", server.known_hosts(place, server.port)
    shell = ["ssh", "-p", f"{server.port}", "-i", f"{server.key}", "-o", f"UserKnownHostsFile={known_hosts}"]
    config = RsyncConfig(
        type="rsync", path=f"{login}:{place / 'ours'}", port=server.port, key=server.key, known_hosts=known_hosts
    )

    def tool(items: list[Item]) -> None:
        argv = ["rsync", "-r", "-e", shlex.join(shell), str(_source(items)), f"{login}:{place / 'tool'}"]
        subprocess.run(argv, check=True)
        subprocess.run([*shell, login, f"sync -f {place / 'tool'}"], check=True)

    def check(items: list[Item]) -> None:
        _check(items)
        sums = f"find {place / 'tool' / _source(items).name} -type f -print0 | xargs -0 sha256sum"
        subprocess.run([*shell, login, sums], check=True, stdout=subprocess.DEVNULL)

    return _Round(RsyncTarget("ssh", config), tool, check)


def _place(root: Path) -> Path:
    """Make a folder for ours and one for a tool."""
    place = Path(tempfile.mkdtemp(dir=root))
    for name in ("ours", "tool"):
        (place / name).mkdir()
    return place


def _cp(root: Path) -> Callable[[list[Item]], object]:
    return lambda items: _durably(["cp", "-r", str(_source(items)), str(root)], root)


def _rsync(root: Path) -> Callable[[list[Item]], object]:
    return lambda items: _durably(["rsync", "-r", str(_source(items)), str(root)], root)


def _durably(argv: list[str], root: Path) -> None:
    subprocess.run(argv, check=True)
    subprocess.run(["sync", "-f", str(root)], check=True)


def _source(items: list[Item]) -> Path:
    return items[0].source if len(items) == 1 else items[0].source.parent


def _delivered(root: Path, items: list[Item], number: int) -> float:
    """Return the seconds that whole deliveries take, from planned rows to the last one's result."""
    site = _site(root / f"{len(items)}-site-{number}", items)
    deliver = Deliver(site.catalog, site.loaded.config, site.clock)
    os.sync()

    def work() -> None:
        with Station(site.catalog, site.node, [deliver.kind()], site.clock, Options(worker="bench")):
            while _waiting(site):
                time.sleep(0.1)  # asking counts all rows, and takes from what is measured

    try:
        return _seconds(work)
    finally:
        deliver.close()
        site.catalog.close()
        assert len(site.arrived()) == len(items)


def _site(root: Path, items: list[Item]) -> Handed:
    """Make a node whose stills are these files, planned for a folder."""
    root.mkdir()
    catalog = open_catalog(f"sqlite:///{root / 'catalog.sqlite'}")
    site = Handed(root, catalog, '[deliveries.d]\ntarget = "nas"\nassets = ["stills"]\n', clock=SystemClock())
    now_us = site.clock.wall_us()
    planned = []
    for number, item in enumerate(items):
        file = f"stills/gate/{number}{item.source.suffix}"
        site.store(file, item.source.read_bytes())
        asset = Asset(
            kind=AssetKind.STILL, camera="gate", volume="disk", file=file, bytes=item.content.bytes,
            sha256=item.content.sha256, start_us=now_us + number, end_us=now_us + number,
        )  # fmt: skip
        planned.append(Planned(rule="d", target="nas", asset=asset, key=f"{number}{item.source.suffix}"))
    with catalog.write() as tx:
        deliveries.add(tx, site.node, planned, now_us)
    return site


def _waiting(site: Handed) -> bool:
    with site.catalog.read() as tx:
        counts = delivery_stats.by_state(tx, site.node)
    return any(state in {DeliveryState.PENDING, DeliveryState.SENDING} for _, state in counts)


def _deliveries(root: Path, items: dict[str, list[Item]], rounds: int) -> None:
    for what, wanted in items.items():
        tools, checks, ours = [], [], []
        for number in range(rounds):
            place = root / f"{len(wanted)}-cp-{number}"
            place.mkdir()
            os.sync()
            tools.append(_seconds(functools.partial(_cp(place), wanted)))
            checks.append(_seconds(functools.partial(_check, wanted, place)))
            ours.append(_delivered(root, wanted, number))
        total = sum(item.content.bytes for item in wanted)
        _report("whole", what, min(tools), min(ours), min(tools) + min(checks), total)
        print(
            f"{'':8} {len(wanted) / min(ours):.0f} deliveries/s, cp {len(wanted) / min(tools):.0f} files/s", flush=True
        )


def _boto(config: S3Config, prefix: str, extra: dict[str, str]) -> _Tool:
    import boto3  # noqa: PLC0415 - only a peer, and a dependency of the tests' server

    session: Any = boto3.session.Session()
    client = session.client(
        "s3", endpoint_url=config.endpoint, region_name=config.region,
        aws_access_key_id=config.access_key.reveal(), aws_secret_access_key=config.secret_key.reveal(),
    )  # fmt: skip
    return lambda items: [
        client.upload_file(str(i.source), config.bucket, f"{prefix}/{i.key}", ExtraArgs=extra) for i in items
    ]


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large-mb", type=int, default=200)
    parser.add_argument("--small", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where to work; a disk, not memory")
    parser.add_argument("--only", default="folder,rsync,ssh,s3,deliveries")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="holdfast-targets-", dir=arguments.folder))
    try:
        with _items(root, arguments.large_mb, arguments.small) as items:
            for name, kind in (("folder", _folder_round), ("rsync", _rsync_round)):
                if name in arguments.only:
                    _compare(name, [kind(_place(root)) for _ in range(arguments.rounds)], items)
            if "ssh" in arguments.only:
                with ssh_server(root / "ssh") as server:
                    rounds = [_ssh_round(_place(root), server) for _ in range(arguments.rounds)]
                    _compare("ssh", rounds, items)
                    for one in rounds:
                        one.target.close()
            if "deliveries" in arguments.only:
                _deliveries(root, items, arguments.rounds)
            if "s3" in arguments.only:
                with s3_server() as port, FaultProxy(port) as proxy:
                    place = S3Place(port, proxy)
                    # Straight to the server: the proxy is a thread of this process, and takes its time from both.
                    config = place.config(endpoint=f"http://127.0.0.1:{port}")
                    with contextlib.closing(place), contextlib.closing(S3Target("s3", config)) as target:
                        checked = _boto(config, "checked", {"ChecksumAlgorithm": "SHA256"})
                        _compare("s3", [_Round(target, _boto(config, "tool", {}), _check, checked)], items)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
