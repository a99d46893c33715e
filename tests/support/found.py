"""A catalog in which something was found: stills, events and incidents of a camera, with their pictures on a disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from holdfast.catalog import events, incidents, nodes, schema, stills
from holdfast.catalog.db import Catalog
from holdfast.catalog.events import Told
from holdfast.catalog.incidents import Picture
from holdfast.catalog.stills import Outcome
from holdfast.core.event import EventKind
from holdfast.core.findings import Found
from holdfast.core.incident import Case, IncidentType, Stage

SECOND = 1_000_000


def find(catalog: Catalog, root: Path, at_us: int, now_us: int, *, open_too: bool = True, volume: str = "main") -> None:
    """Fill a catalog: a still that was taken and one that was missed, an event, and incidents, of which one lasts."""
    with catalog.write() as tx:
        node = nodes.ensure(tx, "local", now_us)
        taken = Outcome(
            camera="gate", slot_us=at_us, at_us=at_us + 7, volume=volume, file=touched(root, f"stills/{at_us}.jpg"),
            width=640, height=360, source_width=1920, source_height=1080, bytes=3, sha256="0" * 64,
        )  # fmt: skip
        stills.put(tx, node, [taken, Outcome(camera="gate", slot_us=at_us + 5, cause="unreachable")], now_us)
        told = Told(
            camera="gate", kind=EventKind.MOTION, start_us=at_us, end_us=at_us + 9, from_us=at_us - 20,
            to_us=at_us + 14, score=1.5, confidence=40.0, label="person 0.87", objects='{"a": []}', volume=volume,
            picture_a=touched(root, f"events/{at_us}-a.jpg"), thumbnail=touched(root, f"events/{at_us}-t.jpg"),
        )  # fmt: skip
        event = events.put(tx, node, told, now_us)
        events.review(tx, event, "ann", reviewed=True, now_us=now_us)
        over = Case(IncidentType.BLACKSCREEN, Stage.RESOLVED, at_us, at_us + 3, 9, at_us + 10)
        black = incidents.put(tx, node, "gate", over, detail="dark", seen={"black_percent": 99.1}, now_us=now_us)
        shown = [picture(root, number, at_us, volume) for number in (1, 2, 0)]
        incidents.add_pictures(tx, black, shown)
        said = {"discarded": True, "discarded_by": "ann", "discarded_us": now_us, "comment": "a moth"}
        incidents.review(tx, black, said, now_us)
        if open_too:
            lasts = Case(IncidentType.SIGNAL_LOST, Stage.ACTIVE, at_us + 1, at_us + 3, 2)
            incidents.put(tx, node, "gate", lasts, now_us=now_us)


def picture(root: Path, number: int, at_us: int, volume: str = "main") -> Picture:
    """Return a picture of an incident, whose file is there."""
    file = touched(root, f"incidents/{at_us}-{number}.jpg")
    return Picture(number=number, at_us=at_us + number, volume=volume, file=file, width=640, height=360, bytes=3)


def touched(root: Path, file: str) -> str:
    """Make a file."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"jpg")
    return file


def rows(catalog: Catalog) -> dict[str, list[Mapping[str, Any]]]:
    """Return all that was found, column by column, evidence without the ids that nobody names it by."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    with catalog.read() as tx:
        for kind in Found:
            table = schema.metadata.tables[kind.value]
            found[kind.value] = [dict(row) for row in tx.run("all", select(table).order_by(table.c.id)).mappings()]
        query = select(schema.evidence).order_by(schema.evidence.c.incident_id, schema.evidence.c.number)
        found["evidence"] = [{**row, "id": 0} for row in tx.run("all", query).mappings()]
    return found
