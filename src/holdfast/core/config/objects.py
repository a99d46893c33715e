"""`objects`: which model says what is in the pictures of motion events, and what of it counts. Pure."""

from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.core.config.table import Table


def _names(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not name.strip() or "," in name:
            raise ValueError(
                f"{name!r} is no label", "labels are words without commas, such as person or traffic light"
            )
    return tuple(name.strip() for name in value)


Labels = Annotated[tuple[str, ...], AfterValidator(_names)]


class ObjectsConfig(Table):
    """`objects`: what is recognised in the pictures of motion events, by a model of your own."""

    model: str = Field(
        default="",
        description="Path of an ONNX model of the YOLO or RT-DETR family; empty recognises nothing. Needs `motion` "
        "and `pip install holdfast[objects]`.",
    )
    labels: Labels = Field(
        default=(), description="What the model's classes are called, in its order; empty asks `labels_file`."
    )
    labels_file: str = Field(
        default="", description="File with a label a line; empty takes the names that the model itself carries."
    )
    confidence: float = Field(
        default=0.5, ge=0.01, le=1, description="How sure the model must be, 0 to 1, for what it recognises to count."
    )
    wanted: Labels = Field(default=(), description="Labels that count; empty is all of them.")
    only_recognised: bool = Field(
        default=False,
        description="Delete motion events that are over and show nothing that counts; their footage stays. What was "
        "not looked at, as without a working model, is kept.",
    )
