"""The page of exports."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog import nodes
from holdfast.core.clock import SystemClock
from holdfast.core.errors import CatalogUnavailable
from holdfast.library import exports
from holdfast.library.accounts import Role
from holdfast.storage.keys import node_key
from holdfast.work.export import export_kind
from holdfast.work.station import Options, Station
from support.clock import PushedClock
from support.exports import Yard
from support.pages import Site, site, words
from support.recording import until


@pytest.fixture(name="made")
def _made(tmp_path: Path, clock: PushedClock) -> Iterator[tuple[Site, Yard]]:
    """A node with footage of a gate, an outage in it."""
    with site(tmp_path, clock, "gate") as node:
        yield node, Yard(tmp_path, clock, folder="vol")


def _ask(node: Site, yard: Yard, **more: str) -> int:
    form = {
        "camera-gate": "yes", "begin": str(yard.began_us), "end": str(yard.clock.wall_us()), "format": "zip",
        "streams": "main", "purpose": "case <12>",
    }  # fmt: skip
    answer = node.as_(Role.OPERATOR).post("/exports", data={**form, **more}, follow_redirects=False)
    return answer.status_code


def _work(node: Site) -> None:
    context = node.home.context
    catalog = context.catalog()
    with catalog.write() as tx:
        number = nodes.ensure(tx, context.node, 1)
    kind = export_kind(lambda: context.config, SystemClock())
    with Station(catalog, number, [kind], SystemClock(), Options(worker="w1")):
        until(lambda: all(row.state in {"done", "failed"} for row in exports.listed(catalog).rows))


def test_an_export_is_asked_for_followed_and_fetched(made: tuple[Site, Yard]) -> None:
    """C083: the form makes one, the list tells how it stands, what is missing and the key, and leads to the file."""
    node, yard = made
    assert "No exports yet" in words(node.page("/exports"))
    assert _ask(node, yard) == 303
    text = words(node.page("/exports"))
    assert "waits" in text
    assert "case &lt;12&gt;" in text
    _work(node)
    html = node.page("/exports")
    text = words(html)
    assert "not complete" in text
    assert "2 parts are missing" in text
    assert "unreachable" in text
    assert node_key(node.home.context.state_dir).public.fingerprint in text
    link = re.search(r'href="(/api/v1/exports/[^"]+)" download', html)
    assert link
    assert node.as_().get(link[1]).content[:2] == b"PK"
    assert "Delete" not in html


def test_what_cannot_be_stays_in_the_form(made: tuple[Site, Yard]) -> None:
    """A span that makes no sense is said above the form, which keeps what was filled in; nothing is asked for."""
    node, yard = made
    answer = node.as_(Role.OPERATOR).post(
        "/exports", data={"camera-gate": "yes", "begin": "2026-09-21T12:00", "end": "2026-09-21T11:00", "cut": "yes"}
    )
    assert answer.status_code == 400
    assert "The span" in words(answer.text)
    assert 'value="2026-09-21T12:00"' in answer.text
    assert re.search(r'name="camera-gate" value="yes" checked', answer.text)
    assert _ask(node, yard, **{"camera-attic": "yes"}) == 404
    assert exports.listed(node.home.context.catalog()).rows == ()


def test_one_is_given_up(made: tuple[Site, Yard]) -> None:
    """An operator deletes one with its file; a viewer has no form and may not."""
    node, yard = made
    _ask(node, yard)
    _work(node)
    (row,) = exports.listed(node.home.context.catalog()).rows
    assert node.as_().post(f"/exports/{row.id}/delete").status_code == 403
    assert node.as_().post("/exports", data={}).status_code == 403
    assert "Make export" not in node.page("/exports")
    answer = node.as_(Role.OPERATOR).post(f"/exports/{row.id}/delete", follow_redirects=False)
    assert answer.status_code == 303
    assert list((yard.disk / "exports").iterdir()) == []


def test_an_address_fills_the_form_in(made: tuple[Site, Yard]) -> None:
    """Whoever marked a span on a camera's page finds camera and times in the form, in the site's time."""
    node, yard = made
    answer = node.as_(Role.OPERATOR).get(
        "/exports", params={"camera": "GATE", "from": yard.began_us, "to": yard.began_us + 60_000_000}
    )
    assert re.search(r'name="camera-gate" value="yes" checked', answer.text)
    assert node.as_(Role.OPERATOR).get("/exports?camera=attic&from=soon&to=253402300799000000").status_code == 200
    found = re.findall(r'type="datetime-local"[^>]*value="([^"]+)"', answer.text)
    assert [when[-6:] for when in found] == [":13:20"[:6], ":14:20"[:6]]


def test_a_mark_in_the_hour_that_comes_twice_stays_where_it_is(tmp_path: Path) -> None:
    """The form shows the site's time, and asks for the instants that it was filled in with, unless one is typed."""
    clock = PushedClock(1_792_891_800_000_000 - 3_600_000_000)  # the hour before 2026-10-25 02:30 comes again in Berlin
    with site(tmp_path, clock, "gate", more='[site]\ntime_zone = "Europe/Berlin"\n') as node:
        yard = Yard(tmp_path, clock, folder="vol")
        begin_us, end_us = yard.began_us + 3_600_000_123, yard.began_us + 3_900_000_000
        clock.advance(3600)
        answer = node.as_(Role.OPERATOR).get("/exports", params={"camera": "gate", "from": begin_us, "to": end_us})
        form = dict(re.findall(r'name="((?:begin|end)[^"]*)"[^>]*value="([^"]*)"', answer.text))
        assert form["begin"][11:] == "02:30:00"
        assert _ask(node, yard, **form) == 303
        assert _ask(node, yard, **{**form, "begin": "2026-10-25T02:20"}) == 303
        typed, marked = exports.listed(node.home.context.catalog()).rows
        assert (marked.from_us, marked.to_us, typed.to_us) == (begin_us, end_us, end_us)
        assert typed.from_us == begin_us - 123 - 4_200_000_000


def test_without_a_catalog_it_says_so(made: tuple[Site, Yard], monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that is away leaves the page with what still works."""
    node, _ = made

    def away(*_facts: object, **_more: object) -> None:
        raise CatalogUnavailable("it is gone")

    monkeypatch.setattr(exports, "listed", away)
    assert "holdfast export" in words(node.page("/exports", status=503))


def test_a_marked_span_leads_here(made: tuple[Site, Yard]) -> None:
    """An operator's camera page has a way to hand the marked span on; a viewer's has none."""
    node, _ = made
    assert 'id="hand-on" href="/exports"' in node.as_(Role.OPERATOR).get("/cameras/gate").text
    assert 'id="hand-on"' not in node.page("/cameras/gate")
