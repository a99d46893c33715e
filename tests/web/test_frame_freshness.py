"""Pages that stay open: what they say of durations and of today goes on, with a real camera that stalls."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page

from holdfast.catalog.db import open_catalog
from holdfast.core.clock import SystemClock
from holdfast.library import accounts
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import chromium, sign_in, window
from support.node import Node
from support.sim import simulated, small_camera

OBSERVE = """() => { window.told = []; const box = document.getElementById("announced");
  new MutationObserver(() => told.push(box.textContent)).observe(box, { childList: true }); }"""

pytestmark = [pytest.mark.needs("chromium")]


def _until(page: Page, selector: str, pattern: str, limit_s: int = 60) -> str:
    """Wait for words of an element; what stands there then."""
    box = page.locator(selector).first
    for _ in range(limit_s * 10):
        if re.search(pattern, box.text_content() or ""):
            return box.text_content() or ""
        page.wait_for_timeout(100)
    raise AssertionError((selector, pattern, box.text_content()))


def _seconds(words: str) -> int:
    found = re.search(r"not recording for (\d+) s", words)
    assert found is not None, words
    return int(found[1])


def test_nothing_on_an_open_page_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stall counts on in every open page, and so does today's percentage; one page asks for all of them (C127).

    Who listens to the page instead of reading it is told of the stall, not of each second that it lasts.
    """
    monkeypatch.setenv("HOLDFAST_WEB__ENABLED", "true")
    with simulated(small_camera("gate")) as sim, Node(tmp_path, {}, more="[web]\nport = 0\n") as node:
        with node.config.open("a", encoding="utf-8") as file:
            file.write(f'[cameras.gate]\nurl = "{sim.url("gate")}"\nstall_s = 2\n')
        node.run().until(lambda: node.role("server").get("port") and node.recording("gate"))
        with open_catalog(f"sqlite:///{tmp_path / 'state' / 'catalog.sqlite'}") as catalog:
            accounts.add_user(catalog, SystemClock(), "alice", PASSWORD, Role.VIEWER)
        address = f"http://127.0.0.1:{node.role('server')['port']}"
        with chromium() as browser, window(browser) as page:
            sign_in(page, address, "alice", PASSWORD)
            other = page.context.new_page()
            other.goto(f"{address}/machine")
            asked: list[str] = []
            began_s = time.monotonic()
            page.context.on("request", lambda request: asked.append(request.url))
            _until(page, "#sentence", "^recording")
            _until(other, "#today", r"% today")
            page.evaluate(OBSERVE)
            sim.inject("silent", "gate", for_s=90)
            before = _seconds(_until(page, "#sentence", "not recording for"))
            for one in (page, other):
                _until(one, "#sentence", rf"not recording for (?!{before} s)")
                after = _seconds(one.locator("#sentence").text_content() or "")
                assert before < after <= before + 25
            _until(page, ".tile-words", rf"not recording for (?!{before} s)")
            today = _until(page, "#today", r"9\d\.\d+ % today|[1-8]?\d\.\d+ % today")
            assert _until(other, "#today", rf"^(?!{re.escape(today)})") != ""
            assert not re.search(r"\d\.\d{2}", str(page.evaluate("told"))), "no more places than a person wants"
            told = [re.sub(r"[\d.]+ ", "", words) for words in page.evaluate("told")]
            assert any("not recording" in words for words in told)
            assert len(told) == len(set(told)), "each reason once, however long it lasts"
            looks = sum(url.endswith("/coverage/today") for url in asked)
            most = 3 + (time.monotonic() - began_s) / 9
            assert 1 <= looks <= most, "one page asks for both, at most every 9 s"
            assert not any(url.endswith("/api/v1/streams") for url in asked)
