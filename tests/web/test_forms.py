"""Where to go after a form."""

import pytest

from holdfast.web.forms import here_only
from support.pages import Site


@pytest.mark.parametrize(
    "path",
    ["https://example.org/", "//example.org", "/\\example.org", "/\t/example.org", "/a\nb", "x:y", "", None, "a"],
)  # fmt: skip
def test_no_way_to_another_site(path: str | None) -> None:
    """Whatever a link says about where to go on, it stays on this site (C139)."""
    assert here_only(path) == "/"


@pytest.mark.parametrize("path", ["/", "/coverage?month=2026-10&camera=gate", "/cameras/gate?at=1", "/a//b"])
def test_own_addresses_stay(path: str) -> None:
    """An address of this site is taken as it is."""
    assert here_only(path) == path


def test_only_forms_are_taken(two: Site) -> None:
    """What is not sent as a form is refused, and so is one of endless fields."""
    client = two.home.client()
    assert client.post("/sign-in", content=b"{}", headers={"Content-Type": "application/json"}).status_code == 422
    assert client.post("/sign-in", data={f"f{n}": "1" for n in range(500)}).status_code == 422
