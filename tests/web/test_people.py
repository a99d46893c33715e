"""The page of users and tokens."""

import re

from holdfast.library import accounts
from holdfast.library.accounts import Role
from support.pages import Site, words


def _post(made: Site, path: str, **form: str) -> tuple[int, str]:
    answer = made.as_(Role.ADMIN).post(path, data=form)
    return answer.status_code, answer.text


def test_a_user_comes_changes_and_goes(two: Site) -> None:
    """An admin adds a user, changes role and password, switches off and removes, without any script (C103)."""
    catalog = two.home.context.catalog()
    assert _post(two, "/people/users", name="ann", password="long enough", role="viewer")[0] == 303
    assert "ann" in words(two.page("/people", Role.ADMIN))
    for form in ({"what": "role", "role": "operator"}, {"what": "password", "password": "another one"},
                 {"what": "disable"}, {"what": "sign-out"}):  # fmt: skip
        assert _post(two, "/people/users/change", name="ann", **form)[0] == 303
    row = accounts.the_user(catalog, "ann")
    assert (row.role, row.enabled) == ("operator", False)
    assert "switched off" in two.page("/people", Role.ADMIN)
    assert _post(two, "/people/users/change", name="ann", what="remove")[0] == 303
    assert accounts.find_user(catalog, "ann") is None


def test_what_will_not_do_is_said_beside_the_form(two: Site) -> None:
    """A short password, a taken name, an unknown role or change keep what was typed, but no password."""
    status, text = _post(two, "/people/users", name="ann", password="short", role="viewer")
    assert (status, 'value="ann"' in text, "at least" in text.lower()) == (422, True, True)
    assert "short" not in text.replace("shortest", "")
    assert _post(two, "/people/users", name="ann", password="long enough", role="king")[0] == 422
    assert _post(two, "/people/users/change", name="nobody", what="remove")[0] == 404
    assert _post(two, "/people/users/change", name="nobody", what="crown")[0] == 422
    admins = [user.name for user in accounts.users(two.home.context.catalog()) if user.role == "admin"]
    for name in admins[1:]:
        accounts.remove_user(two.home.context.catalog(), name)
    assert _post(two, "/people/users/change", name=admins[0], what="remove")[0] == 409


def test_a_token_is_shown_once(two: Site) -> None:
    """The page that makes a token shows it, and no page does so again; revoked it is gone."""
    status, text = _post(two, "/people/tokens", name="wall-7", role="viewer", days="30")
    assert status == 200
    token = re.search(r"hf_[\w-]{20,}", text)
    assert token
    again = two.page("/people", Role.ADMIN)
    assert token[0] not in again
    row = next(row for row in accounts.tokens(two.home.context.catalog()) if row.name == "wall-7")
    assert _post(two, "/people/tokens/revoke", token=str(row.id))[0] == 303
    assert "wall-7" not in words(two.page("/people", Role.ADMIN))
    for days in ("0", "x", "-1", "99999999999"):
        assert _post(two, "/people/tokens", name="other", role="viewer", days=days)[0] == 422


def test_only_admins_see_it(two: Site) -> None:
    """Nobody else reads names or tries, or finds the page in the rail (C139)."""
    two.page("/people", Role.OPERATOR, status=403)
    assert 'href="/people"' not in two.page("/", Role.OPERATOR)
    assert 'href="/people"' in two.page("/", Role.ADMIN)
