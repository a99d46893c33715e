import sys
from pathlib import Path

import pytest

from holdfast.core import config
from holdfast.core.clock import SystemClock
from holdfast.core.objects import Counts
from holdfast.library.doctor.objects import check_objects
from holdfast.library.doctor.settings import patient_of
from holdfast.library.recognising import Order
from support.models import tiny
from support.patients import healthy, no_source


def test_a_good_model_is_no_finding(tmp_path: Path) -> None:
    """A model that can be used and knows what is wanted is well, whatever the capitals; so is having none."""
    order = Order(tiny(tmp_path / "model.onnx"), counts=Counts(wanted=("Red",)))
    assert not list(check_objects(healthy(tmp_path)))
    assert not list(check_objects(healthy(tmp_path, objects={"gate": order})))


def test_models_that_cannot_be_used_are_explained_once(tmp_path: Path) -> None:
    """A model that is missing or no model is named once for all cameras, with what to do."""
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    orders = {"gate": Order(tmp_path / "none.onnx"), "yard": Order(tmp_path / "none.onnx"), "dock": Order(broken)}
    found = list(check_objects(healthy(tmp_path, objects=orders)))
    assert [one.fault for one in found] == ["object-model-unusable"] * 2
    assert "there is no model" in found[0].evidence
    assert "broken.onnx cannot be loaded" in found[1].evidence
    assert found[1].fix == "is it an ONNX file, and whole?"


def test_a_missing_extra_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without onnxruntime the command that installs it is named."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (found,) = check_objects(healthy(tmp_path, objects={"gate": Order(tiny(tmp_path / "model.onnx"))}))
    assert found.fault == "objects-not-installed"
    assert "holdfast[objects]" in found.fix


def test_labels_that_the_model_does_not_know(tmp_path: Path) -> None:
    """A label that no model knows would never be recognised: it is named with the nearest one."""
    order = Order(tiny(tmp_path / "model.onnx"), counts=Counts(wanted=("blue", "brihgt")))
    (found,) = check_objects(healthy(tmp_path, objects={"gate": order}))
    assert (found.fault, found.subject, found.fix) == ("object-label-unknown", "gate", "did you mean bright?")


def test_settings_tell_what_is_looked_for(tmp_path: Path) -> None:
    """The doctor loads what the settings name, by their folder; a model without motion is a note."""
    tiny(tmp_path / "model.onnx")
    path = tmp_path / "holdfast.toml"
    path.write_text(
        'state_dir = "state"\nruntime_dir = "run"\n[volumes.main]\npath = "vol"\n'
        '[defaults.objects]\nmodel = "model.onnx"\n[defaults.motion]\nenabled = true\n'
        '[cameras.gate]\nurl = "rtsp://192.0.2.1/"\n[cameras.gate.motion]\nenabled = false\n'
        '[cameras.yard]\nurl = "rtsp://192.0.2.2/"\n[cameras.dock]\nurl = "rtsp://192.0.2.3/"\n'
        '[cameras.dock.objects]\nmodel = ""\n'
    )
    patient = patient_of(config.load(path, {}), SystemClock(), no_source)
    assert set(patient.objects) == {"gate", "yard"}
    (found,) = check_objects(patient)
    assert (found.fault, found.subject) == ("objects-without-motion", "gate")
