"""What the worker keeps beside the catalog, for whoever starts while that is away or empty: a JSON file a noun.

Any thread. Not here: what is kept, and when it goes back (cameras, settings, accounts_memory).
"""

import json
from pathlib import Path
from typing import Any

from holdfast.storage.errors import storage_errors
from holdfast.storage.files import replace_atomically


def remember(state_dir: Path, name: str, found: Any) -> None:
    """Keep an answer of the catalog; for this user alone (mode 0600).

    Raises:
        StorageError: It cannot be written.
    """
    with storage_errors("making folder", state_dir):
        state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    replace_atomically(state_dir / name, json.dumps(found).encode(), durable=True)


def recall(state_dir: Path, name: str) -> Any:
    """Return what was remembered last; None where there is nothing that can be read."""
    try:
        return json.loads((state_dir / name).read_bytes())
    except (OSError, ValueError):
        return None
