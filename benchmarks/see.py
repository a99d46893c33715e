"""Timelines over a year: how long the catalog takes to say what was recorded and why the rest was not (I1).

    python benchmarks/see.py                 32 cameras, a year of ten-minute files, a gap every four hours
    python benchmarks/see.py --cameras 4 --days 30

The rows are made, not recorded: a real year takes a year. Prints a table and writes benchmarks/results/see.json.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine, insert

from holdfast.catalog import nodes, schema
from holdfast.catalog.cameras import ensure_stream
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.catalog.nodes import LOCAL
from holdfast.core.camera import StreamKey
from holdfast.core.timing import DAY_US, HOUR_US, MINUTE_US, SECOND_US, to_datetime
from holdfast.library import footage, spans
from holdfast.library.coverage import from_catalog

FILE_US = 10 * MINUTE_US
GAP_EVERY_US = 4 * HOUR_US
NOW_US = 1_790_000_000 * SECOND_US
REASONS = ("unreachable", "stalled", "recorder-down", "refused")
ROUNDS = 60


def make(url: str, cameras: int, days: int) -> int:
    """Fill a catalog; returns its segments."""
    with open_catalog(url) as catalog, catalog.write() as tx:
        node = nodes.ensure(tx, LOCAL, NOW_US)
        nodes.set_indexed(tx, node, NOW_US)
        streams = [ensure_stream(tx, node, StreamKey(f"cam{n}", "main"), NOW_US).id.number for n in range(cameras)]
    engine = create_engine(url)
    first_us = NOW_US - days * DAY_US
    count = 0
    with engine.begin() as connection:
        facts = {"node": node, "id": 1, "name": "main", "path": "/srv", "created_us": 0}
        connection.execute(insert(schema.volumes).values(facts))
        for number, stream in enumerate(streams):
            run = {"node": node, "id": stream, "stream_id": stream, "run": f"r{number}", "start_us": first_us,
                   "end_us": NOW_US, "began": "first", "ended": "", "tracks": "[]"}  # fmt: skip
            connection.execute(insert(schema.runs).values(run))
            rows = list(_segments(node, stream, first_us, count))
            count += len(rows)
            connection.execute(insert(schema.segments), rows)
            connection.execute(insert(schema.gaps), list(_gaps(node, stream, first_us, stream * 10_000)))
    engine.dispose()
    return count


def _segments(node: int, stream: int, first_us: int, start: int) -> Iterator[dict[str, Any]]:
    for number, at_us in enumerate(range(first_us, NOW_US - FILE_US, FILE_US), start + 1):
        cut_us = 30 * SECOND_US if (at_us - first_us) % GAP_EVERY_US == 0 else 0
        yield {
            "node": node, "id": number, "stream_id": stream, "run_id": stream, "volume_id": 1, "state": "sealed",
            "file": f"footage/cam{stream}/main/d/cam{stream}_{at_us}.mp4", "origin": "journal", "boot": "b",
            "start_us": at_us + cut_us, "end_us": at_us + FILE_US, "start_boot_us": 0, "bytes": 1, "media_bytes": 1,
            "sha256": "0" * 64, "video_samples": 1, "audio_samples": 0, "began": "cut", "ended": "cut",
            "recovered": False, "removed_why": None, "missing_us": None,
        }  # fmt: skip


def _gaps(node: int, stream: int, first_us: int, start: int) -> Iterator[dict[str, Any]]:
    for number, at_us in enumerate(range(first_us, NOW_US - FILE_US, GAP_EVERY_US), start + 1):
        yield {"node": node, "id": number, "stream_id": stream, "start_us": at_us, "end_us": at_us + 30 * SECOND_US,
               "reason": REASONS[number % len(REASONS)], "detail": "it did not answer"}  # fmt: skip


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Return milliseconds, sorted."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)


def cases(catalog: Catalog, cameras: int, days: int) -> dict[str, tuple[Callable[[], object], int]]:
    """What is asked, and how often."""
    dice = random.Random(1)  # noqa: S311 - the same instants in each run
    zone = ZoneInfo("Europe/Berlin")

    def look(length_us: int, keys: list[StreamKey] | None) -> object:
        begin_us = NOW_US - dice.randrange(length_us, max(length_us + 1, days * DAY_US))
        return spans.look({}, (begin_us, begin_us + length_us), now_us=NOW_US, catalog=catalog, keys=keys)

    def one() -> list[StreamKey]:
        return [StreamKey(f"cam{dice.randrange(cameras)}", "main")]

    def look_at_one(length_us: int) -> object:
        return look(length_us, one())

    def seek() -> object:
        at_us = NOW_US - dice.randrange(SECOND_US, days * DAY_US)
        return footage.find({}, one()[0], at_us, at_us + FILE_US, now_us=NOW_US, catalog=catalog)

    def month() -> object:
        last = to_datetime(NOW_US, zone).date()
        return from_catalog(catalog, [last - timedelta(days=n) for n in range(min(30, days))], zone, NOW_US)

    lengths = {"an hour": HOUR_US, "a day": DAY_US, "a month": 30 * DAY_US, "all": days * DAY_US}
    found: dict[str, tuple[Callable[[], object], int]] = {
        f"timeline of a camera, {words}": (partial(look_at_one, length_us), ROUNDS)
        for words, length_us in lengths.items()
        if length_us <= days * DAY_US
    }
    found["timeline of all cameras, a day"] = (lambda: look(DAY_US, None), ROUNDS // 4)
    found["timeline of all cameras, all"] = (lambda: look(days * DAY_US, None), 5)
    found["the file of an instant"] = (seek, ROUNDS)
    found["coverage of all cameras, a month"] = (month, 5)
    return found


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=32)
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-see-") as folder:
        url = f"sqlite:///{folder}/catalog.sqlite"
        began = time.perf_counter()
        count = make(url, options.cameras, options.days)
        print(f"{count:,} segments of {options.cameras} cameras made in {time.perf_counter() - began:.0f} s")
        results = {}
        with open_catalog(url) as catalog:
            for name, (work, rounds) in cases(catalog, options.cameras, options.days).items():
                took = timed(work, rounds)
                p95 = took[min(len(took) - 1, round(len(took) * 0.95))]
                results[name] = {"median_ms": round(statistics.median(took), 1), "p95_ms": round(p95, 1)}
                print(f"{name:40} median {statistics.median(took):7.1f} ms   p95 {p95:7.1f} ms")
    path = Path(__file__).parent / "results" / "see.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"segments": count, "results": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
