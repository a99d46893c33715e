import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from holdfast.library.instants import read_duration
from support.chromium import chromium, sign_in, window
from support.node import holdfast
from support.recording import until

LIVE = """() => [...document.querySelectorAll(".tile hf-player video")].filter((one) => one.readyState > 2
  && !one.paused && one.currentTime > 0 && one.getVideoPlaybackQuality().totalVideoFrames > 1).length"""


@contextmanager
def running(root: Path, *args: str) -> Iterator[tuple[str, str, str]]:
    """Run the demo with its pages; gives the address that it prints, and who may sign in there. It ends with 0."""
    argv = [sys.executable, "-m", "holdfast", "demo", "--root", str(root), *args]
    env = {**os.environ, "HOLDFAST_WEB__ENABLED": "true"}
    output = root.with_name(f"{root.name}.output")
    with output.open("w+") as sink, subprocess.Popen(argv, stdout=sink, stderr=sink, env=env) as process:
        found = None
        end = time.monotonic() + 120
        while found is None:
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
            found = re.search(r"(http://\S+)  sign in as (\w+) with (\w+)", output.read_text())
        try:
            yield found[1], found[2], found[3]
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


@pytest.mark.best_of_three
def test_ends_by_itself_with_a_gap_that_has_a_reason(tmp_path: Path) -> None:
    """It says where to look, records every camera, shows the scripted gap, hands on, and ends with 0, all finished.

    However long starting takes, what it was told to record is recorded, and the gap is in it.
    """
    result = holdfast("demo", "--for", "18s", "--root", str(tmp_path / "d"), "--cameras", "2", limit_s=170)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"holdfast status --watch -c {tmp_path}/d/holdfast.toml" in result.stdout
    table = result.stdout.split("camera  recorded")[1].splitlines()
    gate = next(line for line in table if line.startswith("gate"))
    yard = " ".join(table[table.index(next(line for line in table if line.startswith("yard"))) :])
    assert gate.split()[-1] == "none"
    assert read_duration(gate.split()[1]) >= 17
    assert "the camera" in yard
    assert list((tmp_path / "d" / "footage").rglob("*.mp4"))
    assert not list((tmp_path / "d" / "footage").rglob("*.part"))
    assert "Traceback" not in result.stderr
    said = re.search(rf"^copies +(\d+) files .*verified in {tmp_path}/d/nas", result.stdout, re.MULTILINE)
    assert said is not None
    copies = [path for path in (tmp_path / "d" / "nas").rglob("*") if path.is_file() and path.name[0] != "."]
    assert int(said[1]) == len(copies)


def test_the_demo_lets_only_its_own_user_in(tmp_path: Path) -> None:
    """It prints an address and a sign-in that work while it runs, on another port where the usual one is taken."""
    root = tmp_path / "demo"
    with running(root, "--cameras", "1") as (address, name, password):
        status = None
        end = time.monotonic() + 120
        while status is None:
            assert time.monotonic() < end
            with suppress(httpx.TransportError):
                status = httpx.post(
                    f"{address}/api/v1/session", json={"name": name, "password": password}, timeout=60
                ).status_code
        wrong = httpx.post(
            f"{address}/api/v1/session", json={"name": name, "password": f"{password}x"}, timeout=60
        ).status_code
    assert (status, wrong) == (200, 401)
    assert password not in "".join(path.read_text() for path in (root / "state" / "log").glob("*.log"))


def _answers(address: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{address}/livez", timeout=60).status_code == httpx.codes.OK
    return False


def _recording(client: httpx.Client) -> bool:
    answer = client.get("/api/v1/streams")
    assert answer.status_code == httpx.codes.OK, answer.text
    return [stream["state"] for stream in answer.json()["streams"]] == ["recording"] * 3


def _until_live_s(page: Page, address: str) -> float:
    """Return how many seconds after opening three pictures were live; other tests run beside, so the best counts."""
    opened = time.monotonic()
    page.goto(address)
    page.wait_for_function(f"() => ({LIVE})() >= 3", polling=50, timeout=60_000)
    return time.monotonic() - opened


@pytest.mark.best_of_three
@pytest.mark.needs("chromium")
def test_a_first_visitor_sees_three_live_pictures_and_then_a_gap(tmp_path: Path) -> None:
    """Three live pictures within 5 seconds of opening the page; later the dock's gap, with its reason (C115).

    Its finished files are handed on meanwhile.
    """
    with running(tmp_path / "demo") as (address, name, password), chromium() as browser:
        until(lambda: _answers(address), 60)
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
            assert client.post("/api/v1/session", json={"name": name, "password": password}).is_success
            until(lambda: _recording(client), 60)
        with window(browser) as page:
            sign_in(page, address, name, password)
            assert min(_until_live_s(page, address) for _ in range(3)) < 5
            page.goto(f"{address}/cameras/dock")
            gaps = page.locator(".gap-list li", has_text="unreachable")
            end = time.monotonic() + 60
            while not gaps.count():
                assert time.monotonic() < end
                page.wait_for_timeout(1000)
                page.reload()
            assert "cannot be reached: connection refused" in gaps.first.inner_text()
        until(lambda: list((tmp_path / "demo" / "nas").rglob("*.mp4")), 120)


def test_ctrl_c_is_a_clean_end(tmp_path: Path) -> None:
    """Ctrl-C finishes files and ends with 0; a second demo in the same folder is refused while it runs (F07)."""
    argv = [sys.executable, "-m", "holdfast", "demo", "--root", str(tmp_path), "--cameras", "1"]
    with (tmp_path / "output").open("wb") as sink, subprocess.Popen(argv, stdout=sink, stderr=sink) as process:
        end = time.monotonic() + 120
        while not list(tmp_path.rglob("*.part")):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.1)
        second = holdfast("demo", "--root", str(tmp_path), "--for", "1s")
        assert second.returncode == 75
        assert f"a demo is running in {tmp_path} (process {process.pid})" in second.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert not list(tmp_path.rglob("*.part"))
