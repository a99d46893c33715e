import gzip
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from support.node import simulate
from support.survival import Ground, holes

CAP_BYTES, KEEP = 100_000, 2


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def test_the_log_level_changes_without_a_gap(tmp_path: Path) -> None:
    """Turned down and up again while recording, the recorder follows, and not a picture is lost (F32, C027)."""
    log = tmp_path / "state" / "log" / "recorder-0.log"

    def lost() -> int:
        return len([line for line in _lines(log) if line["event"] == "stream.down" and line["camera"] == "noisy"])

    with simulate("gate", "noisy") as sim, Ground(tmp_path, {n: sim.url(n) for n in ("gate", "noisy")}) as node:
        node.begin()
        for level, told in (("error", 0), ("info", 1)):
            node.log["level"] = level
            node.write()
            node.until(lambda level=level: _level(node) == level)  # type: ignore[misc]
            seen = len(node.marks("gate"))
            # Recorders read their plan each second.
            node.until(lambda seen=seen: len(node.marks("gate")) >= seen + 25)  # type: ignore[misc]
            restarts = node.role("noisy.main")["restarts"]
            sim.inject("close", "noisy")
            node.until(lambda restarts=restarts: node.role("noisy.main")["restarts"] > restarts)  # type: ignore[misc]
            node.until(lambda: node.recording("gate", "noisy"))
            node.until(lambda told=told: lost() >= told)  # type: ignore[misc] # a thread of its own writes the log
            assert lost() == told
        assert node.stop() == 0
        assert sim.counts("gate").opened == 1
    assert holes(node.marks("gate")) == []


def _level(node: Ground) -> str:
    return str(json.loads((node.root / "state" / "streams.json").read_text(encoding="utf-8"))["log_level"])


def test_a_camera_that_fails_again_and_again_fills_no_disk(tmp_path: Path) -> None:
    """At debug, cameras that fail as fast as they can stay below the cap, and the same words come once (F31)."""
    with simulate("gate", *(f"bad{n}" for n in range(8))) as sim:
        node = Ground(tmp_path, {"gate": sim.url("gate")})
        node.log = {"level": "debug", "max_bytes": CAP_BYTES, "keep": KEEP}
        for number in range(8):
            node.cameras[f"bad{number}"] = {"url": sim.url(f"bad{number}"), "probe_s": 0.1, "backoff_first_s": 0.1,
                                            "backoff_cap_s": 0.1}  # fmt: skip
            sim.inject("refuse", f"bad{number}", 600)
        node.write()
        with node:
            node.run().until(lambda: node.recording("gate"))
            began = time.monotonic()
            before = _log_bytes(tmp_path)
            node.until(lambda: time.monotonic() - began >= 8)
            grown = _log_bytes(tmp_path) - before
            assert node.stop() == 0
    folder = tmp_path / "state" / "log"
    for path in folder.iterdir():
        assert path.stat().st_size <= CAP_BYTES * 1.1, path
    roles = {path.name.split(".")[0] for path in folder.iterdir()}
    assert _log_bytes(tmp_path) <= len(roles) * CAP_BYTES * (KEEP + 1) * 1.1
    # A day of it: what eight seconds wrote, less than the default cap of all files of one role.
    assert grown * 86_400 / 8 <= 30_000_000 * 6, f"{grown} bytes in 8 s"
    for path in folder.glob("*.gz"):
        assert gzip.decompress(path.read_bytes())
    assert holes(node.marks("gate")) == []


def _log_bytes(root: Path) -> int:
    total = 0
    for path in (root / "state" / "log").iterdir():
        with suppress(FileNotFoundError):  # rotated, or compressed, since it was listed
            total += path.stat().st_size
    return total
