from fastapi import FastAPI
from starlette.requests import HTTPConnection

from holdfast.http.trying import target_trials_of, trials_of


def test_one_for_the_whole_server() -> None:
    """Whoever asks, by API or by page, has the same turns; another server has its own."""
    one, other = FastAPI(), FastAPI()
    found = [trials_of(HTTPConnection({"type": "http", "app": app})) for app in (one, one, other)]
    assert found[0] is found[1]
    assert found[0] is not found[2]
    assert target_trials_of(HTTPConnection({"type": "http", "app": one})) is not found[0]
