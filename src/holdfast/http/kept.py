"""What a server keeps between requests and makes when it is first asked for, shared by API and pages.

Any thread. Not here: what lives with the server from its start (`lifespan`s of host and watching).
"""

import threading
from collections.abc import Callable
from typing import TypeVar, cast

from starlette.requests import HTTPConnection

Thing = TypeVar("Thing")

_making = threading.Lock()


def kept(connection: HTTPConnection, name: str, make: Callable[[], Thing]) -> Thing:
    """Return the server's only thing of this name in `app.state`, making it where there is none yet."""
    with _making:
        known = getattr(connection.app.state, name, None)
        if known is None:
            known = make()
            setattr(connection.app.state, name, known)
        return cast("Thing", known)
