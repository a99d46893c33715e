"""A drill for deliveries: a real worker that is killed at random, a target that comes and goes, files that keep coming.

What must hold is judged from outside: by what lies at the target, and by what was acknowledged, never by counters.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.catalog.db import open_catalog
from holdfast.core.clock import SystemClock
from holdfast.core.delivery import DeliveryState
from support.handed import Handed

RULE = '[deliveries.snaps]\ntarget = "nas"\nassets = ["stills"]\n'
SETTLE_S = 240.0  # the longest wait of a row that failed again and again, and a little


@dataclass
class Verdict:
    """What came of it."""

    assets: int = 0
    kills: int = 0
    flaps: int = 0
    problems: list[str] = field(default_factory=list)


class Drill:
    """One run.

    Args:
        root: An empty folder.
        assets: Files in all.
        seconds: For how long files come, and things break.
        seed: Of everything that is random.
    """

    def __init__(self, root: Path, assets: int, seconds: float, *, seed: int = 1) -> None:
        self._random = random.Random(seed)
        (root / "state").mkdir()
        catalog = open_catalog(f"sqlite:///{root / 'state' / 'catalog.sqlite'}")
        self.site = Handed(root, catalog, RULE, clock=SystemClock())
        self._assets, self._seconds = assets, seconds
        self._log = (root / "worker.log").open("ab")
        self._worker: subprocess.Popen[bytes] | None = None
        self.sent: dict[str, str] = {}
        self.verdict = Verdict(assets)

    def run(self) -> Verdict:
        """Run it to its end."""
        began_s = time.monotonic()
        self._start()
        try:
            while (gone_s := time.monotonic() - began_s) < self._seconds:
                self._add(round(self._assets * min(1.0, gone_s / self._seconds * 1.2)))
                time.sleep(self._random.uniform(0.3, 1.0))
                if self._random.random() < max(0.04, 2.5 / self._seconds):
                    self._kill()
                if self._random.random() < max(0.03, 2.0 / self._seconds) or (
                    not self.verdict.flaps and gone_s > self._seconds / 2
                ):
                    self._flap()
            self._kill()
            self._add(self._assets)
            self._settle()
        finally:
            self._end()
        self._judge_all()
        return self.verdict

    def _start(self) -> None:
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "holdfast", "work", "-c", str(self.site.root / "holdfast.toml")],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
        )  # fmt: skip

    def _kill(self) -> None:
        assert self._worker is not None
        self._worker.send_signal(signal.SIGKILL)
        self._worker.wait(10)
        self.verdict.kills += 1
        self._judge_promises()
        self._start()

    def _flap(self) -> None:
        away = self.site.nas.with_name("away")
        self.site.nas.rename(away)
        time.sleep(self._random.uniform(0.2, 2.0))
        if self.site.nas.exists():
            self.verdict.problems.append("the folder of a target that was away was made anew")
        away.rename(self.site.nas)
        self.verdict.flaps += 1

    def _add(self, upto: int) -> None:
        while len(self.sent) < upto:
            number = len(self.sent)
            body = self._random.randbytes(self._random.choice((5_000, 5_000, 20_000, 300_000)))
            # Far back in time, so that each has a second of its own.
            file = self.site.still(number, body=body)
            self.sent[file] = hashlib.sha256(body).hexdigest()

    def _settle(self) -> None:
        until_s, done = time.monotonic() + SETTLE_S, 0
        while time.monotonic() < until_s:
            done = sum(row.state is DeliveryState.DELIVERED for row in self.site.every_row())
            if done == len(self.sent):
                return
            time.sleep(0.5)
        self.verdict.problems.append(f"{len(self.sent) - done} are still on their way")

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.send_signal(signal.SIGTERM)
            try:
                self._worker.wait(20)
            except subprocess.TimeoutExpired:
                os.kill(self._worker.pid, signal.SIGKILL)
                self._worker.wait()
        self._log.close()
        self.site.catalog.close()

    def _judge_promises(self) -> None:
        """What is acknowledged, in a row or in a kept journal, must lie at the target as it was."""
        told = {str(line["file"]): str(line["sha256"]) for line in self.site.acknowledgements()}
        told |= {row.asset.file: row.asset.sha256 for row in self.site.every_row() if row.object_us is not None}
        for file, sha256 in told.items():
            path = self.site.nas / file
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
                self.verdict.problems.append(f"{file} is acknowledged, and is not there")

    def _judge_all(self) -> None:
        self.verdict.problems += self._final()

    def _final(self) -> list[str]:
        arrived = {name: hashlib.sha256(body).hexdigest() for name, body in self.site.arrived().items()}
        found = [f"{file} is lost" for file in self.sent.keys() - arrived.keys()]
        found += [f"{name} is there, and nobody sent it" for name in arrived.keys() - self.sent.keys()]
        return found + [f"{name} is not what was sent" for name in arrived if arrived[name] != self.sent.get(name)]
