"""Hand-overs as rows: one for a rule and an instance of a file, kept as long as the file is anywhere."""

from dataclasses import replace

from sqlalchemy import select

from holdfast.catalog import claims, deliveries, handovers, nodes, schema
from holdfast.catalog.claims import Known
from holdfast.catalog.db import Catalog
from holdfast.catalog.deliveries import Planned
from holdfast.catalog.handovers import Waited
from holdfast.catalog.rows import Id
from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.handover import HandoverState
from holdfast.core.timing import DAY_US

NOW_US = 1_790_000_000_000_000
ASSET = Asset(
    kind=AssetKind.SEGMENT, camera="gate", stream="main", volume="disk", file="a.mp4", bytes=10, sha256="0" * 64,
    start_us=NOW_US - 10, end_us=NOW_US - 5, label="x", width=640, height=360, site="s", location="r",
)  # fmt: skip
KIND = Known("handover", handovers.NOUN, "handing")
SENT = Known("deliver", deliveries.NOUN, "sending")


def plan(catalog: Catalog, *assets: Asset, rule: str = "r") -> tuple[int, int]:
    """Make rows; the node, and how many were made."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        return node, handovers.add(tx, node, rule, assets, NOW_US)


def finish(catalog: Catalog, node: int, number: int, state: str = "done", kind: Known = KIND, **more: object) -> None:
    """Let a row come to something."""
    with catalog.write() as tx:
        now_us = claims.time_us(tx, NOW_US)
        (claim,) = claims.claim(tx, kind, node, [number], worker="w", now_us=now_us, lease_us=1000)
        done = {"made": "204", "done_us": now_us} if state == "done" else {}
        assert claims.finish(tx, claim, state, {**done, **more}, now_us=now_us, error="" if done else "why", hint="do")


def delivered(catalog: Catalog, asset: Asset, target: str, at_us: int) -> None:
    """Let a target verify a file."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        deliveries.add(tx, node, [Planned(rule="d", target=target, asset=asset, key=asset.file)], NOW_US)
        ids = schema.deliveries.c
        query = select(ids.id).where(ids.target == target, ids.file == asset.file)
        number = tx.run("deliveries", query).scalar_one()
    done = {"address": f"{target}:/a", "verified": "sha256", "object_us": at_us, "done_us": at_us}
    with catalog.write() as tx:
        now_us = claims.time_us(tx, NOW_US)
        (claim,) = claims.claim(tx, SENT, node, [number], worker="w", now_us=now_us, lease_us=1000)
        assert claims.finish(tx, claim, "delivered", done, now_us=now_us)


def test_a_file_is_told_of_once_by_a_rule(catalog: Catalog) -> None:
    """One row for a rule and an instance, in one go or in several; another content or rule is another one (S1)."""
    changed = replace(ASSET, sha256="1" * 64)
    assert plan(catalog, ASSET, ASSET, changed)[1] == 2
    assert plan(catalog, ASSET, changed)[1] == 0
    node, made = plan(catalog, ASSET, rule="other")
    assert made == 1
    with catalog.read() as tx:
        rows = [dict(row) for row in tx.run("handovers", select(schema.handovers)).mappings()]
        assert handovers.rules(tx, node) == ["other", "r"]
    first = handovers.of_columns(rows[0])
    assert (first.asset, first.state, rows[0]["lane"], rows[0]["due_us"]) == (
        ASSET, HandoverState.PENDING, "r", ASSET.start_us
    )  # fmt: skip


def test_what_arrived_everywhere_is_found_once(catalog: Catalog) -> None:
    """A file counts as arrived when every target holds it, and until it has a row; its copies are named."""
    other = replace(ASSET, file="b.mp4")
    delivered(catalog, ASSET, "nas", NOW_US + 1)
    delivered(catalog, other, "nas", NOW_US + 2)
    delivered(catalog, other, "cloud", NOW_US + 3)
    node, _ = plan(catalog)
    both = Waited(rule="r", targets=["nas", "cloud"], kinds=[AssetKind.SEGMENT])
    nas = replace(both, targets=["nas"])
    with catalog.read() as tx:
        found = handovers.arrived(tx, node, both, 0, None, 10)
        assert [(one.asset, one.at_us) for one in found] == [(other, NOW_US + 2)]
        assert len(handovers.arrived(tx, node, nas, 0, None, 10)) == 2
        assert handovers.arrived(tx, node, nas, NOW_US + 2, NOW_US + 2, 10) == []
        for other_wish in (
            replace(nas, cameras=["yard"]), replace(nas, streams=["sub"]), replace(nas, kinds=[]),
            replace(nas, since_us=NOW_US),
        ):  # fmt: skip
            assert handovers.arrived(tx, node, other_wish, 0, None, 10) == []
        assert (handovers.first_arrival_us(tx, node, "nas"), handovers.first_arrival_us(tx, node, "x")) == (
            NOW_US + 1, None
        )  # fmt: skip
        assert [copy.target for copy in handovers.copies(tx, node, other)] == ["cloud", "nas"]
    plan(catalog, other)
    with catalog.read() as tx:
        assert handovers.arrived(tx, node, both, 0, None, 10) == []


def test_how_a_rule_stands(catalog: Catalog) -> None:
    """Numbers by state, the oldest that waits, and what went wrong: what failed before what is tried again."""
    node, _ = plan(catalog, *(replace(ASSET, file=f"{number}.mp4") for number in range(4)))
    finish(catalog, node, 1)
    finish(catalog, node, 2, "failed")
    with catalog.read() as tx:
        found = handovers.standing(tx, node, "r")
        none = handovers.standing(tx, node, "x")
    assert found.counts == {HandoverState.DONE: 1, HandoverState.FAILED: 1, HandoverState.PENDING: 2}
    assert (found.oldest_us, found.error, found.hint) == (ASSET.start_us, "why", "do")
    assert found.last_us is not None
    assert (none.counts, none.oldest_us, none.last_us, none.error) == ({}, None, None, "")


def test_what_is_gone_everywhere_may_be_forgotten(catalog: Catalog) -> None:
    """Over, and neither here nor sent anywhere: such rows are found piece by piece, and forgotten (F36)."""
    sent, waiting = replace(ASSET, file="sent.mp4"), replace(ASSET, file="waiting.mp4")
    node, _ = plan(catalog, ASSET, sent, waiting)
    delivered(catalog, sent, "nas", NOW_US)
    finish(catalog, node, 1)
    finish(catalog, node, 2, "missing")
    later_us = 2 * NOW_US
    with catalog.read() as tx:
        rows, place = handovers.gone(tx, node, later_us, 0, 2)
        assert ([row.id for row in rows], place) == ([Id(node, 1)], 2)
        assert handovers.gone(tx, node, later_us, place, 2) == ([], 0)
        assert handovers.gone(tx, node, NOW_US - DAY_US, 0, 9)[0] == []
    with catalog.write() as tx:
        handovers.drop(tx, [row.id for row in rows])
        assert handovers.gone(tx, node, later_us, 0, 9)[0] == []
