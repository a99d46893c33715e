"""Whose turn it is to try a camera or a target, held once for the whole server: the API and the pages share it.

Not here: trying (library.camera_trial, library.target_trial).
"""

from functools import partial

from starlette.requests import HTTPConnection

from holdfast.http.kept import kept
from holdfast.library.camera_trial import Trials


def trials_of(connection: HTTPConnection) -> Trials:
    """Return the server's trials."""
    return kept(connection, "trials", Trials)


def target_trials_of(connection: HTTPConnection) -> Trials:
    """Return the server's trials of targets."""
    return kept(connection, "target_trials", partial(Trials, "a target"))
