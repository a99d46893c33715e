"""Targets and rules that are added, changed and removed while the node runs."""

import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import nodes
from holdfast.catalog import settings as rows
from holdfast.catalog.db import Catalog
from holdfast.catalog.settings import SettingRow
from holdfast.core.config import Loaded, load
from holdfast.core.config.targets import S3Target, SftpTarget
from holdfast.core.errors import BadInput, Conflict, NotFound
from holdfast.library import cameras, settings
from holdfast.library.saved_tables import Which, find_table, list_tables, put_table, remove_table, would_be
from holdfast.library.table_links import rules_of
from holdfast.library.table_secrets import Section
from support.catalog import catalog, catalog_url, postgres
from support.clock import PushedClock

__all__ = ["catalog", "catalog_url", "postgres"]

KEY = "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"
FILE = """
state_dir = "state"
runtime_dir = "run"
[volumes.main]
path = "vol"
[cameras.gate]
url = "rtsp://192.0.2.1/gate"
[targets.nas]
type = "folder"
path = "nas"
mode = "600"
[targets.cloud]
type = "s3"
bucket = "cameras"
endpoint = "https://minio.example.org"
access_key = { env = "CLOUD_KEY" }
secret_key = "plain-9"
[deliveries.archive]
target = "nas"
"""
ENVIRON = {"CLOUD_KEY": "key-7"}
NAS, CLOUD, OFFICE = Which("targets", "nas"), Which("targets", "cloud"), Which("targets", "office")
SFTP = {"type": "sftp", "host": "192.0.2.9", "user": "keeper", "password": "tide-9"}


def read(root: Path, environ: dict[str, str] | None = None) -> Loaded:
    """Load the configuration."""
    return load(root / "holdfast.toml", ENVIRON if environ is None else environ, text=FILE)


def put(catalog: Catalog, file: Loaded, which: Which, table: dict[str, Any], **more: Any) -> Loaded:
    """Save a table; returns what holds then."""
    put_table(catalog, "pier", file, which, table, PushedClock(), by="ann", **more)
    return in_force(catalog, file)


def in_force(catalog: Catalog, file: Loaded) -> Loaded:
    """Return what holds."""
    return settings.laid_over(file, settings.saved(catalog, "pier"))[0]


def remove(catalog: Catalog, file: Loaded, section: Section, name: str) -> bool:
    """Remove a table."""
    return remove_table(catalog, "pier", file, Which(section, name), PushedClock(), by="ann")


def secrets(file: Loaded) -> list[str]:
    """Return what is in the files of secrets."""
    return sorted(path.read_text().strip() for path in (file.config.state_dir / "secrets").glob("*.txt"))


def test_a_target_and_a_rule_are_added_and_removed(tmp_path: Path, catalog: Catalog) -> None:
    """A target that was added holds at once with its rule; as long as rules name it, it cannot be removed (C126)."""
    file = read(tmp_path)
    now = put(catalog, file, OFFICE, SFTP, new=True)
    assert isinstance(now.config.targets["office"], SftpTarget)
    assert now.origins["targets.office.host"] == "saved settings"
    for name in ("snaps", "all"):
        put(catalog, file, Which("deliveries", name), {"target": "office", "assets": ["stills"]})
    assert rules_of(in_force(catalog, file).config, "office") == ["all", "snaps"]
    with pytest.raises(Conflict, match="rules all and snaps send to it"):
        remove(catalog, file, "targets", "office")
    for name in ("snaps", "all"):
        assert remove(catalog, file, "deliveries", name)
    assert remove(catalog, file, "targets", "office")
    assert in_force(catalog, file).config == file.config
    assert secrets(file) == []
    with pytest.raises(NotFound):
        remove(catalog, file, "targets", "office")


def test_what_stands_in_the_file_is_changed_whole_and_set_back(tmp_path: Path, catalog: Catalog) -> None:
    """A saved table covers the file's whole, with defaults for what it leaves out, and is set back by removing it."""
    file = read(tmp_path)
    now = put(catalog, file, NAS, {"type": "folder", "path": "elsewhere"})
    found = find_table(catalog, "pier", file, NAS)
    assert (found.table["mode"], found.saved, found.place) == ("640", True, "holdfast.toml:9")
    assert (now.origins["targets.nas.mode"], now.origins["targets.nas.path"]) == ("default", "saved settings")
    told = {key.about.key: (key.value, key.below, key.saved) for key in found.keys}
    assert told["path"] == (str(tmp_path / "elsewhere"), str(tmp_path / "nas"), True)
    assert told["mode"] == ("640", "600", False)
    assert (found.changed_by, found.changed_us) == ("ann", PushedClock().wall_us())
    assert not remove(catalog, file, "targets", "nas"), "it is there still, as the file has it"
    assert in_force(catalog, file).config == file.config
    with pytest.raises(Conflict, match=r"target nas stands in the configuration \(holdfast.toml:9\)"):
        remove(catalog, file, "targets", "nas")


def test_secrets_go_one_way(tmp_path: Path, catalog: Catalog) -> None:
    """A secret is in no row and no answer; left out or hidden it stays what it was, empty it is none (C130)."""
    file = read(tmp_path)
    put(catalog, file, OFFICE, SFTP)
    saved = settings.saved(catalog, "pier")["targets.office"]["password"]
    assert set(saved) == {"file"}
    assert stat.S_IMODE(Path(saved["file"]).stat().st_mode) == 0o600
    assert find_table(catalog, "pier", file, OFFICE).table["password"] == "****"
    for table in ({**SFTP, "password": "****", "parallel": 3}, {k: v for k, v in SFTP.items() if k != "password"}):
        now = put(catalog, file, OFFICE, table).config.targets["office"]
        assert isinstance(now, SftpTarget)
        assert now.password.reveal() == "tide-9"
    now = put(catalog, file, OFFICE, {**SFTP, "password": "", "key": "id_ed25519"}).config.targets["office"]
    assert isinstance(now, SftpTarget)
    assert (now.password.reveal(), secrets(file)) == ("", ["tide-9"])  # of the row before, for who still works with it
    put(catalog, file, OFFICE, {**SFTP, "password": "ebb-3"})
    assert secrets(file) == ["ebb-3"]


def test_a_secret_that_is_kept_goes_nowhere_else(tmp_path: Path, catalog: Catalog) -> None:
    """Who may change a target cannot have its key sent to a host of theirs; with the key said anew they can (C140)."""
    file = read(tmp_path)
    table = find_table(catalog, "pier", file, CLOUD).table
    assert (table["access_key"], table["secret_key"]) == ("****", "****")
    now = put(catalog, file, CLOUD, {**table, "prefix": "north"}).config.targets["cloud"]
    assert isinstance(now, S3Target)
    assert (now.prefix, now.access_key.reveal(), now.secret_key.reveal()) == ("north", "key-7", "plain-9")
    assert settings.saved(catalog, "pier")["targets.cloud"]["access_key"] == {"env": "CLOUD_KEY"}
    assert secrets(file) == ["plain-9"], "what stood in the file in plain text is in a file of its own"
    with pytest.raises(BadInput) as refused:
        put(catalog, file, CLOUD, {**table, "endpoint": "https://evil.example"})
    assert [(one.field, one.message) for one in refused.value.fields] == [
        (key, "must be given anew: until now it goes elsewhere") for key in ("access_key", "secret_key")
    ]
    keys = {"access_key": "a", "secret_key": "b"}
    assert put(catalog, file, CLOUD, {**table, "endpoint": "https://other.example", **keys}).config.targets["cloud"]


SNAPS = Which("deliveries", "snaps")
REFUSED: tuple[tuple[Which, dict[str, Any], str, str], ...] = (
    (OFFICE, {"type": "ftp"}, "type", "'ftp' is not known"),
    (OFFICE, {"host": "x"}, "type", "is missing"),
    (OFFICE, SFTP | {"port": 0}, "port", "must be 1 or more"),
    (OFFICE, SFTP | {"hots": "x"}, "hots", "unknown key"),
    (OFFICE, SFTP | {"hours": [{"start": "08:00"}]}, "hours[0].end", "is missing"),
    (OFFICE, SFTP | {"password": ""}, "", "neither key nor password is given"),
    (OFFICE, SFTP | {"password": {"file": "/etc/hostname"}}, "password", "can only stand in the configuration file"),
    (OFFICE, SFTP | {"user": "a\nb"}, "user", "holds a control character"),
    (OFFICE, SFTP | {"hours": [[[[[]]]]]}, "hours", "is nested too deeply"),
    (OFFICE, SFTP | {"user": "a****"}, "user", "stands for what is hidden"),
    (Which("targets", "-x"), SFTP, "id", "is no name for a target"),
    (SNAPS, {"target": "moon"}, "target", "there is no target 'moon'"),
    (SNAPS, {"target": "nas", "name": "{x}"}, "name", "has a field {x} that there is not"),
    (SNAPS, {"target": "nas", "row": {"url": "https://a.example"}}, "row.table", "is missing"),
)  # fmt: skip


def test_what_makes_no_sense_is_said_of_its_field(tmp_path: Path, catalog: Catalog) -> None:
    """A refusal names the field that is wrong, and nothing is saved."""
    file = read(tmp_path)
    for which, table, field, says in REFUSED:
        with pytest.raises(BadInput) as refused:
            put(catalog, file, which, table)
        assert [one.field for one in refused.value.fields] == [field], table
        assert says in refused.value.fields[0].message
    assert settings.saved(catalog, "pier") == {}


def test_a_rule_compresses_no_encrypted_stills(tmp_path: Path, catalog: Catalog) -> None:
    """A rule is refused that would compress stills which a camera encrypts, one that was added too (C154, C155)."""
    file = read(tmp_path)
    snaps, table = Which("deliveries", "snaps"), {"target": "nas", "assets": ["stills"], "quality": 60}
    dock = {"id": "dock", "url": "rtsp://192.0.2.1/dock", "stills": {"encrypt": [KEY]}}
    cameras.remember(file.config.state_dir, [dock])
    with pytest.raises(BadInput, match="stills of dock are encrypted") as error:
        put(catalog, file, snaps, table)
    assert [one.field for one in error.value.fields] == ["quality"]
    assert put(catalog, file, snaps, {**table, "cameras": ["gate"]}).config.deliveries["snaps"].recompresses


def test_every_wrong_field_is_named_at_once(tmp_path: Path, catalog: Catalog) -> None:
    """Whoever filled in a form is told of all that is wrong in one go, and only of that."""
    with pytest.raises(BadInput) as refused:
        put(catalog, read(tmp_path), NAS, {"type": "folder", "path": "nas", "mode": "9", "parallel": 0})
    assert sorted(one.field for one in refused.value.fields) == ["mode", "parallel"]


def test_a_rule_whose_target_left_the_file_is_left_out(tmp_path: Path, catalog: Catalog) -> None:
    """It is listed with the reason, nothing else stops holding, and other changes are still taken."""
    file = read(tmp_path)
    put(catalog, file, Which("deliveries", "more"), {"target": "cloud"})
    put(catalog, file, OFFICE, SFTP)
    put(catalog, file, Which("deliveries", "second"), {"target": "office"})
    text = FILE.replace("[targets.cloud]", "[targets.other]")
    later = load(tmp_path / "holdfast.toml", ENVIRON, text=text)
    assert set(in_force(catalog, later).config.deliveries) == {"archive", "second"}
    found = {one.which.name: one for one in list_tables(catalog, "pier", later, "deliveries")}
    assert [one.message for one in found["more"].problems] == ["there is no target 'cloud'"]
    assert (found["more"].config, found["second"].problems) == (None, ())
    settings.change(catalog, "pier", later, {"log.level": "debug"}, PushedClock())
    put(catalog, later, Which("deliveries", "third"), {"target": "nas"})
    assert remove(catalog, later, "deliveries", "more")


def test_the_environment_decides_its_keys_and_changes_no_row(tmp_path: Path, catalog: Catalog) -> None:
    """What the environment says of a table goes before what was saved, is told as fixed, and is not written down."""
    put(catalog, read(tmp_path), NAS, {"type": "folder", "path": "saved"})
    file = read(tmp_path, ENVIRON | {"HOLDFAST_TARGETS__NAS__PATH": "said"})
    key = next(one for one in find_table(catalog, "pier", file, NAS).keys if one.about.key == "path")
    assert (key.value, key.fixed) == (
        str(tmp_path / "said"),
        "the environment HOLDFAST_TARGETS__NAS__PATH decides it",
    )
    in_force(catalog, file)
    assert settings.saved(catalog, "pier")["targets.nas"] == {"type": "folder", "path": "saved"}


def test_a_column_may_be_called_as_it_is(tmp_path: Path, catalog: Catalog) -> None:
    """A column of somebody's table that is called like a reference is a column."""
    row = {"url": "https://a.example", "table": "t", "preset": "shop", "columns": {"file": "{file}"}}
    found = put(catalog, read(tmp_path), SNAPS, {"target": "nas", "row": row}).config.deliveries["snaps"].row
    assert found is not None
    assert found.columns == {"file": "{file}"}


def test_trying_saves_nothing(tmp_path: Path, catalog: Catalog) -> None:
    """What a table would make is known without saving it, with the secret that is kept."""
    file = read(tmp_path)
    put(catalog, file, OFFICE, SFTP)
    found = would_be(catalog, "pier", file, OFFICE, SFTP | {"password": "****", "user": "other"}).targets["office"]
    assert isinstance(found, SftpTarget)
    assert (found.user, found.password.reveal()) == ("other", "tide-9")
    assert find_table(catalog, "pier", file, OFFICE).table["user"] == "keeper"


def test_a_new_one_takes_nobodys_name(tmp_path: Path, catalog: Catalog) -> None:
    """Adding one under a name that there is already is refused; saving what is there already changes nothing."""
    file = read(tmp_path)
    with pytest.raises(Conflict, match="there is a target nas already"):
        put(catalog, file, NAS, {"type": "folder", "path": "x"}, new=True)
    clock = PushedClock()
    assert not put_table(catalog, "pier", file, NAS, {"type": "folder", "path": "nas", "mode": "600"}, clock)
    assert settings.saved(catalog, "pier") == {}


def test_two_who_save_at_once_lose_nothing(tmp_path: Path, catalog: Catalog) -> None:
    """Targets that are saved at the same time are all there afterwards."""
    file, names = read(tmp_path), [f"t{number}" for number in range(4)]
    threads = [
        threading.Thread(target=put, args=(catalog, file, Which("targets", name), SFTP), kwargs={"new": True})
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(in_force(catalog, file).config.targets) == {"nas", "cloud", *names}


def test_a_row_of_nonsense_harms_nobody(tmp_path: Path, catalog: Catalog) -> None:
    """A damaged row is left out and can be removed."""
    file = read(tmp_path)
    with catalog.write() as tx:
        number = nodes.ensure(tx, "pier", 1)
        for key, value in (("targets.odd", [1]), ("targets.nas", "x"), ("deliveries.odd", {"target": {"a": 1}})):
            rows.put(tx, number, SettingRow(key=key, value=value, changed_us=1, changed_by=""))
    assert in_force(catalog, file).config == file.config
    assert {one.which.name: bool(one.problems) for one in list_tables(catalog, "pier", file, "targets")} == {
        "nas": True, "cloud": False, "odd": True
    }  # fmt: skip
    assert remove(catalog, file, "targets", "odd")
    assert not remove(catalog, file, "targets", "nas")
    assert remove(catalog, file, "deliveries", "odd")
