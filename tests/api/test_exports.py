"""Exports over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import nodes
from holdfast.catalog.exports import DONE
from holdfast.core.clock import SystemClock
from holdfast.core.timing import iso
from holdfast.library import exports
from holdfast.library.accounts import Role
from holdfast.library.export_verify import verify_export
from holdfast.storage.keys import node_key
from holdfast.work.export import export_kind
from holdfast.work.station import Options, Station
from support.clock import PushedClock
from support.exports import Yard
from support.pages import Site, site
from support.recording import until


@pytest.fixture(name="made")
def _made(tmp_path: Path, clock: PushedClock) -> Iterator[tuple[Site, Yard]]:
    """A node with footage of a gate, an outage in it."""
    with site(tmp_path, clock, "gate") as node:
        yield node, Yard(tmp_path, clock, folder="vol")


def _work(node: Site) -> None:
    """Let a worker make all that waits."""
    context = node.home.context
    catalog = context.catalog()
    with catalog.write() as tx:
        number = nodes.ensure(tx, context.node, 1)
    kind = export_kind(lambda: context.config, SystemClock())
    with Station(catalog, number, [kind], SystemClock(), Options(worker="w1")):
        until(lambda: all(row.state == DONE for row in exports.listed(catalog).rows))


def _wanted(yard: Yard, **more: object) -> dict[str, object]:
    return {"cameras": ["GATE"], "from": iso(yard.began_us), "to": iso(yard.clock.wall_us()), **more}


def test_footage_is_handed_on(made: tuple[Site, Yard], tmp_path: Path) -> None:
    """C083: an operator asks, a worker makes it, what is missing is named, and it comes in parts that fit together."""
    node, yard = made
    client = node.as_(Role.OPERATOR)
    answer = client.post("/api/v1/exports", json=_wanted(yard, purpose="case 12"))
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert (asked["state"], asked["streams"], asked["url"]) == ("pending", ["gate/main"], None)
    assert asked["asked_by"].startswith("operator")
    assert client.get(f"/api/v1/exports/{asked['id']}/file").status_code == 409
    _work(node)
    body = node.as_().get(f"/api/v1/exports/{asked['id']}").json()
    assert (body["state"], body["complete"], body["problem"]) == ("done", False, "")
    assert [one["why"] for one in body["missing"]] == ["removed: reserve", "unreachable"]
    whole = node.as_().get(body["url"])
    assert whole.status_code == 200
    assert len(whole.content) == body["bytes"] == body["written_bytes"]
    assert 'filename="gate_2026-' in whole.headers["content-disposition"]
    half = len(whole.content) // 2
    parts = [{"Range": f"bytes=0-{half - 1}"}, {"Range": f"bytes={half}-", "If-Range": whole.headers["etag"]}]
    answers = [node.as_().get(body["url"], headers=part) for part in parts]
    assert [answer.status_code for answer in answers] == [206, 206]
    assert b"".join(answer.content for answer in answers) == whole.content
    path = tmp_path / "fetched.zip"
    path.write_bytes(whole.content)
    key = node.as_().get("/api/v1/node/key").json()
    assert verify_export(path, key=key["fingerprint"]).findings == []
    assert key["public_key"].encode() == node_key(node.home.context.state_dir).public.pem
    assert "PRIVATE" not in str(key)


def test_it_is_listed_and_given_up(made: tuple[Site, Yard]) -> None:
    """Exports are listed newest first, in pages; one that is deleted is gone with its file, and a viewer may not."""
    node, yard = made
    client = node.as_(Role.OPERATOR)
    ids = [client.post("/api/v1/exports", json=_wanted(yard, format=kind)).json()["id"] for kind in ("zip", "tar")]
    first = node.as_().get("/api/v1/exports", params={"limit": 1}).json()
    rest = node.as_().get("/api/v1/exports", params={"limit": 1, "cursor": first["cursor"]}).json()
    assert [one["id"] for one in (*first["items"], *rest["items"])] == ids[::-1]
    assert rest["cursor"] is None
    _work(node)
    folder = yard.disk / "exports"
    assert len(list(folder.iterdir())) == 2
    assert node.as_().delete(f"/api/v1/exports/{ids[0]}").status_code == 403
    assert client.delete(f"/api/v1/exports/{ids[0]}").status_code == 204
    assert len(list(folder.iterdir())) == 1
    assert client.get(f"/api/v1/exports/{ids[0]}").status_code == 404
    assert client.delete(f"/api/v1/exports/{ids[0]}").status_code == 404


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"cameras": ["attic"]}, 404), ({"cameras": []}, 422), ({"format": "rar"}, 422), ({"to": "1h"}, 400),
        ({"from": "soon"}, 400), ({"from": "2027-01-01", "to": "2027-01-02"}, 400), ({"more": 1}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(made: tuple[Site, Yard], more: dict[str, object], status: int) -> None:
    """A request that makes no sense is refused with its reason, before anything is written."""
    node, yard = made
    assert node.as_(Role.OPERATOR).post("/api/v1/exports", json=_wanted(yard, **more)).status_code == status
    assert node.as_().get("/api/v1/exports").json()["items"] == []


def test_a_viewer_may_not_ask(made: tuple[Site, Yard]) -> None:
    """Handing on takes an operator."""
    node, yard = made
    assert node.as_().post("/api/v1/exports", json=_wanted(yard)).status_code == 403


def test_not_too_many_at_once(made: tuple[Site, Yard]) -> None:
    """Who asks for more than make sense is told to wait."""
    node, yard = made
    client = node.as_(Role.OPERATOR)
    answers = [client.post("/api/v1/exports", json=_wanted(yard)).status_code for _ in range(exports.MOST_OPEN + 1)]
    assert answers == [202] * exports.MOST_OPEN + [429]
