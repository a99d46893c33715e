"""What a person is told when the server is there: its address and, while there is no user, the setup token.

To standard error, and never into a log: who holds the token becomes the first admin. Not here: the server (roles).
"""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from holdfast.core.config import Loaded
from holdfast.library.accounts import read_setup_token


def print_welcome(address: str, token: str | None) -> None:
    """Say where to go, and with what."""
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    console.print(f"pages    {address}")
    if token is not None:
        console.print(
            f"no user yet: open {address}/sign-in and make the first one with this setup token:\n\n  {token}\n"
        )


class Greeter:
    """Watches `server.json` for `holdfast run`, and greets once.

    Args:
        loaded: The configuration.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._state_dir = loaded.config.state_dir
        self._status = loaded.config.runtime_dir / "server.json"
        self._done = not loaded.config.web.enabled
        # The file of the run before must not be taken for this one's word.
        self._stale = _read(self._status).get("pid")

    def tell(self) -> None:
        """Greet as soon as there is something to say; then never again."""
        if self._done:
            return
        status = _read(self._status)
        if status.get("pid") == self._stale or not status.get("address") or status.get("setup_needed") is None:
            return
        self._done = True
        print_welcome(status["address"], read_setup_token(self._state_dir) if status["setup_needed"] else None)


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
