"""What really happened, as JSON lines: the truth that recordings are measured against, readable without Holdfast.

Every line has `what` and `wall_us`, and is flushed at once, so that a test reads it while the simulator runs. The kinds
of lines are listed in `docs/simulator.md`. Used by the simulator's event loop alone.
"""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from holdfast.core.clock import Clock
from holdfast.core.errors import UsageError


class Ledger:
    """An append-only file of facts; without a path it keeps none. `hashes`: also one entry for each frame sent."""

    def __init__(self, path: Path | None, clock: Clock, *, hashes: bool = False) -> None:
        self._clock = clock
        self.hashes = hashes and path is not None
        try:
            self._file = path.open("a", encoding="utf-8", buffering=1) if path else None
        except OSError as error:
            raise UsageError(
                f"the ledger {path} cannot be written: {error.strerror}", hint="name a writable file"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, what: str, **facts: Any) -> None:
        """Write one line, stamped with the wall clock."""
        if self._file is not None:
            line = {"what": what, "wall_us": self._clock.wall_us(), **facts}
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file; lines written later are lost, which only a simulator that is gone could write."""
        if self._file is not None:
            self._file.close()
            self._file = None
