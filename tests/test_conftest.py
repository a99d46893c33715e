import ast
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Error

from support.chromium import chromium, window
from support.needs import NEEDS

_HERE = Path(__file__).parent
_SAMPLE = """
import threading
import pytest
from support import needs

needs.NEEDS["unobtainium"] = needs.Need(lambda: False, ("unobtainium-utils",))

@pytest.mark.needs("unobtainium")
def test_wants_it():
    raise AssertionError("must not run")

@pytest.mark.needs("linux")
def test_runs():
    pass
"""
_LEAK = """
import threading
_never = threading.Event()

def test_leaks(no_leaks):
    threading.Thread(target=_never.wait, name="forgotten", daemon=True).start()
"""
_XFAIL = """
import pytest

@pytest.mark.xfail(reason="known to be broken")
def test_broken():
    assert False
"""
_CTRL_C = """
import signal
import subprocess
import sys

def test_child():
    child = subprocess.Popen([sys.executable, "-c", "print('up', flush=True); input()"], stdin=-1, stdout=-1, stderr=-3)
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGINT
"""
_TRIES = """
import gc
import socket

import pytest

tries = []

@pytest.fixture(scope="module")
def shared():
    return object()

@pytest.mark.best_of_three
def test_slow_at_first(tmp_path, shared):
    tries.append(tmp_path)
    held = [socket.socket()] if len(set(tries)) < 3 else []
    held.append(held)
    assert len(set(tries)) == 3, "too slow"

def test_once(shared):
    gc.collect()
    tries.append(0)
    assert len(tries) == 4

@pytest.mark.best_of_three
def test_never():
    tries.append(0)
    assert len(tries) == 0, "never right"
"""
_MODULE = """
import pytest
pytest.skip("not today", allow_module_level=True)
"""


def _pytest(folder: Path, body: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a test file of its own, with our conftest beside it."""
    ours = (_HERE / "conftest.py").read_text(encoding="utf-8").replace("_SETTLE_S = 30.0", "_SETTLE_S = 0.5")
    (folder / "conftest.py").write_text(ours, encoding="utf-8")
    (folder / "test_sample.py").write_text(body, encoding="utf-8")
    (folder / "pytest.ini").write_text(
        f"[pytest]\naddopts = --import-mode=importlib -ra\npythonpath = {_HERE}\nfilterwarnings = error\n"
        "markers =\n  needs(tool): sample\n  best_of_three: sample\n",
        encoding="utf-8",
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "HOLDFAST_"))} | environ
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # loading what is installed takes ten times as long as the test
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_missing_need_is_skipped_by_name(tmp_path: Path) -> None:
    """A test whose tool is missing is skipped, and the summary names test, tool and the command that brings it."""
    done = _pytest(tmp_path, _SAMPLE)
    assert done.returncode == 0, done.stdout
    assert "skipped, because unobtainium is missing: 1 test" in done.stdout
    assert "test_sample.py::test_wants_it" in done.stdout
    assert "install with: apt-get install --no-install-recommends unobtainium-utils" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout


@pytest.mark.parametrize("body", [_SAMPLE, _XFAIL, _MODULE], ids=["needs", "xfail", "module"])
def test_nothing_may_be_left_out_where_all_is_required(tmp_path: Path, body: str) -> None:
    """With HOLDFAST_REQUIRE_ALL=1 a skip, an expected failure and a skipped module each fail the run."""
    done = _pytest(tmp_path, body, HOLDFAST_REQUIRE_ALL="1")
    assert done.returncode in {1, 2}, done.stdout
    assert "HOLDFAST_REQUIRE_ALL is set" in done.stdout


def test_unknown_need_is_refused(tmp_path: Path) -> None:
    """A need that no check knows ends the run, so that a typing error cannot skip a test for ever."""
    done = _pytest(tmp_path, _SAMPLE.replace('needs("linux")', 'needs("linus")'))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "linus: not a name" in done.stderr


@pytest.mark.needs("linux")
def test_leaks_are_named(tmp_path: Path) -> None:
    """A thread that outlives a test which asked for `no_leaks` fails it by name."""
    done = _pytest(tmp_path, _LEAK)
    assert done.returncode == 1
    assert "left behind: thread forgotten" in done.stdout


def test_the_best_of_three_tries_counts(tmp_path: Path) -> None:
    """A test of real time may take three tries, each with fixtures of its own; what never passes fails."""
    done = _pytest(tmp_path, _TRIES)
    assert "1 failed, 2 passed" in done.stdout
    assert "passed, but not at once" in done.stdout
    assert done.stdout.count("test_sample.py::test_slow_at_first: ") == 2
    assert "assert 7 == 0" in done.stdout


class _Parsing:
    """Garbage that only the collector finds, and that parses when it goes."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        self.deeper(20)

    def deeper(self, left: int) -> None:
        """Parse so many frames further down."""
        if left:
            self.deeper(left - 1)
        else:
            ast.parse("a + b")


def test_a_failure_is_shown_whatever_is_collected_meanwhile() -> None:
    """Parsing, as each traceback does that is shown, bears a finaliser in its midst that parses, too."""
    source = "\n".join(f"def f{n}(a): return [a + {n}, {{a: {n}}}]" for n in range(300))
    for _ in range(5):
        _Parsing()
        assert ast.parse(source)


def test_every_need_says_how_to_get_it() -> None:
    """Each need is installable by a package or says in words what to do."""
    assert all(need.packages or need.how for need in NEEDS.values())


def test_ctrl_c_works_in_a_background_run(tmp_path: Path) -> None:
    """A run that ignores Ctrl-C, as shells start those in their background, does not hand that on to its children."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = _pytest(tmp_path, _CTRL_C)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.returncode == 0, done.stdout


@pytest.mark.needs("chromium")
def test_a_browser_is_kept_and_one_that_died_is_not() -> None:
    """Tests share one browser but no cookies, other loops run between them, and who finds it dead gets a new one."""
    with chromium() as first, window(first) as page:
        page.context.add_cookies([{"name": "crumb", "value": "1", "url": "http://127.0.0.1"}])
    assert asyncio.run(asyncio.sleep(0, "another loop")) == "another loop"
    with chromium() as second:
        assert second is first
        with window(second) as page:
            assert page.context.cookies() == []
        with pytest.raises(Error):
            second.new_browser_cdp_session().send("Browser.crash")
    with chromium() as third, window(third) as page:
        assert third is not first
        assert page.evaluate("1 + 1") == 2
