"""Recognising objects in pictures of events: what is asked of a camera, and the thread that shows pictures to models.

Pictures are looked through one after the other, behind everything else: a thread of the lowest priority, one picture at
a time on one core, with an end to its patience. What a picture shows depends on the picture and the model alone, so it
is the same whoever asks, and after any kill; an event waits for it in its row.

Used on one thread, besides its own. Not here: that thread (recognising_thread), models (media.analysis.objects), rows
(roles.objects).
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from holdfast.core.area import read_polygons
from holdfast.core.clock import Clock
from holdfast.core.config.model import CameraConfig
from holdfast.core.errors import BadInput, HoldfastError, NotFound, VolumeMissing
from holdfast.core.objects import Counts, Seen
from holdfast.core.timing import SECOND_US
from holdfast.library.recognising_thread import LowThread
from holdfast.library.recognising_trial import Trial
from holdfast.media.analysis.objects import DamagedPicture, Model, Stop, TookTooLong, read_labels
from holdfast.storage.volume import MARKER, Volume
from holdfast.watching import evidence

PATIENCE_US = 20 * SECOND_US  # chosen: the largest models take some 3 s a picture on a slow core
LOADING_US = 60 * SECOND_US  # chosen: a gigabyte from a slow card, once
GRACE_US = 10 * SECOND_US  # chosen: what runs heeds a stop between two steps of its own; no step takes so long
CLOSING_S = 3.0  # chosen: models end within 0.1 s of being stopped; systemd waits 90 s for the whole watcher
_SMALLER = "take a smaller model"

Stamp = tuple[object, ...]


class PictureFailed(BadInput):
    """A model that was loaded failed with one picture; it may do well with others."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is looked for at one camera.

    Attributes:
        model: The ONNX file.
        labels: What its classes are called; empty asks `labels_file`, or the model.
        labels_file: A label a line; None asks the model.
        counts: What counts of all that is recognised.
        only: Events that are over and show nothing that counts are deleted.
    """

    model: Path
    labels: tuple[str, ...] = ()
    labels_file: Path | None = None
    counts: Counts = field(default_factory=Counts)
    only: bool = False

    def load(self, stop: Stop | None = None) -> Model:
        """Load the model.

        Args:
            stop: Ends it, from another thread.

        Raises:
            NotFound: It, or the file with labels, is not there.
            BadInput: It is none of a kind that is understood, or has other classes.
            MissingDependency: onnxruntime is not there.
        """
        with _failures_of(self):
            labels = self.labels
            if not labels and self.labels_file is not None:
                labels = read_labels(self.labels_file)
            return Model(self.model, labels, stop)

    @property
    def source(self) -> Stamp:
        """What is to be loaded, whatever became of its files."""
        return self.model, self.labels, self.labels_file

    @property
    def stamp(self) -> Stamp:
        """What a loaded model is the result of: files that changed are another model."""
        files = [self.model] if self.labels_file is None else [self.model, self.labels_file]
        return (self.labels, *(part for file in files for part in (file, *_stamp(file))))


def order_of(camera: CameraConfig, base: Path) -> Order | None:
    """Return what is looked for at a camera; None where nothing is, or nothing becomes an event.

    Args:
        camera: Its settings.
        base: Folder of the configuration, which relative paths begin at.
    """
    said, motion = camera.objects, camera.motion
    if not said.model or not motion.enabled:
        return None
    counts = Counts(said.confidence, said.wanted, read_polygons(motion.masks), read_polygons(motion.zones))
    labels_file = base / said.labels_file if said.labels_file else None
    return Order(base / said.model, said.labels, labels_file, counts, said.only_recognised)


@dataclass(frozen=True, slots=True)
class Answer:
    """What pictures show, by picture; one that is damaged or not there is left out. `took_us` is of them all."""

    pictures: Mapping[str, list[Seen]]
    took_us: int


@dataclass(slots=True)
class _Life:
    """What there is from the first picture to `close`: the thread, its models, and what runs now."""

    thread: LowThread
    models: dict[Stamp, Model] = field(default_factory=dict)
    closing: bool = False
    end: Callable[[], None] | None = None  # ends what runs; None where nothing does
    until_us: int = 0  # how long that may take, boot time
    doing: str = ""


class Searcher:
    """Shows pictures to models, in a thread of its own.

    Args:
        clock: Time.
        models: How a model is loaded; for tests that wait for one.
        trial: Remembers models that bring the process down; None where that does not matter.
    """

    def __init__(
        self, clock: Clock, models: Callable[[Order, Stop], Model] = Order.load, trial: Trial | None = None
    ) -> None:  # fmt: skip
        self._clock = clock
        self._trial = trial
        self._load = models
        self._life: _Life | None = None
        self._left: LowThread | None = None  # one that was given up, and runs on
        self._lock = threading.Lock()

    def look(self, order: Order, pictures: Mapping[str, tuple[Volume, str]]) -> "Future[Answer]":
        """Look through pictures, after all that was asked before.

        Args:
            order: What for.
            pictures: By picture, its volume and its path there.

        Returns:
            The answer to come; it raises what `Order.load` raises, `PictureFailed` where the model fails with a
            picture, `TookTooLong` where that takes too long, `VolumeMissing` where the picture's disk is not there,
            and `StorageError` where it cannot be read.
        """
        if self._left is not None and self._left.alive:
            # Another one beside it would be the next to hang, and so on until no core is left.
            answer: Future[Answer] = Future()
            answer.set_exception(BadInput("a model that could not be stopped still runs", hint=_SMALLER))
            return answer
        if self._life is None:
            self._life = _Life(LowThread("objects"))
        return self._life.thread.submit(partial(self._look, self._life, order, pictures))

    def hurry(self) -> None:
        """Stop what takes too long, loading too; its answer is that. What does not heed it is given up."""
        with self._lock:
            life = self._life
            late_us = 0 if life is None or life.end is None else self._clock.boot_us() - life.until_us
            if life is None or life.end is None or late_us <= 0:
                return
            life.end()
            if late_us <= GRACE_US:
                return
            life.closing = True
            self._life, self._left = None, life.thread
        life.thread.give_up(BadInput(f"{life.doing} takes too long, and cannot be stopped", hint=_SMALLER))

    def keep(self, orders: Sequence[Order]) -> None:
        """Forget models that nobody asks for any more."""
        wanted = {order.stamp for order in orders}
        with self._lock:
            if self._life is not None:
                self._life.models = {stamp: one for stamp, one in self._life.models.items() if stamp in wanted}

    def close(self) -> None:
        """Stop what runs, forget what waits, and end the thread; one that does not end soon is given up."""
        with self._lock:
            life, self._life = self._life, None
            if life is None:
                return
            life.closing = True
            if life.end is not None:
                life.end()
        if not life.thread.close(CLOSING_S):
            self._left = life.thread

    def _look(self, life: _Life, order: Order, pictures: Mapping[str, tuple[Volume, str]]) -> Answer:
        stamp = order.stamp
        with _failures_of(order), nullcontext() if self._trial is None else self._trial.of(repr(stamp)):
            return self._looked(life, order, stamp, pictures)

    def _looked(self, life: _Life, order: Order, stamp: Stamp, pictures: Mapping[str, tuple[Volume, str]]) -> Answer:
        with self._lock:
            model = life.models.get(stamp)
        if model is None:
            stop = Stop()
            with self._running(life, stop.now, f"loading model {order.model.name}", LOADING_US):
                model = self._load(order, stop)
            with self._lock:
                life.models[stamp] = model
        found: dict[str, list[Seen]] = {}
        began_us = self._clock.boot_us()
        for which, (volume, file) in pictures.items():
            with suppress(NotFound, DamagedPicture):
                found[which] = order.counts.of(self._find(life, model, order, _read(volume, file)))
        return Answer(found, self._clock.boot_us() - began_us)

    def _find(self, life: _Life, model: Model, order: Order, picture: bytes) -> list[Seen]:
        what = f"a picture with model {order.model.name}"
        try:
            with _failures_of(order), self._running(life, model.stop, what, PATIENCE_US):
                return model.find(picture, order.counts.least)
        except DamagedPicture:
            raise
        except TookTooLong:
            with self._lock:  # one that was stopped is of no more use
                life.models = {stamp: one for stamp, one in life.models.items() if one is not model}
            raise
        except BadInput as error:
            raise PictureFailed(str(error), hint=error.hint) from error

    @contextmanager
    def _running(self, life: _Life, end: Callable[[], None], doing: str, most_us: int) -> Iterator[None]:
        """Let others end what runs here.

        Raises:
            TookTooLong: They did.
        """
        with self._lock:
            if life.closing:
                raise BadInput("nobody waits for it any more")
            life.end, life.doing, life.until_us = end, doing, self._clock.boot_us() + most_us
        try:
            yield
        except TookTooLong as error:
            raise TookTooLong(f"{error}: more than {most_us // SECOND_US} s for {doing}", hint=_SMALLER) from error
        finally:
            with self._lock:
                life.end = None


@contextmanager
def _failures_of(order: Order) -> Iterator[None]:
    """Supervise what runs a model.

    Raises:
        BadInput: It failed in a way that nobody thought of.
    """
    try:
        yield
    except HoldfastError:
        raise
    except Exception as error:  # supervises code of others: a model must not end watching, whatever it raises
        said = str(error).partition("\n")[0][:200]
        raise BadInput(
            f"model {order.model.name} failed: {type(error).__name__}{': ' if said else ''}{said}",
            hint="take another model",
        ) from error


def _read(volume: Volume, file: str) -> bytes:
    try:
        return evidence.read(volume.root, file)
    except NotFound:
        # That says something of the picture only where its disk is there.
        if volume.volume_id:
            volume.check()
        elif not (volume.root / MARKER).is_file():
            raise VolumeMissing(f"{volume.root} holds no {MARKER}: its disk is not mounted") from None
        return evidence.read(volume.root, file)


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except (OSError, ValueError):  # the latter for what can be no path, such as one with a zero in it
        return 0, 0
    return found.st_mtime_ns, found.st_size
