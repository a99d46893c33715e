"""Pages in a real browser: the system's Chromium, driven by Playwright, and what it complained about."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

SIZES = {"desk": (1440, 900), "tablet": (1024, 768), "phone": (390, 844)}


@contextmanager
def chromium(*args: str) -> Iterator[Browser]:
    """Start a browser for a while; `args` are switches of Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        # Root has no user namespaces to build the sandbox from.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", *args])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, size: str = "desk", **more: Any) -> Iterator[Page]:
    """Open a window of a size, with nothing kept from before; what its scripts complain about fails the test."""
    width, height = SIZES[size]
    context: BrowserContext = browser.new_context(viewport={"width": width, "height": height}, **more)
    context.set_default_timeout(15_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_complaint(said.type, said.text) else None)
    try:
        yield page
        assert not wrong, wrong
    finally:
        context.close()


def sign_in(page: Page, address: str, name: str, password: str) -> None:
    """Sign in as a person does."""
    page.goto(f"{address}/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/")


def barriers(page: Page) -> list[str]:
    """What axe finds serious or critical about a page, for people with other eyes, ears and hands."""
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in {"serious", "critical"}]


def _is_complaint(kind: str, text: str) -> bool:
    # A picture that is not there yet is part of the page, not a mistake in it.
    # And that a name over plain HTTP is no place for secrets is not for the page to mend.
    # Where a test takes the server away, the browser says so of each attempt.
    known = (
        "Failed to load resource",
        "The Cross-Origin-Opener-Policy header has been ignored",
        "WebSocket connection to",
    )
    return kind in {"error", "warning"} and not text.startswith(known)
