"""A model of the user's own that finds objects in pictures: loaded, shown a picture, and what it found.

onnxruntime is an extra (`pip install holdfast[objects]`), loaded with the first model; without it all else works. A
model runs in the thread that calls, on one core. The same picture gives the same answer, whoever asks and when.

One object a model, on one thread at a time but for `stop`. Not here: what outputs mean (objects_read), which pictures,
and what counts (library.recognising, core.objects).
"""

import ast
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from holdfast.core.errors import BadInput, MissingDependency, NotFound
from holdfast.core.objects import Box, Seen
from holdfast.media.analysis.objects_read import Array, Boxes, boxes_of, reading_of
from holdfast.media.decode import Coding, Decoder

SIDE = 640  # pixels: what models whose input may have any size were taught with
GREY = 114  # around a picture that does not fill its square, as the YOLO family was taught
MOST_SIDE = 4096  # chosen: a larger input takes gigabytes and minutes
MOST_LABELS_BYTES = 1 << 20  # chosen: a thousand times what a list of labels takes
_COLOURS = 3
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_NUMBERS = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .* failed:)?")  # before what it says
_INSTALL = "pip install 'holdfast[objects]'"


class TookTooLong(BadInput):
    """A model was stopped before it was done."""


class DamagedPicture(BadInput):
    """What was to be looked through is no picture."""


class Stop:
    """Ends what a model does, from another thread; loading it, too, as soon as that looks up."""

    def __init__(self) -> None:
        self.asked = False
        self._ends: list[Callable[[], None]] = []

    def now(self) -> None:
        """End it; the model is of no more use after it."""
        self.asked = True
        for end in tuple(self._ends):
            end()

    def ends(self, end: Callable[[], None]) -> None:
        """Name what else is to be told."""
        self._ends.append(end)
        if self.asked:  # meanwhile
            end()


class Model:
    """A model, loaded.

    Args:
        path: The ONNX file.
        labels: What its classes are called, in its order; empty takes the names that it carries.
        stop: Ends it; for whoever wants to end loading it.

    Attributes:
        path: As given.
        labels: What its classes are called; empty where nobody says.
        reading: How its outputs are read.
        size: Width and height of its input, pixels.

    Raises:
        NotFound: There is no such file, or this user may not see it.
        BadInput: It is no model, or none of a kind that is understood.
        MissingDependency: onnxruntime is not there.
        TookTooLong: It was ended meanwhile.
    """

    def __init__(self, path: Path, labels: Sequence[str] = (), stop: Stop | None = None) -> None:
        self.path = path
        self._stop = stop or Stop()
        runtime = _runtime()
        self._failures = _failures()
        if not _is_file(path, "model"):
            raise NotFound(f"there is no model {path}", hint="objects.model names an ONNX file that this user can read")
        self._options: Any = runtime.RunOptions()
        self._stop.ends(self._end)
        self._session = self._opened(runtime)
        about = self._session.get_modelmeta().custom_metadata_map
        if about.get("task", "detect") != "detect":
            raise BadInput(f"model {path.name} is made for {about['task'][:50]!r}", hint="export one for detection")
        self._input, self.size, self._type = self._fed()
        self._names = [one.name for one in self._session.get_outputs()]
        self.labels = tuple(labels) or _carried(about)
        # What it makes of a grey picture tells the family, and that it runs at all.
        grey = np.full((1, _COLOURS, self.size[1], self.size[0]), GREY / 255, self._type)
        try:
            self.reading = reading_of(self._run(grey), self._names, len(self.labels) or None)
        except TookTooLong:
            raise
        except BadInput as error:
            raise BadInput(f"model {path.name}: {error}", hint=error.hint) from error

    def find(self, picture: bytes, least: float) -> list[Seen]:
        """Find objects in a picture.

        Args:
            picture: A JPEG.
            least: How sure the model must be, 0 to 1.

        Raises:
            DamagedPicture: It is none.
            BadInput: The model failed.
            TookTooLong: `stop` was called meanwhile.
        """
        frame = _decoded(picture)
        shown, place = self._shown(frame)
        outputs = self._run(shown)
        try:
            found = boxes_of(self.reading, outputs, self.size, least)
        except (IndexError, ValueError) as error:
            shapes = " and ".join(_words(one.shape) for one in outputs)
            raise BadInput(f"model {self.path.name} writes something else now: {shapes}") from error
        return self._told(found, place)

    def stop(self) -> None:
        """Stop what runs now, from another thread; the model is of no more use after it."""
        self._stop.now()

    def _end(self) -> None:
        self._options.terminate = True

    def _opened(self, runtime: Any) -> Any:
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is raised; its own lines on standard error help nobody
        if hasattr(options, "set_load_cancellation_flag"):  # from 1.21 on
            self._stop.ends(partial(options.set_load_cancellation_flag, True))  # noqa: FBT003 - as onnxruntime has it
        try:
            return runtime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        except self._failures as error:
            if self._stop.asked:
                raise TookTooLong(f"model {self.path.name} was stopped before it was loaded") from error
            raise BadInput(
                f"model {self.path.name} cannot be loaded: {_first_line(error)}", hint="is it an ONNX file, and whole?"
            ) from error

    def _fed(self) -> tuple[str, tuple[int, int], Any]:
        inputs = self._session.get_inputs()
        shapes = " and ".join(f"{one.name} {one.type} {_words(one.shape)}" for one in inputs)
        wrong = BadInput(
            f"model {self.path.name} takes {shapes}; understood is one picture, 1x3xheightxwidth, of float or float16",
            hint="export it for pictures in that form, without further inputs",
        )
        if len(inputs) != 1 or inputs[0].type not in _TYPES or len(inputs[0].shape) != 4:  # noqa: PLR2004 - dimensions
            raise wrong
        count, colours, height, width = (one if isinstance(one, int) and one > 0 else None for one in inputs[0].shape)
        size = width or height or SIDE, height or width or SIDE
        if count not in {1, None} or colours not in {_COLOURS, None} or max(size) > MOST_SIDE:
            raise wrong
        return inputs[0].name, size, _TYPES[inputs[0].type]

    def _run(self, shown: Array) -> list[Array]:
        try:
            made = self._session.run(None, {self._input: shown}, self._options)
        except self._failures as error:
            if self._stop.asked:
                raise TookTooLong(f"model {self.path.name} was stopped before it was done") from error
            raise BadInput(f"model {self.path.name} failed: {_first_line(error)}") from error
        return [np.asarray(one) for one in made]

    def _shown(self, frame: Any) -> tuple[Array, tuple[float, float, float, float]]:
        """Fit a picture into the model's input; where it lies there, as left, top, width and height in pixels."""
        wide, high = self.size
        if self.reading.stretched:
            size = self.size
        else:
            share = min(wide / frame.width, high / frame.height)
            size = max(1, round(frame.width * share)), max(1, round(frame.height * share))
        small = VideoReformatter().reformat(
            frame, *size, "rgb24", interpolation="BILINEAR", dst_color_range=ColorRange.JPEG, threads=1
        )  # fmt: skip
        left, top = (wide - size[0]) // 2, (high - size[1]) // 2
        canvas = np.full((high, wide, _COLOURS), GREY, np.uint8)
        canvas[top : top + size[1], left : left + size[0]] = small.to_ndarray()
        shown = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None]).astype(np.float32) / 255
        return shown.astype(self._type), (left, top, *size)

    def _told(self, found: Boxes, place: tuple[float, float, float, float]) -> list[Seen]:
        left, top, wide, high = place
        pixels = found.edges * np.array([*self.size, *self.size], np.float32)
        edges = np.clip((pixels - [left, top, left, top]) / [wide, high, wide, high], 0, 1)
        return [
            Seen(self._label(int(number)), min(1.0, float(score)), Box(*(float(edge) for edge in box)))
            for box, score, number in zip(edges, found.scores, found.classes, strict=True)
        ]

    def _label(self, number: int) -> str:
        return self.labels[number] if 0 <= number < len(self.labels) else f"class-{number}"


def read_labels(path: Path) -> tuple[str, ...]:
    """Read a file with a label a line; empty lines count nothing.

    Raises:
        NotFound: There is none, or this user may not read it.
        BadInput: It holds no labels.
    """
    hint = "objects.labels_file names a text file"
    # A device or a pipe would be read for ever.
    if not _is_file(path, "labels"):
        raise NotFound(f"labels {path} cannot be read: there is no such file", hint=hint)
    try:
        with path.open("rb") as file:
            body = file.read(MOST_LABELS_BYTES + 1)
        if len(body) > MOST_LABELS_BYTES:
            raise BadInput(f"labels {path} is longer than any list of labels", hint=hint)
        lines = body.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"labels {path} cannot be read: {_first_line(error)}", hint=hint) from error
    labels = tuple(line.strip().replace(",", " ") for line in lines if line.strip())
    if not labels:
        raise BadInput(f"labels {path} is empty", hint="write a label a line, in the order of the model's classes")
    return labels


def _is_file(path: Path, what: str) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # a folder on the way that this user may not enter, or that does not answer
        raise NotFound(
            f"{what} {path} cannot be read: {error.strerror or error}",
            hint="give the user that Holdfast runs as the right to read it and to enter its folders",
        ) from error


def _runtime() -> Any:
    try:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra; and a second that few need; carries no types
    except ImportError as error:
        raise MissingDependency("onnxruntime is not installed, so no model can be run", hint=_INSTALL) from error
    return onnxruntime


def _failures() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises: classes without a common base of their own."""
    from onnxruntime.capi import (  # type: ignore[import-untyped]  # noqa: PLC0415 - as above
        onnxruntime_pybind11_state as state,
    )

    own = (kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))
    return (*own, RuntimeError, ValueError, TypeError)


def _carried(about: dict[str, str]) -> tuple[str, ...]:
    """Read the names that exports of Ultralytics carry: `{0: 'person', 1: 'bicycle'}`."""
    said = about.get("names", "")
    if len(said) > MOST_LABELS_BYTES:
        return ()
    try:
        names = ast.literal_eval(said)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # the latter where it is nested deeply
        return ()
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list):
        return ()
    return tuple(str(name).replace(",", " ") for name in names)


def _decoded(picture: bytes) -> Any:
    decoder = Decoder(Coding(0, "mjpeg", 1, b""))
    frames = [*decoder.feed(picture, 0, 0), *decoder.flush()]
    if not frames:
        raise DamagedPicture("the picture is damaged")
    return frames[0]


def _words(shape: Sequence[Any]) -> str:
    return "x".join(str(one or "?") for one in shape)


def _first_line(error: Exception) -> str:
    lines = _NUMBERS.sub("", str(error).strip()).splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
