"""The node over HTTP."""

import json
import platform
from pathlib import Path

from holdfast import __version__
from support.clock import PushedClock
from support.pages import Site, site


def _role(made: Site, name: str, **body: object) -> None:
    """Do what a role does: say how it is."""
    (made.root / "run").mkdir(exist_ok=True)
    told = {"v": 1, "state": "running", "pid": 40, "at_us": made.clock.wall_us(), "since_us": 5, **body}
    (made.root / "run" / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")


def test_the_node_says_what_it_is_and_what_runs(tmp_path: Path, clock: PushedClock) -> None:
    """Name, place, versions, and each process with its state, number and restarts (C108)."""
    more = '[site]\nname = "North pier"\ntime_zone = "Europe/Berlin"\n'
    with site(tmp_path, clock, "gate", more=more) as made:
        child = {"name": "recorder-0", "state": "waiting", "pid": 0, "since_us": 9, "restarts": 4,
                 "last_end": "killed by SIGKILL", "crash_loop": True}  # fmt: skip
        worker = {"name": "worker", "state": "running", "pid": 42, "since_us": 9, "restarts": 0, "last_end": ""}
        _role(made, "supervisor", children=[child, worker])
        _role(made, "worker", pid=42)
        _role(made, "server", pid=43)
        body = made.as_().get("/api/v1/node").json()
    assert (body["site"], body["site_id"], body["time_zone"]) == ("North pier", "north-pier", "Europe/Berlin")
    assert (body["name"], body["cameras"]) == ("local", 1)
    assert body["machine"]["holdfast"] == __version__
    assert body["machine"]["python"] == platform.python_version()
    assert body["catalog"] == {"kind": "SQLite", "problem": None, "indexed_us": None}
    roles = {role["name"]: role for role in body["roles"]}
    assert list(roles) == ["supervisor", "server", "recorder-0", "worker"]
    assert (roles["worker"]["pid"], roles["worker"]["last_end"]) == (42, None)
    assert roles["recorder-0"] == {**child, "pid": None}


def test_a_node_without_roles(tmp_path: Path, clock: PushedClock) -> None:
    """Where nothing runs there are no roles, and nothing is wrong with the answer."""
    with site(tmp_path, clock) as made:
        assert made.as_().get("/api/v1/node").json()["roles"] == []
