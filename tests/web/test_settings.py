"""The page of settings."""

import re
from html import unescape

from holdfast.core.config.settable import settable
from holdfast.library.accounts import Role
from holdfast.web.settings import SECTIONS
from support.pages import Site, untouched, words

CHANGED = "changed here"


def _post(made: Site, section: str, **form: str) -> tuple[int, str]:
    fields = {key.replace("__", "."): value for key, value in form.items()}
    answer = made.as_(Role.ADMIN).post(f"/settings/{section}", data=fields)
    return answer.status_code, answer.text if answer.status_code != 303 else answer.headers["location"]


def _level(made: Site) -> str:
    return made.home.context.config.log.level


def test_every_setting_is_on_the_page_once() -> None:
    """What can be changed over the API can be changed here (C126, C128)."""
    keys = [key for _, _, labels in SECTIONS.values() for key in labels]
    assert sorted(keys) == sorted(settable())


def test_a_setting_is_changed_and_set_back(two: Site) -> None:
    """A section is saved without scripts, says who changed what, and sets one setting back to the file (C126)."""
    assert CHANGED not in two.page("/settings", Role.ADMIN)
    assert _post(two, "logs", log__level="debug", log__keep="5") == (303, "/settings?saved=logs#logs")
    text = two.page("/settings?saved=logs", Role.ADMIN)
    assert "Saved. It holds within seconds." in text
    assert text.count(CHANGED) == 1
    assert re.search(r"changed here by admin\d+", words(text))
    assert "Set back to info" in words(text)
    assert _level(two) == "debug"
    assert _post(two, "logs", log__level="debug", reset="log.level")[0] == 303
    assert _level(two) == "info"
    assert CHANGED not in two.page("/settings", Role.ADMIN)


def test_what_is_left_alone_is_not_saved(two: Site) -> None:
    """Saving any section as a browser has it, without a change, saves nothing."""
    html = two.page("/settings", Role.ADMIN)
    for section in SECTIONS:
        form = untouched(html, f"/settings/{section}")
        answer = two.as_(Role.ADMIN).post(f"/settings/{section}", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/settings#{section}")
    assert CHANGED not in two.page("/settings", Role.ADMIN)


def test_what_makes_no_sense_is_said_in_its_field(two: Site) -> None:
    """A refused value stays in its field with the reason; nothing else of the section is saved."""
    status, text = _post(two, "place", site__name="Mole", site__time_zone="Berlin")
    assert status == 422
    assert 'value="Berlin"' in text
    assert "'Berlin' is no time zone. Did you mean Europe/Berlin?" in unescape(words(text))
    assert two.home.context.config.site.name != "Mole"
    status, text = _post(two, "recording", defaults__capture__windows="whenever", defaults__segment_s="60")
    assert (status, "is no time to record at" in words(text)) == (422, True)
    assert _post(two, "logs", reset="web.port")[0] == 404
    assert _post(two, "nowhere")[0] == 404


def test_a_password_is_only_written(two: Site) -> None:
    """A saved password is on no page; the field says that there is one (C130)."""
    assert _post(two, "connection", defaults__username="watch", defaults__password="tide-9")[0] == 303
    text = two.page("/settings", Role.ADMIN)
    assert "tide-9" not in text
    assert 'placeholder="unchanged"' in text
    assert two.home.context.config.cameras["gate"].password.reveal() == "tide-9"


def test_only_admins_see_settings(two: Site) -> None:
    """Nobody else reads or changes them, or finds the page in the rail (C139)."""
    two.page("/settings", Role.OPERATOR, status=403)
    assert two.as_(Role.OPERATOR).post("/settings/logs", data={"log.level": "debug"}).status_code == 403
    assert 'href="/settings"' not in two.page("/", Role.OPERATOR)
    assert 'href="/settings"' in two.page("/", Role.ADMIN)


def test_without_the_catalog(two: Site) -> None:
    """While the catalog is away the page says so, and that what was saved holds."""
    admin = two.as_(Role.ADMIN)
    assert admin.get("/settings").status_code == 200
    two.home.context.close()
    for path in (two.root / "state").glob("catalog.sqlite*"):
        path.unlink()
    (two.root / "state" / "catalog.sqlite").write_bytes(b"garbage " * 1000)
    answer = admin.get("/settings")
    assert answer.status_code == 503
    assert "What was saved last holds on, and recording goes on." in words(answer.text)
