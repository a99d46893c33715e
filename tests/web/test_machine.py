"""The system page."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest

from holdfast.catalog.db import Catalog
from holdfast.core.camera import StreamKey
from holdfast.core.clock import SystemClock
from holdfast.core.errors import CatalogUnavailable, DiskError
from holdfast.library import volumes
from holdfast.library.accounts import Role
from holdfast.library.holdings import Holdings
from holdfast.library.host import Host
from holdfast.library.index import Indexer
from holdfast.web.machine import disk_of
from holdfast.web.render import size_words
from support.clock import PushedClock
from support.journals import Told
from support.pages import Site, words


def _running(made: Site, **child: object) -> None:
    """Do what the supervisor does: say how its children are."""
    now_us = made.clock.wall_us()
    told = {"name": "recorder-0", "state": "running", "pid": 42, "since_us": now_us - 60_000_000, "restarts": 3,
            "last_end": "killed by signal 9 (SIGKILL)", "crash_loop": False, **child}  # fmt: skip
    body = {"v": 1, "state": "running", "pid": 41, "at_us": now_us, "since_us": now_us - 90_000_000, "children": [told]}
    (made.root / "run").mkdir(exist_ok=True)
    (made.root / "run" / "supervisor.json").write_text(json.dumps(body), encoding="utf-8")


def test_roles_and_volumes_are_shown(two: Site) -> None:
    """Everybody sees which processes run, how often and why they were restarted, and how full the disks are (C125)."""
    _running(two)
    volumes.prepare(two.home.context.config, SystemClock())
    said = words(two.page("/machine"))
    assert "recorder-0 running 1 min ago 42 3 killed by signal 9 (SIGKILL)" in said
    assert "main" in said
    (disk,) = volumes.survey(two.home.context.config)
    assert f" {disk_of(disk).state} " in said
    assert "percent used" in two.page("/machine")
    assert "Everything in it makes sense" in said


def test_what_is_wrong_is_in_words(two: Site) -> None:
    """A process that keeps ending, a refused configuration and a missing volume each say so; nothing else is hidden."""
    _running(two, state="waiting", crash_loop=True)
    now_us = two.clock.wall_us()
    worker = {"at_us": now_us, "state": "running", "config_problem": "the configuration is refused: line 3"}
    (two.root / "run" / "worker.json").write_text(json.dumps(worker), encoding="utf-8")
    said = words(two.page("/machine"))
    assert "ends again and again" in said
    assert "The configuration is refused: line 3" in said
    assert "makes sense" not in said


def test_a_node_without_roles_says_what_to_start(two: Site) -> None:
    """Where no supervisor runs, the page says what that means for the footage and what to type."""
    said = words(two.page("/machine"))
    assert "No supervisor is running" in said
    assert "holdfast run starts them all" in said


def test_the_host_is_shown(two: Site) -> None:
    """Everybody sees how busy the host is, its addresses and its clock; what it does not tell is left out (C108)."""
    said = words(two.page("/machine"))
    assert "Memory" in said
    assert "available" in said
    assert "Clock synchronised" in said
    assert "Temperature" not in said or "°C" in said
    two.home.app.state.host = Host(PushedClock(sync=False), proc=two.root, sys=two.root)
    said = words(two.page("/machine"))
    assert "Memory" not in said
    assert "Clock not synchronised Times of footage may be wrong" in said
    (two.root / "meminfo").write_text("MemTotal: 1000000 kB\nMemAvailable: 100000 kB\n", encoding="ascii")
    page = two.page("/machine")
    assert "Memory 90 % busy 102.4 MB of 1.0 GB available" in words(page)
    assert "90 percent in use" in page


def test_logs_are_for_admins(two: Site) -> None:
    """An admin reads the newest lines, newest first, of one role where asked; nobody else sees any."""
    folder = two.home.context.config.log_dir
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {"at": f"2026-05-01T10:00:0{n}Z", "level": level, "role": "worker", "event": f"thing.{n}", "camera": "<b>"}
        for n, level in enumerate(("info", "error", "debug"))
    ]
    (folder / "worker.log").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    admin = two.page("/machine", Role.ADMIN)
    assert admin.index("thing.1") < admin.index("thing.0")
    assert "thing.2" not in admin
    assert "camera=&lt;b&gt;" in admin
    assert "thing.0" not in two.page("/machine?level=error", Role.ADMIN)
    assert "Nothing was logged that fits" in two.page("/machine?role=recorder", Role.ADMIN)
    assert "thing.0" not in two.page("/machine", Role.OPERATOR)
    two.page("/machine?level=loud", Role.ADMIN, status=422)


def test_logs_have_pages(two: Site) -> None:
    """Older lines are a link away, down to the first one, with the same choice of role and severity."""
    folder = two.home.context.config.log_dir
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "at": f"2026-05-01T10:{n // 60:02d}:{n % 60:02d}.000Z",
            "level": "info",
            "role": "worker",
            "event": f"thing.{n}.",
        }
        for n in range(250)
    ]
    (folder / "worker.log").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    address, seen = "/machine?role=worker&level=info", []
    while address:
        html = two.page(address, Role.ADMIN)
        seen += [int(number) for number in re.findall(r"thing\.(\d+)\.", html)]
        link = re.search(r'href="([^"]+)#logs">Older lines', html)
        assert ("Newest lines" in html) == ("cursor" in address)
        address = unescape(link[1]) if link else ""
    assert seen == list(range(249, -1, -1))


def test_footage_by_camera(two: Site, clock: PushedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody sees how many files and bytes of each camera lie on which volume; without a catalog, why not (C110)."""
    assert "No finished footage yet" in words(two.page("/machine"))
    volumes.prepare(two.home.context.config, clock)
    size = 0
    for name, count in (("gate", 3), ("attic", 1)):
        told = Told(two.root / "vol", clock, StreamKey(name, "main"))
        told.open()
        size += sum(told.record(10).bytes for _ in range(count))
        told.die()
    Indexer(two.home.context.catalog(), {"main": two.root / "vol"}, clock).pass_once()
    clock.advance(120)
    said = words(two.page("/machine"))
    assert "gate footage, main main 3 " in said
    assert "attic (removed) footage, main main 1 " in said
    assert f"Together 4 {size_words(size)}" in said

    def away() -> Catalog:
        raise CatalogUnavailable("the catalog does not answer")

    two.home.app.state.holdings = Holdings(clock, away)
    assert "The catalog does not answer. Footage is still written" in words(two.page("/machine"))


def test_a_disk_is_judged_by_what_is_left(two: Site) -> None:
    """A volume is ready, filling, nearly full, full or not usable, at the marks of C108; its bar says how much."""
    (state,) = volumes.survey(two.home.context.config)
    state = replace(state, problem=None, total_bytes=1000, reserve_bytes=10)
    cases = {500: "ready", 260: "ready", 250: "filling", 101: "filling", 100: "nearly full", 10: "full"}
    assert {free: disk_of(replace(state, free_bytes=free)).state for free in cases} == cases
    assert disk_of(replace(state, free_bytes=250)).used == 0.75
    away = disk_of(replace(state, problem=DiskError("it is gone", hint="look"), free_bytes=None))
    assert (away.state, away.words, away.hint, away.used) == ("not usable", "it is gone", "look", None)
