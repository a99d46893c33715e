"""Whose turn it is to try a camera, held once for the whole server: the API and the pages share it.

Not here: trying (library.camera_trial).
"""

import threading

from starlette.requests import HTTPConnection

from holdfast.library.camera_trial import Trials

_making = threading.Lock()


def trials_of(connection: HTTPConnection) -> Trials:
    """Return the server's trials."""
    with _making:
        known: Trials | None = getattr(connection.app.state, "trials", None)
        if known is None:
            known = connection.app.state.trials = Trials()
        return known
