"""Who is told of finished files stands on the delivery page, with what was refused and why."""

from pathlib import Path

from holdfast.catalog import claims, handovers, nodes, work_controls
from holdfast.catalog.claims import Known
from holdfast.catalog.db import Catalog
from holdfast.catalog.work_controls import KindRow
from holdfast.core.delivery import Asset, AssetKind
from holdfast.library.accounts import Role
from holdfast.library.handing_over import KIND
from support.clock import PushedClock
from support.pages import site

RULE = '[handovers.hook]\ntype = "webhook"\nurl = "https://hooks.example.org/7f3a9c"\n'


def refuse(catalog: Catalog, now_us: int) -> None:
    """Let a receiver refuse a file."""
    asset = Asset(
        kind=AssetKind.SEGMENT, camera="gate", volume="main", file="a.mp4", bytes=1, sha256="0" * 64,
        start_us=now_us - 2, end_us=now_us,
    )  # fmt: skip
    row = KindRow(name=KIND, noun=handovers.NOUN, queue="deliver", working="handing", about="", lane_limit=2)
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        work_controls.put_kinds(tx, node, [row], 1)
        handovers.add(tx, node, "hook", [asset], now_us)
        known = Known(KIND, handovers.NOUN, "handing")
        (claim,) = claims.claim(tx, known, node, [1], worker="w", now_us=now_us, lease_us=10)
        claims.finish(tx, claim, "failed", now_us=now_us, error="answers <422>", hint="look at its log")


def test_rules_of_hand_over_stand_on_the_page(tmp_path: Path, clock: PushedClock) -> None:
    """A rule shows who is told, what was refused and why, never the address; an operator has it tried again."""
    with site(tmp_path, clock, "gate", more=RULE) as node:
        assert "nothing to tell of yet" in node.as_().get("/delivery").text.lower()
        refuse(node.home.context.catalog(), clock.wall_us())
        html = node.as_().get("/delivery").text
        assert "https://hooks.example.org" in html
        assert "answers &lt;422&gt;" in html
        assert "7f3a9c" not in html
        assert "/delivery/told/retry" not in html
        assert node.as_().post("/delivery/told/retry", data={"rule": "hook"}).status_code == 403
        operator = node.as_(Role.OPERATOR)
        assert "Retry 1" in operator.get("/delivery").text
        operator.post("/delivery/told/retry", data={"rule": "hook"})
        html = operator.get("/delivery").text
        assert "Retry 1" not in html
        assert "1 to be told of" in html


def test_without_rules_there_is_no_section(tmp_path: Path, clock: PushedClock) -> None:
    """A node that tells nobody of files shows nothing of it."""
    with site(tmp_path, clock, "gate") as node:
        assert "Told of finished files" not in node.as_().get("/delivery").text
