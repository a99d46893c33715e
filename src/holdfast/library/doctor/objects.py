"""Checks of what recognises objects: is every model there, of a kind that is understood, and does it know the labels?

Each model is loaded once, which takes a second or so; where none is named, nothing is.
"""

from collections.abc import Iterator

from holdfast.core.config.problems import did_you_mean
from holdfast.core.errors import HoldfastError, MissingDependency
from holdfast.library.doctor.faults import FAULTS
from holdfast.library.doctor.finding import Finding
from holdfast.library.doctor.patient import Patient
from holdfast.library.recognising import Order, Stamp


def check_objects(patient: Patient) -> Iterator[Finding]:
    """Can what cameras name as `objects.model` be used, and what does it know?"""
    known: dict[Stamp, tuple[str, ...] | HoldfastError] = {}
    for camera, order in patient.objects.items():
        if order is None:
            yield FAULTS["objects-without-motion"].found(camera, "objects.model is set, motion.enabled is false")
            continue
        first = order.source not in known
        if first:
            known[order.source] = _labels(order)
        found = known[order.source]
        if not isinstance(found, tuple):
            if first:
                yield _unusable(order, found)
            continue
        yield from _unknown(camera, order, found)


def _labels(order: Order) -> tuple[str, ...] | HoldfastError:
    try:
        return order.load().labels
    except HoldfastError as error:
        return error


def _unusable(order: Order, error: HoldfastError) -> Finding:
    if isinstance(error, MissingDependency):
        return FAULTS["objects-not-installed"].found(str(order.model), str(error))
    hint = error.hint or "export a YOLO or RT-DETR model for detection, to ONNX"
    return FAULTS["object-model-unusable"].found(str(order.model), str(error), hint=hint)


def _unknown(camera: str, order: Order, labels: tuple[str, ...]) -> Iterator[Finding]:
    folded = {label.casefold() for label in labels}
    for label in order.counts.wanted:
        if labels and label.casefold() not in folded:
            hint = did_you_mean(label, labels) or f"one of the {len(labels)} labels of {order.model.name}"
            yield FAULTS["object-label-unknown"].found(
                camera, f"objects.wanted has {label!r}, which is none of {len(labels)} labels", hint=hint
            )
