"""The pages of cameras in a real browser: on a phone, by hand, kept current, and for axe."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from holdfast.catalog.db import open_catalog
from holdfast.core.clock import SystemClock
from holdfast.core.status import StreamState
from holdfast.library import accounts
from holdfast.library.accounts import Role
from support.accounts import PASSWORD
from support.chromium import SIZES, barriers, chromium, sign_in, signed_in, window
from support.node import Node
from support.pages import Site, site
from support.sim import simulated, small_camera
from support.web import serving

pytestmark = [pytest.mark.needs("chromium")]

SHIFTS = """() => { window.moved = 0; new PerformanceObserver((list) => { for (const one of list.getEntries())
  window.moved += one.value; }).observe({ type: "layout-shift", buffered: false }); }"""


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A node with cameras in different states, served on loopback, and an admin called alice."""
    with site(tmp_path, SystemClock(), "gate", "dock", "roof") as made:
        made.home.user(Role.ADMIN, "alice")
        made.says("gate")
        made.says("dock", StreamState.STALLED, reason="stalled", detail="no media for 12 s")
        made.says("roof", StreamState.DISABLED)
        with serving(made.home.app) as address:
            yield made, address


def test_a_phone_adds_a_camera_and_sees_it_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a phone: address, preview, save, and the overview shows it recording within seconds (C126, C128)."""
    monkeypatch.setenv("HOLDFAST_WEB__ENABLED", "true")
    camera = small_camera("cam1", user="ann", password="s3cret")
    with simulated(camera) as sim, Node(tmp_path, {}, more="[web]\nport = 0\n") as node:
        node.run().until(lambda: node.role("server").get("port"))
        with open_catalog(f"sqlite:///{tmp_path / 'state' / 'catalog.sqlite'}") as catalog:
            accounts.add_user(catalog, SystemClock(), "alice", PASSWORD, Role.ADMIN)
        address = f"http://127.0.0.1:{node.role('server')['port']}"
        with chromium() as browser, window(browser, "phone", has_touch=True, is_mobile=True) as page:
            sign_in(page, address, "alice", PASSWORD)
            page.get_by_role("link", name="Add a camera").tap()
            page.get_by_label("Address", exact=True).fill(sim.url("cam1", credentials=False))
            page.get_by_label("User name").fill("ann")
            page.get_by_label("Password").fill("wrong")
            page.get_by_role("button", name="Try it").tap()
            expect(page.locator("#trial")).to_contain_text("Check user name and password")
            page.get_by_label("Password").fill("s3cret")
            page.get_by_role("button", name="Try it").tap()
            expect(page.locator("#trial")).to_contain_text("h264 320×240")  # noqa: RUF001 - the sign for "by"
            picture = page.get_by_alt_text("What the camera shows now")
            assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 320
            assert page.get_by_label("Password").input_value() == "s3cret", "trying leaves the form as it is"
            page.get_by_label("Name", exact=True).fill("North gate")
            page.get_by_role("button", name="Add camera").tap()
            expect(page.get_by_role("status").filter(has_text="North gate was added")).to_be_visible()
            page.get_by_role("link", name="See it on the overview").tap()
            tile = page.locator('.tile[data-camera="north-gate"]')
            expect(tile).to_have_attribute("data-state", "recording")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        node.until(lambda: node.recording("north-gate"))
        assert "s3cret" not in json.dumps(json.loads(node.command("cameras", "show", "north-gate", "--json").stdout))
        assert node.stop() == 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_nothing_stands_in_anybodys_way(served: tuple[Site, str], size: str, scheme: str) -> None:
    """Axe finds nothing serious on list, add and edit, in their states, and no page is wider than its window."""
    _, address = served
    found = []
    with chromium() as browser, window(browser, size, color_scheme=scheme) as page:
        signed_in(page, address, "alice", PASSWORD)
        for path in ("/cameras", "/cameras?added=gate", "/cameras/-/add", "/cameras/gate/edit"):
            page.goto(address + path)
            found += _looked_at(page, path)
        page.get_by_label("Length of a file").fill("soon")
        page.get_by_role("button", name="Save", exact=True).last.click()
        page.get_by_text("must be a whole number").wait_for()
        found += _looked_at(page, "edit, refused")
        page.goto(f"{address}/cameras/-/add")
        page.get_by_label("Address", exact=True).fill("rtsp://127.0.0.1:9/x")
        page.get_by_role("button", name="Try it").click()
        expect(page.locator("#trial")).to_contain_text("No picture")
        expect(page.locator("#trial")).not_to_have_attribute("aria-busy", "true")
        found += _looked_at(page, "add, tried")
    assert not found


def test_empty_and_last_states_stand_in_nobodys_way(tmp_path: Path) -> None:
    """Before the first camera, and before one is removed, axe finds nothing serious on a phone, dark or light."""
    with site(tmp_path, SystemClock()) as made:
        made.home.user(Role.ADMIN, "alice")
        home = made.home.context
        # Without motion: between two themes colours are on their way for a tenth of a second.
        calm = {"reduced_motion": "reduce"}
        with serving(made.home.app) as address, chromium() as browser, window(browser, "phone", **calm) as page:
            signed_in(page, address, "alice", PASSWORD)
            page.goto(f"{address}/cameras")
            found = _both(page, "no cameras")
            page.get_by_role("main").get_by_role("link", name="Add a camera").click()
            page.get_by_label("Address", exact=True).fill("rtsp://127.0.0.1:9/x")
            page.get_by_label("Name", exact=True).fill("Yard")
            page.get_by_role("button", name="Add camera").click()
            page.get_by_text("Yard was added").wait_for()
            home.changed()
            page.goto(f"{address}/cameras/yard/edit")
            page.get_by_text("Remove …").click()
            found += _both(page, "sure")
            page.get_by_role("button", name="Remove Yard").click()
            page.get_by_text("No cameras yet").first.wait_for()
    assert not found


def test_a_camera_that_somebody_else_adds_is_said(served: tuple[Site, str]) -> None:
    """Who looks at the list is told of a camera that came meanwhile, and no row moves under their hands."""
    made, address = served
    with chromium() as browser, window(browser) as page:
        signed_in(page, address, "alice", PASSWORD)
        page.goto(f"{address}/cameras")
        text = (made.root / "holdfast.toml").read_text(encoding="utf-8")
        more = text + '[cameras.yard]\nurl = "rtsp://127.0.0.1:9/x"\n'
        (made.root / "holdfast.toml").write_text(more, encoding="utf-8")
        made.publish()
        made.says("yard")
        page.get_by_text("There is another camera").wait_for()
        assert page.locator("tr[data-camera]").count() == 3


def test_rows_stay_current_and_where_they_are(served: tuple[Site, str]) -> None:
    """A camera's state changes in the list as it happens, without a reload, and nothing on the page moves by it."""
    made, address = served
    with chromium() as browser, window(browser) as page:
        signed_in(page, address, "alice", PASSWORD)
        page.goto(f"{address}/cameras")
        row = page.locator('tr[data-camera="gate"]')
        expect(row.locator(".state-word")).to_have_text("recording")
        page.evaluate(SHIFTS)
        made.says("gate", StreamState.STALLED, reason="stalled", detail="no media for " + "a very long time " * 20)
        expect(row.locator(".state-word")).to_have_text("stalled")
        expect(row.locator(".badge")).to_have_attribute("data-health", "lost")
        made.says("gate")
        expect(row.locator(".state-word")).to_have_text("recording")
        assert page.evaluate("window.moved") < 0.01


def test_without_scripts(served: tuple[Site, str]) -> None:
    """Trying, editing, setting back and removing are forms that answer with pages."""
    made, address = served
    home = made.home.context
    with chromium() as browser, window(browser, java_script_enabled=False) as page:
        signed_in(page, address, "alice", PASSWORD)
        page.goto(f"{address}/cameras")
        page.get_by_role("link", name="Edit gate").click()
        page.get_by_label("Length of a file").fill("60")
        page.get_by_role("button", name="Save", exact=True).last.click()
        page.get_by_text("Saved.").wait_for()
        page.get_by_role("button", name="Set back to 600").click()
        page.get_by_text("is what it was before").wait_for()
        page.goto(f"{address}/cameras/-/add")
        page.get_by_label("Address", exact=True).fill("rtsp://127.0.0.1:9/x")
        page.get_by_role("button", name="Try it").click()
        page.get_by_text("No picture").first.wait_for()
        page.get_by_label("Name", exact=True).fill("Yard")
        page.get_by_role("button", name="Add camera").click()
        page.get_by_text("Yard was added").wait_for()
        page.goto(f"{address}/cameras/yard/edit")
        page.get_by_text("Remove …").click()
        page.get_by_role("button", name="Remove Yard").click()
        page.wait_for_url(f"{address}/cameras")
    home.changed()
    assert set(home.config.cameras) == {"gate", "dock", "roof"}


def _looked_at(page: Page, where: str) -> list[str]:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
    return [f"{where}: {barrier}" for barrier in barriers(page)]


def _both(page: Page, where: str) -> list[str]:
    found = []
    schemes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found += _looked_at(page, f"{where}, {scheme}")
    return found


def test_a_refused_camera_loses_nothing(served: tuple[Site, str]) -> None:
    """An id that is taken is said in the page's words, and preview, password and everything typed stay (C126)."""
    _, address = served
    with (
        simulated(small_camera("cam1", user="ann", password="s3cret")) as sim,
        chromium() as browser,
        window(browser, "phone") as page,
    ):
        signed_in(page, address, "alice", PASSWORD)
        page.goto(f"{address}/cameras/-/add")
        page.get_by_label("Address", exact=True).fill(sim.url("cam1", credentials=False))
        page.get_by_label("User name").fill("ann")
        page.get_by_label("Password").fill("s3cret")
        page.get_by_role("button", name="Try it").click()
        page.get_by_alt_text("What the camera shows now").wait_for()
        page.get_by_label("Id", exact=True).fill("gate")
        page.get_by_role("button", name="Add camera").click()
        said = page.get_by_role("alert")
        expect(said).to_contain_text("There is a camera with the id gate already")
        expect(said).to_contain_text("Choose another id")
        expect(said).to_be_in_viewport()
        assert page.evaluate("document.activeElement.id") == "said"
        assert page.get_by_alt_text("What the camera shows now").is_visible()
        assert page.get_by_label("Password").input_value() == "s3cret"
        assert not _looked_at(page, "refused")
        page.get_by_label("Id", exact=True).fill("yard")
        page.get_by_role("button", name="Add camera").click()
        page.wait_for_url(f"{address}/cameras?added=yard")
