"""What settings of retention would mean, beside the form that they are typed into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.library.accounts import Role
from support.clock import PushedClock
from support.pages import Site, aged_site, words


@pytest.fixture(name="one")
def _one(tmp_path: Path, clock: PushedClock) -> Iterator[Site]:
    """A node that keeps everything, whose gate has four files of nine days ago and one of today."""
    with aged_site(tmp_path, clock) as made:
        yield made


def test_typed_days_show_what_would_go_and_save_nothing(one: Site) -> None:
    """What goes now stands beside what would go, with the reason; only saving changes anything (C080, C126)."""
    admin = one.as_(Role.ADMIN)
    form = {"defaults.retention.keep_days": "7", "what": "preview"}
    text = words(admin.post("/settings/keeping", data=form).text)
    assert "As it is Nothing goes next." in text
    assert "As typed 4 files" in text
    assert "older than 7 days" in text
    assert "main:" in text
    assert one.home.context.config.cameras["gate"].retention.keep_days is None
    text = words(admin.post("/settings/deleting", data={"retention.enabled": "no", "what": "preview"}).text)
    assert "Nothing is deleted; a full disk stops recording." in text
    assert one.home.context.config.retention.enabled
    answer = admin.post("/settings/keeping", data=form | {"defaults.retention.keep_days": "many"})
    assert (answer.status_code, "As typed" in answer.text) == (422, False)


def test_one_camera_is_previewed_on_its_own_page(one: Site) -> None:
    """A camera's own days are previewed the same way, with what was typed left in the form."""
    form = {"retention.keep_days": "8", "what": "preview"}
    answer = one.as_(Role.ADMIN).post("/cameras/gate/edit", data=form)
    assert answer.status_code == 200
    assert "As typed 4 files" in words(answer.text)
    assert 'value="8"' in answer.text
    assert one.home.context.config.cameras["gate"].retention.keep_days is None
    wrong = one.as_(Role.ADMIN).post("/cameras/gate/edit", data=form | {"retention.only": "moon"})
    assert wrong.status_code in {400, 422}
