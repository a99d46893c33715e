"""Pages while every camera is dead: how long each takes (I5).

    python benchmarks/pages.py                   eight cameras that take connections and never answer
    python benchmarks/pages.py --cameras 32 --rounds 100

The whole program runs and tries to reach them meanwhile. Prints a table and writes benchmarks/results/pages.json.
"""

import argparse
import contextlib
import json
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

PAGES = ("/", "/cameras", "/cameras/dead0", "/coverage", "/machine", "/people", "/settings", "/api/v1/status")
HOLDFAST = [sys.executable, "-m", "holdfast"]
READY_S = 60.0


@contextlib.contextmanager
def dead_cameras(count: int) -> Iterator[list[int]]:
    """Listen, and never say anything; gives the ports."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64)) for _ in range(count)]
        yield [found.getsockname()[1] for found in sockets]


@contextlib.contextmanager
def node(folder: Path, ports: list[int]) -> Iterator[tuple[str, str]]:
    """Run the program on these cameras; gives its address and an administrator's token."""
    config = folder / "holdfast.toml"
    cameras = "".join(f'[cameras.dead{n}]\nurl = "rtsp://127.0.0.1:{port}/x"\n' for n, port in enumerate(ports))
    head = 'state_dir = "state"\nruntime_dir = "run"\n[web]\nport = 0\n[volumes.main]\npath = "vol"\n'
    config.write_text(head + cameras, encoding="utf-8")
    with (folder / "output").open("wb") as sink:
        process = subprocess.Popen([*HOLDFAST, "run", "-c", str(config)], stdout=sink, stderr=sink)
    try:
        address = _address(folder / "run" / "server.json")
        command = [*HOLDFAST, "tokens", "add", "benchmark", "--role", "admin", "-c", str(config)]
        made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (token,) = re.findall(r"hf_[\w-]{20,}", made)
        yield address, token
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _address(file: Path) -> str:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError):
            body = json.loads(file.read_bytes())
            if body.get("port") and body.get("state") == "running":
                return f"http://127.0.0.1:{body['port']}"
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def measure(address: str, token: str, rounds: int) -> dict[str, dict[str, float]]:
    """Ask for each page many times; milliseconds."""
    found = {}
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
    with httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=30) as client:
        for page in PAGES:
            took = []
            for _ in range(rounds):
                began = time.perf_counter()
                client.get(page).raise_for_status()
                took.append((time.perf_counter() - began) * 1000)
            took.sort()
            p95 = took[int(len(took) * 0.95)]
            found[page] = {
                "median": round(statistics.median(took), 1),
                "p95": round(p95, 1),
                "worst": round(took[-1], 1),
            }
    return found


def main() -> None:
    """Start, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-pages-") as folder,
        dead_cameras(options.cameras) as ports,
        node(Path(folder), ports) as (address, token),
    ):
        time.sleep(15)  # every camera is being waited for, and the worker has told the catalog
        found = measure(address, token, options.rounds)
    print(f"{'page':20} {'median':>8} {'p95':>8} {'worst':>8}  ms")
    for page, took in found.items():
        print(f"{page:20} {took['median']:8.1f} {took['p95']:8.1f} {took['worst']:8.1f}")
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "pages.json").write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
