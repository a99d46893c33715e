"""Targets and rules in a real browser: by keyboard, on a phone, followed while they are tested, and for axe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from holdfast.core.clock import SystemClock
from holdfast.library.accounts import Role
from holdfast.storage.targets.marker import adopt
from support.accounts import PASSWORD
from support.chromium import barriers, chromium, sign_in, signed_in, window
from support.pages import Site, site
from support.web import serving

pytestmark = [pytest.mark.needs("chromium")]

MORE = (
    '[targets.nas]\ntype = "folder"\npath = "nas"\n[targets.cloud]\ntype = "folder"\npath = "cloud"\n'
    '[deliveries.archive]\ntarget = "nas"\nname = "lab"\n'
    '[handovers.hook]\ntype = "webhook"\nurl = "https://hooks.example.org/k"\nsecret = "s"\nafter = ["nas"]\n'
)  # fmt: skip
PAGES = (
    "/settings/sending", "/settings/targets/-/add", "/settings/targets/nas", "/settings/targets/-/add?type=sftp",
    "/settings/rules/archive", "/settings/handovers/hook", "/settings/handovers/-/add?type=marker", "/delivery",
)  # fmt: skip


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A node with two folders as targets, the first of which is there, and an admin called alice."""
    adopt("nas", tmp_path / "nas", 1)
    with site(tmp_path, SystemClock(), "gate", "dock", more=MORE) as made:
        made.home.user(Role.ADMIN, "alice")
        with serving(made.home.app) as address:
            yield made, address


def test_a_phone_adds_a_target_and_a_rule(served: tuple[Site, str]) -> None:
    """On a phone: kind, fields, a test before saving, a rule whose names follow what is typed, and it holds (C126)."""
    made, address = served
    adopt("attic", made.root / "attic", 1)
    with chromium() as browser, window(browser, "phone", has_touch=True, is_mobile=True) as page:
        sign_in(page, address, "alice", PASSWORD)
        page.goto(f"{address}/settings/sending")
        page.get_by_role("link", name="Add a target").tap()
        page.get_by_role("link", name="Folder").tap()
        page.get_by_label("Name", exact=True).fill("attic")
        page.get_by_label("Folder", exact=True).fill(str(made.root / "nowhere"))
        page.get_by_role("button", name="Test it like this").tap()
        expect(page.locator("#trial")).to_contain_text("It does not take files")
        page.get_by_label("Folder", exact=True).fill(str(made.root / "attic"))
        page.get_by_role("button", name="Test it like this").tap()
        expect(page.locator("#trial")).to_contain_text("It takes files")
        assert page.get_by_label("Name", exact=True).input_value() == "attic", "a test leaves the form as it is"
        page.get_by_role("button", name="Add target").tap()
        expect(page.get_by_role("status").filter(has_text="Saved. It holds within seconds.")).to_be_visible()

        page.goto(f"{address}/settings/rules/-/add?target=attic")
        page.get_by_label("Name", exact=True).fill("pictures")
        page.get_by_label("segments").uncheck()
        page.get_by_label("journals").uncheck()
        page.get_by_label("stills").check()
        page.get_by_label("Names of files").fill("{camera}/{date}_{time}")
        expect(page.locator("#names")).to_contain_text(".jpg")
        expect(page.locator("#names")).not_to_contain_text("segments")
        page.get_by_label("Names of files").fill("{camera}")
        expect(page.locator("#names")).to_contain_text("lacks what tells assets apart")
        page.get_by_label("Names of files").fill("shop")
        expect(page.locator("#names")).to_contain_text("camera_gate/")
        page.get_by_role("button", name="Add rule").tap()
        expect(page.get_by_role("status").filter(has_text="Saved. It holds within seconds.")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    rule = made.home.context.config.deliveries["pictures"]
    assert (rule.target, rule.assets, rule.name) == ("attic", ("stills",), "shop")


def test_targets_are_tested_by_keyboard_in_their_place(served: tuple[Site, str]) -> None:
    """Without a mouse and without leaving the list, what came of a test is said beside the target (C084)."""
    _, address = served
    with chromium() as browser, window(browser) as page:
        signed_in(page, address, "alice", PASSWORD)
        page.goto(f"{address}/settings/sending")
        for name, says in (("nas", "It takes files"), ("cloud", "It does not take files")):
            page.get_by_role("button", name=f"Test now {name}").focus()
            page.keyboard.press("Enter")
            expect(page.locator(f"#trial-{name}")).to_contain_text(says)
        expect(page.locator("#trial-nas")).to_contain_text("It takes files")
        assert page.url == f"{address}/settings/sending"
        assert not barriers(page)


@pytest.mark.parametrize(("size", "scheme"), [("desk", "dark"), ("desk", "light"), ("phone", "light")])
def test_nothing_stands_in_anybodys_way(served: tuple[Site, str], size: str, scheme: str) -> None:
    """Axe finds nothing serious on lists, forms, refused forms and Delivery, and none is wider than its window."""
    _, address = served
    with chromium() as browser, window(browser, size, color_scheme=scheme) as page:
        signed_in(page, address, "alice", PASSWORD)
        found = []
        for path in PAGES:
            page.goto(address + path)
            page.locator("details").evaluate_all(
                "all => all.forEach(one => { if (!one.closest('.bar, .rail')) one.open = true; })"
            )
            found += [f"{path} {barrier}" for barrier in barriers(page)]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.goto(f"{address}/settings/targets/nas")
        page.get_by_label("Files at the same time").fill("none")
        page.get_by_role("button", name="Save").last.click()
        expect(page.get_by_text("Must be a whole number")).to_be_visible()
        found += barriers(page)
    assert not found
