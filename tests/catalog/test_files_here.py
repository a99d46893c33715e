"""Which files the catalog still has: what is asked before the record of a delivery or hand-over is forgotten (C071)."""

from pathlib import Path

from sqlalchemy import update

from holdfast.catalog import deliveries, events, incidents, schema, stills
from holdfast.catalog.db import Catalog
from holdfast.catalog.events import Told
from holdfast.catalog.rows import Id
from holdfast.core.clock import SystemClock
from holdfast.core.event import EventKind
from holdfast.core.timing import DAY_US
from support.handed import Handed
from support.sending import Sending

RULE = (
    '[deliveries.all]\ntarget = "nas"\n'
    'assets = ["segments", "journals", "stills", "events", "evidence", "exports"]\n'
)  # fmt: skip


def moved(site: Handed) -> Id:
    """Make an event with two pictures."""
    files = [f"events/gate/{which}.jpg" for which in "ab"]
    for file in files:
        site.store(file, file.encode())
    start_us = site.clock.wall_us()
    told = Told(
        camera="gate", kind=EventKind.MOTION, start_us=start_us, end_us=start_us + 1, from_us=start_us,
        to_us=start_us + 1, score=1.0, confidence=1.0, volume="disk", picture_a=files[0], picture_b=files[1],
    )  # fmt: skip
    with site.catalog.write() as tx:
        return events.put(tx, site.node, told, start_us)


def test_a_record_stays_as_long_as_its_file(catalog: Catalog, tmp_path: Path) -> None:
    """Records of footage, stills, pictures and exports may go once their file went; those of journals never."""
    site = Handed(tmp_path, catalog, RULE)
    site.segment(0)
    site.journal("{}\n")
    site.still(1)
    event, incident, export = moved(site), site.incident(2), site.ask_export("gate/main")
    site.make_export(export)
    with Sending(site) as sending:
        sending.drain()
    kinds = {row.id.number: row.asset.kind.value for row in site.rows(state="delivered")}
    assert len(kinds) == 7
    later_us = SystemClock().wall_us() + DAY_US

    def forgettable() -> list[str]:
        with catalog.read() as tx:
            return sorted(kinds[number] for number in deliveries.forgettable(tx, site.node, later_us))

    assert forgettable() == []
    gone = {
        "segments": schema.segments.update().values(state="removed", removed_why="x"),
        "exports": update(schema.exports).values(state="expired", volume="", file=""),
    }
    for noun, statement in gone.items():
        with catalog.write() as tx:
            tx.run(noun, statement)
    assert forgettable() == ["export", "segment"]
    with catalog.write() as tx:
        events.remove(tx, [event])
        incidents.remove(tx, [incident])
        stills.forget(tx, [Id(site.node, 1)])
    assert forgettable() == ["event", "event", "evidence", "export", "segment", "still"]
