"""Films of stills over HTTP, made by the real child process."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from holdfast.api import timelapses
from holdfast.catalog import nodes, stills
from holdfast.catalog.stills import Outcome
from holdfast.core.timing import SECOND_US, iso
from holdfast.http import filming
from holdfast.http.context import Context
from support.clock import PushedClock
from support.films import moving, still
from support.web import application, context_for, serving

URL = "/api/v1/timelapses"


@pytest.fixture(name="context")
def _context(tmp_path: Path, clock: PushedClock) -> Iterator[Context]:
    """A node whose gate has twelve stills, ten seconds apart, the last of them now."""
    path = tmp_path / "holdfast.toml"
    path.write_text('state_dir = "state"\n[volumes.main]\npath = "vol"\n[cameras.gate]\nurl = "rtsp://192.0.2.1/"\n')
    context = context_for(path, clock)
    outcomes = []
    (tmp_path / "vol" / "stills").mkdir(parents=True)
    for number in range(12):
        file = f"stills/{number}.jpg"
        body = still(tmp_path / "vol" / file, moving(number / 5)).read_bytes()
        slot_us = clock.wall_us() - (12 - number) * 10 * SECOND_US
        outcomes.append(
            Outcome(camera="gate", slot_us=slot_us, at_us=slot_us, volume="main", file=file, width=320, height=180,
                    source_width=320, source_height=180, bytes=len(body), sha256="0" * 64)
        )  # fmt: skip
    with context.catalog().write() as tx:
        stills.put(tx, nodes.ensure(tx, context.node, 1), outcomes, 1)
    yield context
    context.close()


@pytest.fixture(name="client")
def _client(context: Context) -> Iterator[httpx.Client]:
    app = application(context, [timelapses.router], alive=[filming.lifespan])
    with serving(app) as address, httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield client
    assert not (context.state_dir / "timelapses").exists()


def ask(client: httpx.Client, context: Context, **more: object) -> httpx.Response:
    """Ask for a film of the last 105 seconds."""
    now_us = context.clock.wall_us()
    body = {"camera": "GATE", "from": iso(now_us - 105 * SECOND_US), "to": iso(now_us), "rate": 5, **more}
    return client.post(URL, json=body)


def settled(client: httpx.Client, number: str) -> dict[str, Any]:
    """Wait until a film is done or has failed."""
    for _ in range(600):
        body: dict[str, Any] = client.get(f"{URL}/{number}").json()
        if body["state"] != "working":
            return body
        time.sleep(0.1)  # the child is a process of its own, with a clock of its own
    raise AssertionError(body)


def test_a_film_is_made_and_downloaded(client: httpx.Client, context: Context, tmp_path: Path) -> None:
    """It begins at once, says how far it is, and then is an MP4 with the stills of its span (C014)."""
    begun = ask(client, context)
    assert begun.status_code == 202
    number = begun.json()["id"]
    busy = ask(client, context)
    assert busy.status_code in {202, 429}
    done = settled(client, number)
    assert (done["state"], done["done"], done["total"], done["camera"]) == ("done", 10, 10, "gate")
    answer = client.get(done["url"])
    assert answer.headers["content-type"] == "video/mp4"
    assert "gate_" in answer.headers["content-disposition"]
    path = tmp_path / "film.mp4"
    path.write_bytes(answer.content)
    with av.open(str(path)) as media:
        assert sum(1 for _ in media.decode(video=0)) == 10
    assert client.delete(f"{URL}/{number}").status_code == 204
    assert client.get(f"{URL}/{number}").status_code == 404


def test_what_cannot_be_made_says_why(client: httpx.Client, context: Context) -> None:
    """Without stills a film fails with the reason; mistakes are refused at once; viewers may not ask for one."""
    now_us = context.clock.wall_us()
    old = {"from": iso(now_us - 7200 * SECOND_US), "to": iso(now_us - 3600 * SECOND_US)}
    failed = settled(client, ask(client, context, **old).json()["id"])
    assert (failed["state"], failed["url"]) == ("failed", None)
    assert "no stills" in failed["problem"]
    assert client.get(f"{URL}/{failed['id']}/film.mp4").status_code == 409
    assert ask(client, context, camera="yard").status_code == 404
    assert ask(client, context, to=iso(now_us - 7200 * SECOND_US)).status_code == 400
    assert ask(client, context, rate=0).status_code == 422
    assert client.get(f"{URL}/0123456789ab").status_code == 404
    refused = client.post(URL, json={"camera": "gate", **old}, headers={"X-Test-Right": "viewer"})
    assert refused.status_code == 403
