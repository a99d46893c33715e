from fastapi import FastAPI
from starlette.requests import HTTPConnection

from holdfast.http.trying import trials_of


def test_one_for_the_whole_server() -> None:
    """Whoever asks, by API or by page, has the same turns; another server has its own."""
    one, other = FastAPI(), FastAPI()
    found = [trials_of(HTTPConnection({"type": "http", "app": app})) for app in (one, one, other)]
    assert found[0] is found[1]
    assert found[0] is not found[2]
