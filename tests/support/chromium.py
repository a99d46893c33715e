"""Pages in a real browser: the system's Chromium, driven by Playwright, and what it complained about.

Starting a browser takes longer than most of what a test does with it. So each worker keeps one, `chromium()` lends it,
and `window` gives a test a profile of its own in it: no cookie, no storage and no cache of another test. Who needs
switches of Chromium gets a browser that ends with the block. `close_browser` ends what is kept.
"""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, expect, sync_playwright

PATIENCE_MS = 60_000  # chosen: what comes, comes within it on a busy machine; whoever expects anything waits so long
SIZES = {"desk": (1440, 900), "tablet": (1024, 768), "phone": (390, 844)}

expect.set_options(timeout=PATIENCE_MS)


class _Kept:
    """The driver and the browser of this process, from their first use on; both belong to the thread that began."""

    def __init__(self) -> None:
        self._ends = ExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._driver: Playwright | None = None
        self._browser: Browser | None = None

    @contextmanager
    def driver(self) -> Iterator[Playwright]:
        """Lend the driver."""
        # Between two calls the driver leaves its loop marked as running in this thread, and what a test does next could
        # run none there. So the mark goes when the driver is not lent, and is back when it is: then it relies on it.
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)
        try:
            if self._driver is None:
                self._driver = self._ends.enter_context(sync_playwright())
                self._loop = asyncio._get_running_loop()
            yield self._driver
        finally:
            asyncio._set_running_loop(before)

    @contextmanager
    def browser(self) -> Iterator[Browser]:
        """Lend the browser; a new one where that of before has died."""
        if self._browser is not None and not self._alive(self._browser):
            self.close()
        with self.driver() as driver:
            self._browser = self._browser or _launched(driver)
            yield self._browser

    def _alive(self, browser: Browser) -> bool:
        with self.driver():
            try:
                browser.new_browser_cdp_session().detach()
            except Error:
                return False
        return True

    def close(self) -> None:
        """End both, if they still live."""
        if self._driver is not None:
            with self.driver(), suppress(Error):
                if self._browser is not None:
                    self._browser.close()
            with self.driver():
                self._ends.close()
        self._loop = self._driver = self._browser = None


_kept = _Kept()


def _launched(driver: Playwright, *args: str) -> Browser:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    # Root has no user namespaces to build the sandbox from.
    return driver.chromium.launch(executable_path=program, args=["--no-sandbox", *args])


@contextmanager
def chromium(*args: str) -> Iterator[Browser]:
    """Lend a browser; one for this block alone where there are `args`, switches of Chromium."""
    if not args:
        with _kept.browser() as browser:
            yield browser
        return
    with _kept.driver() as driver:
        browser = _launched(driver, *args)
        try:
            yield browser
        finally:
            browser.close()


def close_browser() -> None:
    """End the browser that is kept, if there is one."""
    _kept.close()


@contextmanager
def window(browser: Browser, size: str = "desk", **more: Any) -> Iterator[Page]:
    """Open a window of a size, with nothing kept from before; what its scripts complain about fails the test."""
    width, height = SIZES[size]
    context: BrowserContext = browser.new_context(viewport={"width": width, "height": height}, **more)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if _is_complaint(said.type, said.text) else None)
    try:
        yield page
        assert not wrong, wrong
    finally:
        context.close()


def signed_in(page: Page, address: str, name: str, password: str, path: str = "") -> None:
    """Give a window the session of somebody, without the form, and open a page where asked for."""
    answer = page.context.request.post(f"{address}/api/v1/session", data={"name": name, "password": password})
    assert answer.ok, answer.text()
    if path:
        page.goto(address + path)


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
