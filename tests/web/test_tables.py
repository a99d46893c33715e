"""Forms of tables: what somebody meant, and where it is said what is wrong."""

from holdfast.core.config.settable import of_rule, of_target
from holdfast.core.errors import BadInput, Conflict, Wrong
from holdfast.web.tables import empty_keys, form_of, read_table, refused, typed_of


def test_a_table_says_only_what_differs() -> None:
    """Defaults and empty fields are left out; numbers, lists, hours and switches are what the file would have."""
    form = {
        "path": "a@nas:/x", "port": "", "parallel": "2", "quiet_s": "90", "hours": "mon 8:00-9:00", "password": "",
        "options": "--chmod=D750,F640\r\n\r\n--compress", "bandwidth": "2MB", "key": " id ", "unknown": "x",
    }  # fmt: skip
    assert read_table(of_target("rsync"), form) == (
        {
            "path": "a@nas:/x", "quiet_s": 90.0, "hours": [{"start": "08:00", "end": "09:00", "days": ["mon"]}],
            "options": ["--chmod=D750,F640", "--compress"], "bandwidth": "2MB", "key": "id",
        },
        {},
    )  # fmt: skip
    assert read_table(of_target("s3"), {"path_style": "no"})[0] == {"path_style": False}
    assert read_table(of_target("sftp"), {"password": " a ", "forget.password": "on"})[0] == {"password": " a "}
    assert read_table(of_target("sftp"), {"password": "", "forget.password": "on"})[0] == {"password": ""}
    assert read_table(of_rule(), {"row.columns": "a = {key}\nb=", "row.table": "t"})[0] == {
        "row": {"columns": {"a": "{key}", "b": ""}, "table": "t"}
    }


def test_what_cannot_be_read_is_said_by_key() -> None:
    """A text that is no value of its kind is named, and the rest is read; numbers are judged with everything else."""
    table, wrong = read_table(of_target("sftp"), {"hours": "whenever", "host": "nas", "port": "many"})
    assert (table, list(wrong)) == ({"host": "nas", "port": "many"}, ["hours"])


def test_what_was_typed_is_shown_again_without_secrets() -> None:
    """Keys of the table alone, no secret among them (C130); the id of one that is new, without blanks around it."""
    form = {"host": " nas ", "password": "tide-9", "unknown": "x", "id": " a "}
    assert typed_of(of_target("sftp"), form, new=False) == {"host": " nas "}
    assert typed_of(of_target("sftp"), form, new=True) == {"host": " nas ", "id": "a"}
    assert typed_of(of_target("sftp"), {}, new=True) == {"id": ""}


def test_refusals_find_their_fields() -> None:
    """A finding about an entry of a list or table stands at its field; one about no field stands above all."""
    keys = [*of_rule()]
    fields = [Wrong("row.columns.a", "one"), Wrong("assets[0]", "two"), Wrong("", "three", "mend")]
    found = refused(BadInput("x", fields=fields), keys)
    assert {key: str(error) for key, error in found.wrong.items()} == {
        "row.columns": "row.columns: one", "assets": "assets: two"
    }  # fmt: skip
    assert (str(found.error), found.status) == ("three", 422)
    assert refused(Conflict("taken"), keys).status == 409


def test_a_form_has_the_sections_of_what_there_is() -> None:
    """Sections without a field of this kind are left out."""
    sections = {"a": ("A", "", {"host": "Host"}), "b": ("B", "", {"bucket": "Bucket"})}
    (made,) = form_of(sections, empty_keys(of_target("sftp"), {"host": "nas"}), refused(Conflict("x"), []))
    assert (made[0], [(one.key, one.text) for one in made[3]]) == ("a", [("host", "nas")])
