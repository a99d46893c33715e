"""What is told of a file: ids that stay, bodies that can be read, signatures that others can check."""

import json

import pytest

from holdfast.core.delivery import Asset, AssetKind
from holdfast.core.handover import (
    Copy,
    body_of,
    id_of,
    marker_name,
    signature,
    told,
    wrong_with_marker,
    wrong_with_marker_ending,
)
from holdfast.core.naming import Naming

START_US = 1_777_658_400_000_000  # 2026-05-01T18:00:00Z
ASSET = Asset(
    kind=AssetKind.SEGMENT, camera="gate", stream="main", volume="disk",
    file="footage/gate/main/2026-05-01/gate_20260501T180000Z.mp4", bytes=10, sha256="ab" * 32, start_us=START_US,
    end_us=START_US + 600_000_000, width=640, height=360,
)  # fmt: skip


def test_the_id_is_of_rule_and_instance() -> None:
    """The same rule and file instance have one id, ever; another rule, volume, path or content has another."""
    ids = {id_of("r", ASSET), id_of("r", ASSET), id_of("s", ASSET)}
    for name, value in (("sha256", "cd" * 32), ("file", "b.mp4"), ("volume", "other")):
        ids.add(id_of("r", Asset(**{**{f: getattr(ASSET, f) for f in Asset.__dataclass_fields__}, name: value})))
    assert len(ids) == 5
    assert id_of("r", ASSET) == "ho_86b1919d058204d0046d3e3e285188ec"


def test_what_is_told_says_all_that_a_script_needs() -> None:
    """File, place, times in the site's zone and in microseconds, hash, and where copies lie."""
    copies = [Copy(target="nas", address="/mnt/nas/a.mp4", key="a.mp4")]
    facts = told("r", ASSET, node="local", path="/disk/a.mp4", here=True, copies=copies, zone="Europe/Berlin")
    read = json.loads(body_of(facts))
    assert read == facts
    assert (read["start"], read["end_us"] - read["start_us"]) == ("2026-05-01T20:00:00.000+02:00", 600_000_000)
    assert (read["id"], read["kind"], read["camera"], read["here"]) == (id_of("r", ASSET), "segment", "gate", True)
    assert read["copies"] == [{"target": "nas", "address": "/mnt/nas/a.mp4", "key": "a.mp4"}]


@pytest.mark.parametrize("secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_signatures_are_those_of_the_standard(secret: str) -> None:
    """The standard's own example is signed as its libraries sign it; a secret that is no base64 is taken as text."""
    body = b'{"test": 2432232314}'
    found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    known = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (found == known) is secret.startswith("whsec_")
    assert signature("whsec_!", "a", 1, body) == signature("whsec_!", "a", 1, body) != signature("b", "a", 1, body)


def test_markers_are_named_after_their_files() -> None:
    """Whole name, stem, path and name at a target may stand in a marker's name."""
    naming = Naming(zone="UTC")
    names = [marker_name(text, ASSET, naming, "lab/a.mkv") for text in ("{file}.READY", "{stem}.done", "{key}.ok")]
    assert names == ["gate_20260501T180000Z.mp4.READY", "gate_20260501T180000Z.done", "lab/a.mkv.ok"]
    assert marker_name("{path}.done", ASSET, naming) == f"{ASSET.file}.done"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{file}.done", ""), ("{camera}/{stem}.ready", ""), ("../{file}.done", "is no name"), ("{x}.done", "{x}"),
        ("{file}", "no ending"), ("{file}.{x}", "{x}"), ("{stem}.mp4", "as footage"), ("{file}.part", "as footage"),
        ("/a/{file}.done", "is no name"),
    ],
)  # fmt: skip
def test_names_that_harm_are_refused(name: str, said: str) -> None:
    """A marker is never taken for footage, never leaves its folder, and has an ending of its own."""
    found = wrong_with_marker(name) or wrong_with_marker_ending(name)
    assert (said in found) if said else not found
