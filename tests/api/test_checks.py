"""Asking cameras over HTTP while nobody waits."""

from pathlib import Path

from holdfast.core.clock import SystemClock
from holdfast.library.accounts import Role
from support.pages import silent_cameras, site
from support.recording import until
from support.sim import simulated, small_camera


def test_a_round_of_all_cameras(tmp_path: Path) -> None:
    """All cameras are asked in a round that is followed; each has its newest answer with its time (C125)."""
    with simulated(small_camera("gate")) as sim, silent_cameras(1) as (silent,):
        text = (
            f'[cameras.gate]\nurl = "{sim.url("gate")}"\n'
            f'[cameras.dock]\nurl = "rtsp://127.0.0.1:{silent.getsockname()[1]}/x"\nopen_timeout_s = 90\n'
        )
        with site(tmp_path, SystemClock(), more=text) as made:
            viewer, operator = made.as_(Role.VIEWER), made.as_(Role.OPERATOR)
            before = viewer.get("/api/v1/checks").json()
            assert before["items"] == []
            assert before["round"] == {"running": False, "began_us": None, "total": 0, "done": 0, "asking": []}
            assert viewer.post("/api/v1/checks").status_code == 403
            assert operator.post("/api/v1/checks", json={"cameras": ["gate", "attic"]}).status_code == 404
            began_us = made.clock.wall_us()
            answer = operator.post("/api/v1/checks")
            assert (answer.status_code, answer.json()["total"]) == (202, 2)
            assert viewer.get("/api/v1/checks").json()["round"]["running"]  # it was answered before the dock has
            silent.accept()[0].close()
            until(lambda: not viewer.get("/api/v1/checks").json()["round"]["running"])
            found = {one["camera"]: one for one in viewer.get("/api/v1/checks").json()["items"]}
            assert found["gate"]["verdicts"][0]["outcome"] == "OK"
            assert found["gate"]["at_us"] >= began_us
            assert found["dock"]["verdicts"][0]["outcome"] == "ERROR"
            assert found["dock"]["verdicts"][0]["fix"]
            (only,) = viewer.get("/api/v1/checks", params={"camera": "GATE"}).json()["items"]
            assert only["camera"] == "gate"


def test_one_camera(tmp_path: Path) -> None:
    """A round may be about one camera; what a test that was waited for has said is known, too."""
    with simulated(small_camera("gate"), small_camera("dock")) as sim:
        text = "".join(f'[cameras.{name}]\nurl = "{sim.url(name)}"\n' for name in ("gate", "dock"))
        with site(tmp_path, SystemClock(), more=text) as made:
            operator = made.as_(Role.OPERATOR)
            assert operator.post("/api/v1/checks", json={"cameras": ["gate"]}).json()["total"] == 1
            assert operator.post("/api/v1/cameras/dock/test").status_code == 200
            until(lambda: len(operator.get("/api/v1/checks").json()["items"]) == 2)
