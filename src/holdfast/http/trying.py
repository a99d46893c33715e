"""Whose turn it is to try a camera, held once for the whole server: the API and the pages share it.

Not here: trying (library.camera_trial).
"""

from starlette.requests import HTTPConnection

from holdfast.http.kept import kept
from holdfast.library.camera_trial import Trials


def trials_of(connection: HTTPConnection) -> Trials:
    """Return the server's trials."""
    return kept(connection, "trials", Trials)
