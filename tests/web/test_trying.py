from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from holdfast.core.clock import SystemClock
from holdfast.core.errors import UsageError
from holdfast.http.trying import trials_of
from holdfast.library.accounts import Role
from holdfast.web.trying import in_form_words
from support.pages import site


def test_pages_and_api_share_the_turn(tmp_path: Path) -> None:
    """Who is trying a camera by the API is told on the page to wait for what comes of it (C128)."""
    with site(tmp_path, SystemClock(), "gate") as made:
        admin = made.as_(Role.ADMIN)
        name = admin.get("/api/v1/session").json()["name"]
        with trials_of(HTTPConnection({"type": "http", "app": made.home.app})).turn(f"session {name}"):
            answer = admin.post("/cameras/-/add", data={"what": "try", "url": "rtsp://127.0.0.1:9/x"})
    assert answer.status_code == 429
    assert "you are trying a camera already" in answer.text.replace("You", "you")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("camera new-camera: url: names no host", "Address: names no host"),
        ("camera yard_2: sub_url: names no host", "Address of the sub stream: names no host"),
        ("camera yard: stall_s: must be more than 0", "stall_s: must be more than 0"),
        ("camera yard: a file of this machine: no", "a file of this machine: no"),
        ("you are trying a camera already", "you are trying a camera already"),
    ],
)
def test_a_form_is_answered_in_its_own_words(said: str, shown: str) -> None:
    """What is refused names the field as its form does, and not the camera that is only being made."""
    found = in_form_words(UsageError(said, hint="do this"))
    assert (str(found), found.hint, found.http_status) == (shown, "do this", 400)
