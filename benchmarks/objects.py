"""What recognising objects costs a picture, with a model as large as the small ones of the YOLO family.

    python benchmarks/objects.py                a model of some 3 million weights, 50 pictures of 640x360
    python benchmarks/objects.py --pictures 200

The model is made here, of random weights: convolutions from 640x640 down to 20x20, 8400 places and 80 classes, about
7 GFLOP a picture, as YOLO11n (6.5) and YOLOv8n (8.7) are. One thread. The peer is the same model in onnxruntime alone,
in the same run: what lies between is reading the JPEG, fitting it in, and reading what came out. Prints a table.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped] # carries no types
from onnx import TensorProto, helper, numpy_helper

from holdfast.media.analysis.objects import Model

SIDE, CLASSES = 640, 80
STAGES = ((16, 0), (32, 2), (64, 4), (128, 4), (256, 3))  # channels, and convolutions after each halving
HEADS = 3  # the last so many stages say what is where


def network(path: Path) -> tuple[int, float]:
    """Write a model; return how many weights it has, and how many GFLOP a picture costs."""
    dice = np.random.default_rng(1)
    nodes: list[Any] = []
    weights: list[Any] = []
    work = 0.0

    def conv(name: str, source: str, shape: tuple[int, int, int], side: int, stride: int = 1) -> str:
        nonlocal work
        into, out, kernel = shape
        values = dice.normal(0, (2 / (into * kernel * kernel)) ** 0.5, (out, into, kernel, kernel)).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"{name}w"))
        pad = kernel // 2
        nodes.append(
            helper.make_node("Conv", [source, f"{name}w"], [name], strides=[stride, stride], pads=[pad, pad, pad, pad])
        )  # fmt: skip
        work += 2 * values.size * side * side / 1e9
        return name

    def soft(source: str) -> str:
        nodes.append(helper.make_node("Sigmoid", [source], [f"{source}s"]))
        nodes.append(helper.make_node("Mul", [source, f"{source}s"], [f"{source}m"]))
        return f"{source}m"

    at, channels, side, found = "images", 3, SIDE, []
    for stage, (out, more) in enumerate(STAGES):
        side //= 2
        at, channels = soft(conv(f"down{stage}", at, (channels, out, 3), side, 2)), out
        for number in range(more):
            at = soft(conv(f"conv{stage}_{number}", at, (channels, channels, 3), side))
        if stage >= len(STAGES) - HEADS:
            head = conv(f"head{stage}", at, (channels, 4 + CLASSES, 1), side)
            weights.append(numpy_helper.from_array(np.array([1, 4 + CLASSES, side * side], np.int64), f"{head}n"))
            nodes.append(helper.make_node("Reshape", [head, f"{head}n"], [f"{head}r"]))
            found.append(f"{head}r")
    scale = np.concatenate([np.full(4, SIDE), np.ones(CLASSES)]).astype(np.float32).reshape(1, -1, 1)
    weights.append(numpy_helper.from_array(scale, "scale"))
    nodes += [
        helper.make_node("Concat", found, ["all"], axis=2), helper.make_node("Sigmoid", ["all"], ["share"]),
        helper.make_node("Mul", ["share", "scale"], ["output0"]),
    ]  # fmt: skip
    model = helper.make_model(
        helper.make_graph(
            nodes, "network", [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
            [helper.make_tensor_value_info("output0", TensorProto.FLOAT, None)], weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=9,
    )  # fmt: skip
    onnx.save(model, str(path))
    return sum(int(np.prod(one.dims)) for one in weights), work


def picture(seed: int) -> bytes:
    """A JPEG of a sub stream's size."""
    pixels = np.random.default_rng(seed).integers(0, 255, (45, 80, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    body = BytesIO()
    with av.open(body, "w", format="image2pipe") as container:
        stream: Any = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return body.getvalue()


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds of CPU something takes."""
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1000


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=50)
    count = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        size, work = network(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()
        model = Model(path)
        loaded = time.monotonic() - began
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        peer = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        bare = np.zeros((1, 3, SIDE, SIDE), np.float32)
        ours, theirs = [], []
        for number in range(count):
            body = picture(number)
            ours.append(timed(lambda body=body: model.find(body, 0.5)))  # type: ignore[misc] # bound to this turn
            theirs.append(timed(lambda: peer.run(None, {"images": bare})))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    mean, alone = statistics.mean(ours), statistics.mean(theirs)
    print(
        f"model      {size / 1e6:.1f} million weights, {work:.1f} GFLOP a picture, read as {model.reading.family.value}"
    )
    print(f"loading    {loaded:.2f} s; memory {grown:.0f} MB with the peer beside it")
    print(f"a picture  {mean:.0f} ms of one core ({min(ours):.0f} to {max(ours):.0f}), {count} pictures")
    print(f"model only {alone:.0f} ms ({min(theirs):.0f} to {max(theirs):.0f}); ratio {mean / alone:.2f}")


if __name__ == "__main__":
    main()
