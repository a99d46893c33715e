"""What a server keeps between requests."""

import threading

from fastapi import FastAPI
from starlette.requests import HTTPConnection

from holdfast.http.kept import kept


def test_there_is_one_however_many_ask_at_once() -> None:
    """Eight threads that ask at once get the same thing, made once; another name is another thing."""
    connection = HTTPConnection({"type": "http", "app": FastAPI()})
    start = threading.Barrier(8)
    made: list[object] = []
    found: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    def ask() -> None:
        start.wait()
        found.append(kept(connection, "round", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == made * 8
    assert kept(connection, "trials", make) is made[1]
