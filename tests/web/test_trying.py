from pathlib import Path

from starlette.requests import HTTPConnection

from holdfast.core.clock import SystemClock
from holdfast.http.trying import trials_of
from holdfast.library.accounts import Role
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
