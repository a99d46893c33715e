"""Small ONNX models that really look: each finds squares that are red, blue or bright, and writes as its family does.

A window of `side` pixels goes over the picture in steps of a quarter of it. A class scores where the window's mean
colour is its own; the place told is the window's. So what a test reads off depends on the order of colours, on how the
picture was fitted in, on the scale of its values, and on how the outputs are read. A square that fills one window is
half seen by those beside it, 0.88, so that one family's reader must leave out what overlaps.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ("red", "blue", "bright")
RED, BLUE, BRIGHT = LABELS
GAIN = 40.0  # how steep a score rises; a window that is full of its colour has 1.00
# Weights of red, green and blue, and what their sum must pass, by class.
_COLOURS = np.array([[1, 0, -1], [-1, 0, 1], [1 / 3, 1 / 3, 1 / 3]], np.float32)
_PASSED = np.array([0.7, 0.7, 0.76], np.float32)
SHOWN = {RED: (255, 0, 0), BLUE: (0, 0, 255), BRIGHT: (255, 255, 255)}
FAMILIES = ("yolov8", "yolov5", "end-to-end", "rt-detr", "rt-detr-joined")


class Graph:
    """Nodes and numbers as they come together."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.numbers: list[Any] = []

    def add(self, kind: str, *inputs: str, **more: Any) -> str:
        """Add a node; return what its output is called."""
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **more))
        return name

    def number(self, value: Any, kind: Any = np.float32) -> str:
        """Add numbers; return what they are called."""
        name = f"number{len(self.numbers)}"
        self.numbers.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name


def tiny(
    path: Path, family: str = "yolov8", *, size: tuple[int, int] = (320, 320), side: int = 32, half: bool = False,
    fixed: bool = True, names: Sequence[str] = LABELS, more: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """Write a model.

    Args:
        path: Where to.
        family: One of `FAMILIES`.
        size: Width and height of its input.
        side: Side of the squares that it finds, pixels of its input.
        half: It takes float16.
        fixed: It says the size of its input.
        names: Labels that it carries; empty carries none.
        more: What else it says of itself.
    """
    graph = Graph()
    shown = graph.add("Cast", "images", to=TensorProto.FLOAT) if half else "images"
    windows, boxes = _windows(size, side)
    means = graph.add("AveragePool", shown, kernel_shape=[side, side], strides=[side // 4, side // 4])
    logits = graph.add(
        "Conv", means, graph.number((_COLOURS * GAIN).reshape(3, 3, 1, 1)), graph.number(-_PASSED * GAIN)
    )  # fmt: skip
    outputs = _written(
        graph, family, graph.add("Reshape", logits, graph.number([1, 3, windows], np.int64)), boxes, size
    )
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    if half:
        outputs = {name: graph.add("Cast", made, to=TensorProto.FLOAT16) for name, made in outputs.items()}
    for name, made in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [made], [name]))
    shape: list[str | int | None] = [1, 3, size[1], size[0]] if fixed else ["batch", 3, "height", "width"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "tiny", [helper.make_tensor_value_info("images", kind, shape)],
            [helper.make_tensor_value_info(name, kind, None) for name in outputs], graph.numbers,
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=9,
    )  # fmt: skip
    said = {"names": str(dict(enumerate(names)))} if names else {}
    helper.set_model_props(model, said | (more or {}))
    onnx.save(model, str(path))
    return path


def _windows(size: tuple[int, int], side: int) -> tuple[int, Any]:
    """Count the windows; their places as cx, cy, width and height, a row each."""
    step = side // 4
    across, down = ((edge - side) // step + 1 for edge in size)
    rows, columns = np.mgrid[0:down, 0:across]
    middles = np.stack([columns.ravel() * step + side / 2, rows.ravel() * step + side / 2], axis=1)
    return across * down, np.concatenate([middles, np.full((across * down, 2), side)], axis=1).astype(np.float32)


def _written(graph: Graph, family: str, logits: str, boxes: Any, size: tuple[int, int]) -> dict[str, str]:
    """Write scores and places as a family does."""
    scores = graph.add("Sigmoid", logits)
    if family == "yolov8":
        return {"output0": graph.add("Concat", graph.number(boxes.T[None]), scores, axis=1)}
    rows = graph.add("Transpose", scores, perm=[0, 2, 1])
    if family == "yolov5":
        there = graph.number(np.full((1, len(boxes), 1), 0.9))
        return {"output": graph.add("Concat", graph.number(boxes[None]), there, rows, axis=2)}
    if family == "end-to-end":
        edges = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)
        best = graph.add("ReduceMax", rows, axes=[2], keepdims=1)
        which = graph.add("Cast", graph.add("ArgMax", rows, axis=2, keepdims=1), to=TensorProto.FLOAT)
        return {"output0": graph.add("Concat", graph.number(edges[None]), best, which, axis=2)}
    shares = graph.number((boxes / np.array([*size, *size], np.float32))[None])
    if family == "rt-detr-joined":
        return {"output0": graph.add("Concat", shares, rows, axis=2)}
    return {"logits": graph.add("Transpose", logits, perm=[0, 2, 1]), "pred_boxes": shares}


def strange(path: Path, shape: Sequence[int]) -> Path:
    """Write a model whose only output has a shape of its own."""
    graph = Graph()
    flat = graph.add("ReduceMean", "images", axes=[1, 2, 3], keepdims=0)
    made = graph.add("Add", flat, graph.number(np.zeros(shape)))
    model = helper.make_model(
        helper.make_graph(
            [*graph.nodes, helper.make_node("Identity", [made], ["out"])], "strange",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
            [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)], graph.numbers,
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=9,
    )  # fmt: skip
    onnx.save(model, str(path))
    return path


def picture(size: tuple[int, int], *things: tuple[str, int, int, int, int]) -> bytes:
    """A dark JPEG with things in it: colour, left, top, width and height in pixels."""
    pixels = np.full((size[1], size[0], 3), 40, np.uint8)
    for label, left, top, wide, high in things:
        pixels[top : top + high, left : left + wide] = SHOWN[label]
    body = BytesIO()
    with av.open(body, "w", format="image2pipe") as container:
        stream: Any = container.add_stream("mjpeg", rate=1, options={"qmin": "1", "qmax": "1"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj444p"
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj444p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return body.getvalue()
