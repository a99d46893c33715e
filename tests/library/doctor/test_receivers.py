"""Receivers of hand-overs that cannot be told are found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from holdfast.catalog import claims, handovers, nodes
from holdfast.catalog.claims import Known
from holdfast.catalog.db import open_catalog
from holdfast.core.config.handovers import AnyHandover, HandoverConfig
from holdfast.core.delivery import Asset, AssetKind
from holdfast.library.doctor.patient import Patient
from holdfast.library.doctor.receivers import check_receivers
from support.patients import healthy
from support.receiver import receiver
from support.rtsp_peer import free_port

ASSET = Asset(
    kind=AssetKind.SEGMENT, camera="gate", volume="main", file="a.mp4", bytes=1, sha256="0" * 64, start_us=1, end_us=2
)  # fmt: skip


def patient(tmp_path: Path, **rules: Mapping[str, Any]) -> Patient:
    """Make an installation with rules."""
    reader: TypeAdapter[AnyHandover] = TypeAdapter(HandoverConfig)
    made = {name: reader.validate_python(dict(rule)) for name, rule in rules.items()}
    return healthy(tmp_path, handovers=made)


def found(one: Patient) -> list[tuple[str, str]]:
    """Faults and what has them."""
    return [(finding.fault, finding.subject) for finding in check_receivers(one)]


def test_receivers_that_can_be_told(tmp_path: Path) -> None:
    """A service that answers, whatever it says to a knock, and folders that can be written, are no finding."""
    (tmp_path / "marks").mkdir()
    folder = {"type": "marker", "folder": str(tmp_path / "marks")}
    with receiver() as service:
        service.code = 405
        hook = {"type": "webhook", "url": service.url}
        assert found(patient(tmp_path, hook=hook, beside={"type": "marker"}, folder=folder)) == []
        assert [asked.body for asked in service.asked] == [b""]


@pytest.mark.parametrize("code", [0, 302, 403])
def test_a_service_that_cannot_be_told(tmp_path: Path, code: int) -> None:
    """Nobody there, a redirect, and no rights are found, with what to do and without the address's secrets."""
    with receiver() as service:
        service.code = code
        url = service.url if code else f"http://127.0.0.1:{free_port()}/7f3a9c"
        (finding,) = check_receivers(patient(tmp_path, hook={"type": "webhook", "url": url}))
    assert (finding.fault, finding.subject) == ("receiver-silent", "hook")
    assert finding.fix
    assert "7f3a9c" not in f"{finding}"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Markers in a folder that is away, or may not be written, are found."""
    one = patient(tmp_path, marks={"type": "marker", "folder": str(tmp_path / "away")})
    assert found(one) == [("markers-unwritable", "marks")]


def test_what_was_refused(tmp_path: Path) -> None:
    """Files that a receiver refused are told, with the last reason."""
    url, kind = f"sqlite:///{tmp_path}/catalog.sqlite", Known("handover", handovers.NOUN, "handing")
    with open_catalog(url) as catalog, catalog.write() as tx:
        node = nodes.ensure(tx, "local", 1)
        handovers.add(tx, node, "beside", [ASSET], 1)
        (claim,) = claims.claim(tx, kind, node, [1], worker="w", now_us=2, lease_us=10)
        claims.finish(tx, claim, "failed", now_us=3, error="422", hint="")
    one = healthy(tmp_path, catalog_url=url, handovers=patient(tmp_path, beside={"type": "marker"}).handovers)
    assert found(one) == [("handovers-failed", "beside")]
