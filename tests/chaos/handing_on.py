"""A drill for deliveries and retention: workers killed at random, a target that comes and goes, a disk full and freed.

What must hold is judged from outside: by what lies on the disk and at the target, and by what was acknowledged, never
by counters. Files are larger in all than the disk, so they must go to make room for others.

Not here: the files and the judge (backlog).
"""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from chaos.backlog import Backlog, Load, Witness
from holdfast.catalog import delivery_stats
from holdfast.catalog.db import Catalog
from holdfast.core.clock import SystemClock
from holdfast.core.delivery import DeliveryState
from holdfast.library import retention
from holdfast.library.check import check
from support.handed import Handed
from support.node import holdfast
from support.small_disk import fill

RULE = '[deliveries.all]\ntarget = "nas"\nassets = ["segments", "stills"]\n'
SETTLE_S = 900.0  # the longest wait of a row that failed again and again, and a little
ROOM_S = 120.0  # chosen: retention looks every five seconds, and takes a pass at most every twenty
HOST_S = 3.0  # how long a host that lost its power is away


@dataclass
class Verdict:
    """What came of it."""

    assets: int = 0
    bytes: int = 0
    kills: int = 0
    hosts_killed: int = 0
    flaps: int = 0
    fills: int = 0
    deleted: int = 0
    seconds: float = 0.0
    settled_s: float = 0.0
    problems: list[str] = field(default_factory=list)


class Host:
    """A worker with a state folder of its own, and everything that it starts."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self._log = config.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "holdfast", "work", "-c", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """End it and its children, now."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Drill:
    """One run.

    Args:
        root: An empty folder, for the target and what is said.
        disk: An empty folder on a small disk: state, catalog and footage are there.
        catalog: The catalog, empty.
        load: What is sent.
        headroom: Space that retention keeps free, as settings say it.
        hosts: Workers that share the node's rows and volume.
        seed: Of everything that is random.
    """

    def __init__(
        self, root: Path, disk: Path, catalog: Catalog, load: Load, *, headroom: str, hosts: int = 1, seed: int = 1
    ) -> None:  # fmt: skip
        self._dice, self._load, self._disk = random.Random(seed), load, disk
        nas = root / "nas"
        # The volume's table is the last before the target's, so the first line belongs to it.
        target = f'reserve = "0 MB"\n[targets.nas]\ntype = "folder"\npath = "{nas}"\n'
        more = f'[catalog]\nurl = "{catalog.url}"\n[retention]\nheadroom = "{headroom}"\n'
        self.site = Handed(disk, catalog, RULE, more=more, target=target, clock=SystemClock())
        self.site.nas = nas
        self.site.mount()
        retention.confirm(catalog, SystemClock())
        self._hosts = [self._host(number) for number in range(hosts)]
        self._backlog = Backlog(self.site, load, self._dice)
        self._witness = Witness(self.site, self._backlog)
        self.verdict = Verdict(load.assets)

    def run(self) -> Verdict:
        """Run it to its end."""
        began_s = time.monotonic()
        for host in self._hosts:
            host.start()
        try:
            while (gone_s := time.monotonic() - began_s) < self._load.seconds or self._owed():
                self._backlog.add(round(self._load.assets * min(1.0, gone_s / self._load.seconds * 1.2)))
                time.sleep(self._dice.uniform(0.3, 1.0))
                self._break(gone_s / self._load.seconds)
            self._rest()
            settling_s = time.monotonic()
            self._settle()
            self.verdict.settled_s = round(time.monotonic() - settling_s, 1)
        finally:
            for host in self._hosts:
                host.kill()
            self._backlog.close()
        self._judge_all()
        self.verdict.seconds = round(time.monotonic() - began_s, 1)
        self.verdict.bytes = self._backlog.bytes
        self.verdict.deleted = len(self._witness.gone())
        return self.verdict

    def _host(self, number: int) -> Host:
        """Write the configuration of a host: it shares volume and catalog, and nothing else."""
        text = (self._disk / "holdfast.toml").read_text(encoding="utf-8")
        path = self._disk / f"host-{number}.toml"
        for name in ("state", "run"):
            text = text.replace(f'_dir = "{name}"', f'_dir = "{name}-{number}"')
        path.write_text(text, encoding="utf-8")
        return Host(path)

    def _owed(self) -> bool:
        """Say whether something has not broken yet that must; then it goes on for longer."""
        return not (self.verdict.kills and self.verdict.flaps and self.verdict.fills) or len(self._hosts) > 1

    def _break(self, part: float) -> None:
        """Break something, or nothing; each thing at least once until the end, `part` of which is over."""
        verdict, often = self.verdict, max(0.03, 2.5 / self._load.seconds)
        if len(self._hosts) > 1 and part > 0.5:
            self._hosts.pop().kill()  # for good: nobody starts it again
            verdict.hosts_killed += 1
        if self._dice.random() < often or (not verdict.kills and part > 0.3):
            self._kill(self._dice.choice(self._hosts))
        if self._dice.random() < often / 3:
            self._kill(self._dice.choice(self._hosts), away_s=HOST_S)
            verdict.hosts_killed += 1
        if self._dice.random() < often or (not verdict.flaps and part > 0.5):
            self._flap()
        if self._dice.random() < often / 2 or (not verdict.fills and part > 0.7):
            self._fill()

    def _kill(self, host: Host, *, away_s: float = 0.0) -> None:
        host.kill()
        self.verdict.kills += 1
        self.verdict.problems += self._witness.problems()
        time.sleep(away_s)
        host.start()

    def _flap(self) -> None:
        away = self.site.nas.with_name("away")
        self.site.nas.rename(away)
        time.sleep(self._dice.uniform(0.2, 2.0))
        if self.site.nas.exists():
            self.verdict.problems.append("the folder of a target that was away was made anew")
        away.rename(self.site.nas)
        self.verdict.flaps += 1

    def _fill(self) -> None:
        """Leave no byte of the disk for a while, in which somebody may be killed, too."""
        ballast = fill(self._disk, leave_bytes=0)
        try:
            time.sleep(self._dice.uniform(0.5, 3.0))
            if self._dice.random() < 0.5:
                self._kill(self._dice.choice(self._hosts))
                time.sleep(self._dice.uniform(0.5, 2.0))
        finally:
            ballast.unlink()
        self.verdict.fills += 1

    def _rest(self) -> None:
        """Send what is left, as soon as there is room."""
        until_s, before = time.monotonic() + ROOM_S, 0
        while not self._backlog.add(self._load.assets):
            if len(self._backlog.sent) > before:
                until_s, before = time.monotonic() + ROOM_S, len(self._backlog.sent)
            if time.monotonic() > until_s:
                self.verdict.problems.append(f"no room was made for {self._load.assets - before} files")
                return
            time.sleep(0.5)

    def _settle(self) -> None:
        until_s, done = time.monotonic() + SETTLE_S, 0
        while time.monotonic() < until_s:
            with self.site.catalog.read() as tx:
                counts = delivery_stats.by_state(tx, self.site.node)
            found = counts.get(("nas", DeliveryState.DELIVERED))
            done = 0 if found is None else found.count
            if done == len(self._backlog.sent):
                return
            time.sleep(0.5)
        self.verdict.problems.append(f"{len(self._backlog.sent) - done} are still on their way: {counts}")

    def _judge_all(self) -> None:
        """Delete once more what may go, then look at everything."""
        answer = holdfast("clean", "-c", str(self._hosts[0].config), limit_s=300)
        if answer.returncode:
            self.verdict.problems.append(f"holdfast clean: {answer.stdout}{answer.stderr}")
        self.verdict.problems += self._witness.problems() + self._witness.lost()
        checked = check(self.site.catalog, {"disk": self.site.volume}, SystemClock())
        self.verdict.problems += [str(one) for one in checked.violations]
