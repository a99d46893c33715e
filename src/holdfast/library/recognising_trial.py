"""A mark in the runtime folder while a model looks: whoever begins and finds it knows how the last one ended.

A model runs code of others inside the watcher. One that brings the whole process down must not do so for ever, because
nobody else would watch: after three ends in a row it is left alone for an hour, or until it is another one.

Used on the thread that looks. Not here: looking (recognising).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

from holdfast.core.clock import Clock
from holdfast.core.errors import BadInput
from holdfast.core.timing import HOUR_US
from holdfast.storage.errors import storage_errors
from holdfast.storage.files import FOLDER_MODE, replace_atomically

ENDS = 3  # chosen: a kill or two may come from elsewhere
REST_US = HOUR_US


class Trial:
    """Remembers, over ends of the process, how often one came while a model looked.

    Args:
        folder: The runtime folder.
        clock: Time.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._before: dict[str, tuple[int, int]] = {}  # ends, and when the last one began, by model

    @contextmanager
    def of(self, model: str) -> Iterator[None]:
        """Let a model look.

        Args:
            model: What is loaded, in words; another file or other labels are another one.

        Raises:
            BadInput: Too many ends came while it looked.
            StorageError: The mark cannot be written.
        """
        path = self._folder / f"objects-{crc32(model.encode()):08x}.trial"
        ends, at_us = self._before[model] = self._before.get(model) or _read(path)
        if self._clock.wall_us() - at_us >= REST_US:
            ends = 0
        if ends >= ENDS:
            raise BadInput(
                f"the watcher came to its end {ends} times while this model looked at a picture",
                hint="take another model, or one that needs less memory; it is tried again in an hour",
            )
        with storage_errors("marking what is tried in", path):
            path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            body = {"ends": ends + 1, "at_us": self._clock.wall_us()}
            replace_atomically(path, json.dumps(body).encode(), durable=False, mode=0o640)
        try:
            yield
        finally:
            # Well or with an error: the process lives.
            self._before[model] = 0, 0
            with storage_errors("deleting", path):
                path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[int, int]:
    try:
        said = json.loads(path.read_bytes())
        return int(said["ends"]), int(said["at_us"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0
