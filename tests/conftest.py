"""What all tests share: skips that say their name, and a look for what a test left behind.

`@pytest.mark.needs("ffprobe", "postgres")` skips a test where something is missing, and the summary names it with the
command that would install it. With HOLDFAST_REQUIRE_ALL=1 every skip, and every expected failure, is a failure: in CI
nothing may hide. `no_leaks` fails a test that leaves a thread, a descriptor or a child process behind. Of
`@pytest.mark.best_of_three` the best of three tries counts (support/tries.py).
"""

import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from support import lasting, tries
from support.needs import NEEDS, present

# Nodes of tests record side by side: only those that are about pages and API serve them, on ports of their own.
os.environ.setdefault("HOLDFAST_WEB__ENABLED", "false")
os.environ.setdefault("HOLDFAST_WATCHER__ENABLED", "false")
# A traceback with colours and the values in every frame takes seconds, and somebody waits for an answer meanwhile.
_PLAIN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

_SETTLE_S = 30.0  # chosen: how long threads and descriptors may take to go on a busy machine
_MARK = "missing: "


def _require_all() -> bool:
    return os.environ.get("HOLDFAST_REQUIRE_ALL", "") not in {"", "0"}


def pytest_configure() -> None:
    """Let Ctrl-C be itself: a run in a shell's background ignores it, and so would every program that a test starts."""
    tries.parse_patiently()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure() -> None:
    """End the browser that this process kept for its tests."""
    if (keeper := sys.modules.get("support.chromium")) is not None:
        keeper.close_browser()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, naming what is missing."""
    for item in items:
        names = {str(name) for mark in item.iter_markers("needs") for name in mark.args}
        unknown = sorted(names - NEEDS.keys())
        if unknown:
            raise pytest.UsageError(f"{item.nodeid} needs {', '.join(unknown)}: not a name in tests/support/needs.py")
        missing = sorted(name for name in names if not present(name))
        if missing:
            item.add_marker(pytest.mark.skip(reason=_MARK + ", ".join(missing)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Try tests again whose subject is real time."""
    if item.get_closest_marker(tries.MARK) is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in tries.tried(item, nextitem):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    """Turn skips and expected failures into failures where everything is required."""
    report: pytest.TestReport = yield
    if _require_all() and report.skipped:
        expected = getattr(report, "wasxfail", None)
        why = f"expected to fail: {expected}" if expected is not None else f"skipped: {_reason(report)}"
        if expected is not None:
            del report.wasxfail
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: {why}; HOLDFAST_REQUIRE_ALL is set, so nothing may be left out"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Any:
    """The same for modules that skip themselves."""
    report: pytest.CollectReport = yield
    if _require_all() and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: whole module skipped; HOLDFAST_REQUIRE_ALL is set"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List what was not run because something is missing, what would bring it, and what took more than one try."""
    _show_tries(terminalreporter)
    left_out: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reason = _reason(report)
        if reason.startswith(_MARK):
            for name in reason.removeprefix(_MARK).split(", "):
                left_out[name].append(report.nodeid)
    for name, tests in sorted(left_out.items()):
        terminalreporter.section(
            f"skipped, because {name} is missing: {len(tests)} {'test' if len(tests) == 1 else 'tests'}",
            sep="-",
            yellow=True,
        )
        for test in sorted(tests):
            terminalreporter.write_line(f"  {test}")
        terminalreporter.write_line(f"  install with: {NEEDS[name].install}")


def _show_tries(terminalreporter: Any) -> None:
    again = [
        f"  {report.nodeid}: {why}"
        for report in terminalreporter.stats.get("passed", [])
        for name, why in report.user_properties
        if name == tries.AGAIN
    ]
    if again:
        terminalreporter.section("passed, but not at once: the machine was busy", sep="-", yellow=True)
        for line in again:
            terminalreporter.write_line(line)


class _Belongings:
    """What this process holds: threads, open descriptors (Linux), children."""

    def __init__(self) -> None:
        self.threads = {t for t in threading.enumerate() if t.is_alive()}
        self.descriptors = _descriptors()
        self.children = _children()

    def since(self, before: "_Belongings") -> list[str]:
        """Name what is here now and was not before."""
        threads = [f"thread {t.name}" for t in self.threads - before.threads]
        descriptors = [
            f"descriptor {fd} -> {what}" for fd, what in self.descriptors.items() if before.descriptors.get(fd) != what
        ]
        return threads + descriptors + [f"child process {pid}" for pid in self.children - before.children]


def _descriptors() -> dict[str, str]:
    found = {}
    for entry in Path("/proc/self/fd").glob("*") if Path("/proc/self/fd").exists() else ():
        try:
            path = str(entry.readlink())
        except OSError:  # the descriptor that lists the folder is gone again
            continue
        if not lasting.lasts(path):
            found[entry.name] = path
    return found


def _children() -> set[str]:
    pids: set[str] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            pids.update(task.read_text(encoding="ascii").split())
        except OSError:  # a thread that ended while we looked
            continue
    return pids


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail where threads, descriptors or child processes outlive the test. Ask for it before other fixtures."""
    before = _Belongings()
    yield
    deadline = time.monotonic() + _SETTLE_S
    while (left := _Belongings().since(before)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, "left behind: " + ", ".join(left)
