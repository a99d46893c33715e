from typing import Any

import pytest
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from holdfast.core.errors import CatalogUnavailable, Conflict, HoldfastError, NotFound, SignInNeeded, TooMany
from holdfast.http.app import build
from holdfast.http.errors import Problem, body_of, problems
from holdfast.library.accounts import Role
from support.accounts import Client, House

RAISED = {
    "lost": NotFound("there is no camera gate", hint="look again"), "taken": Conflict("taken"),
    "who": SignInNeeded("who are you"), "often": TooMany("too often", retry_after_s=17),
    "away": CatalogUnavailable("away"), "ours": HoldfastError("a secret of the inside"),
    "theirs": RuntimeError("password=hunter2"),
}  # fmt: skip


class Wanted(BaseModel):
    """Something with a number."""

    number: int


async def page(request: Request, status: int, body: dict[str, Any]) -> Response:
    """Make a page."""
    return HTMLResponse(f"<p>{body['error']['code']} {request.url.path}", status)


@pytest.fixture
def asked(home: House) -> Client:
    """A client of an application that fails in every way."""
    router = APIRouter()

    def fail(what: str) -> None:
        raise RAISED[what]

    def take(body: Wanted) -> int:
        return body.number

    router.add_api_route("/x/{what}", fail)
    router.add_api_route("/api/v1/take", take, methods=["POST"])
    router.add_api_route("/api/v1/{what}", fail)
    home.app = build(home.context, lambda _: None, [router], pages=page)
    return home.client()


def test_an_error_of_ours_keeps_its_words(asked: Client) -> None:
    """An error keeps code, message and hint, and says the message again where older clients look for it (F55)."""
    answer = asked.get("/x/lost")
    assert answer.status_code == 404
    error = {"code": "not-found", "message": "there is no camera gate", "hint": "look again"}
    assert answer.json() == {"error": error, "detail": "there is no camera gate"}
    assert asked.get("/x/taken").status_code == 409


def test_errors_say_when_and_how_to_come_back(asked: Client) -> None:
    """Too often and not now say when to ask again; who is not signed in is told the scheme."""
    assert (asked.get("/x/often").status_code, asked.get("/x/often").headers["retry-after"]) == (429, "17")
    assert (asked.get("/x/away").status_code, asked.get("/x/away").headers["retry-after"]) == (503, "5")
    assert asked.get("/x/who").headers["www-authenticate"] == "Bearer"


def test_the_inside_stays_inside(asked: Client) -> None:
    """What nobody expected is 500 with one shape, and its text, which may hold anything, is not shown (F62)."""
    answer = asked.get("/x/theirs")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "hunter2" not in answer.text
    assert asked.get("/x/ours").status_code == 500


def test_bad_input_names_its_fields(asked: Client) -> None:
    """Input of the wrong form names each field; so do unknown addresses and methods, in the same shape."""
    answer = asked.post("/api/v1/take", json={"number": "many"})
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"][0]["field"] == "number"
    assert asked.get("/nowhere/at/all").json()["error"]["code"] == "not-found"
    assert asked.post("/x/lost").json()["error"]["code"] == "method"


def test_people_get_a_page(asked: Client) -> None:
    """A browser that opens a page gets one, a script and the API never do."""
    browser = {"accept": "text/html,*/*"}
    assert asked.get("/x/lost", headers=browser).text == "<p>not-found /x/lost"
    assert asked.get("/api/v1/lost", headers=browser).json()["error"]["code"] == "not-found"
    assert asked.get("/x/lost").json()["error"]["code"] == "not-found"


def test_the_shape_is_documented() -> None:
    """The documented body of an error is the one that is sent."""
    assert (
        Problem.model_validate(body_of("x", "y", fields=[{"field": "a", "message": "b"}])).error.fields[0].field == "a"
    )
    assert {status: entry["model"] for status, entry in problems(401, 404).items()} == {401: Problem, 404: Problem}


def test_the_schema_says_what_is_answered(asked: Client, home: House) -> None:
    """A request that makes no sense is documented as it is answered; so is a body that is no text (F55)."""
    schema = home.app.openapi()
    refused = schema["paths"]["/api/v1/take"]["post"]["responses"]["422"]
    assert refused["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Problem"
    assert {"Problem", "Error"} <= schema["components"]["schemas"].keys()
    assert "HTTPValidationError" not in str(schema)
    answer = asked.post("/api/v1/take", content=b"\xff\xfe{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad-input")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/v1/logs?limit=many", "limit: must be a whole number, not 'many'"),
        ("/api/v1/logs?limit=0", "limit: must be 1 or more, not '0'"),
        ("/api/v1/logs?limit=9999", "limit: must be 1000 or less, not '9999'"),
        ("/api/v1/logs?level=loud", "level: must be debug, info, warning or error, not 'loud'"),
        ("/api/v1/cameras/-x", "camera: has letters or a form that are not allowed here: '-x'"),
        ("/machine?level=loud", "level: must be debug, info, warning or error, not 'loud'"),
    ],
)
def test_bad_input_is_said_as_people_do(home: House, path: str, said: str) -> None:
    """What was typed into an address wrongly is named, and what would be right, without a library's words (F55)."""
    answer = home.signed_in(home.user(Role.ADMIN)).get(path)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == said


def test_what_is_wrong_with_a_body_repeats_nothing_of_it(home: House) -> None:
    """A body that is no JSON, lacks something or has the wrong kind is said in plain words; its values stay unsaid."""
    admin = home.signed_in(home.user(Role.ADMIN))
    headers = {"content-type": "application/json"}
    for content, said in (
        (b"{nope", "the body is not JSON"),
        (b'{"name": "ann", "password": 5, "role": "viewer"}', "password: must be text"),
        (b'{"name": "ann"}', "password: is missing"),
        (b"[]", "the body must be an object with keys"),
    ):
        answer = admin.post("/api/v1/users", content=content, headers=headers)
        assert answer.status_code == 422
        assert said in answer.json()["error"]["message"], answer.text
        assert "nput" not in answer.json()["error"]["message"]
