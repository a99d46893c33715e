"""Opening, transactions, and the errors that leave the catalog."""

import gc
import os
import sqlite3
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, select, text, update

from holdfast.catalog import nodes
from holdfast.catalog.db import Catalog, open_catalog, sqlite_path
from holdfast.catalog.failures import CatalogDamaged
from holdfast.catalog.rows import new_ids
from holdfast.catalog.schema import nodes as nodes_table
from holdfast.core.errors import CatalogError, CatalogUnavailable, ConfigError
from support.catalog import Postgres


def test_opening_again_changes_nothing(empty_url: str) -> None:
    """A catalog that is up to date is opened as it is."""
    with open_catalog(empty_url) as first, first.write() as tx:
        nodes.ensure(tx, "local", 7)
    with open_catalog(empty_url) as second, second.read() as tx:
        assert nodes.find(tx, "local") == 1


def test_many_programs_start_at_once(empty_url: str) -> None:
    """Programs that open an empty catalog together migrate it once, one after the other."""
    failures: list[BaseException] = []

    def start() -> None:
        try:
            open_catalog(empty_url).close()
        except BaseException as error:  # noqa: BLE001 - a thread's error is looked at below
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_failed_block_leaves_nothing(catalog: Catalog) -> None:
    """What a block wrote before it failed is not there afterwards."""

    def fail() -> None:
        with catalog.write() as tx:
            nodes.ensure(tx, "local", 1)
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    with catalog.read() as tx:
        assert nodes.find(tx, "local") is None


def test_no_foreign_error_leaves(catalog: Catalog) -> None:
    """A refused statement is a CatalogError at the line that asked, and does not repeat any values."""
    with catalog.read() as tx, pytest.raises(CatalogError, match="does not understand nonsense") as caught:
        tx.run("nonsense", text("SELECT secret FROM nowhere WHERE x = :x").bindparams(x="hunter2"))
    assert "hunter2" not in str(caught.value)


def test_ids_are_never_used_again(catalog: Catalog) -> None:
    """The id of a deleted row does not come back."""
    with catalog.write() as tx:
        assert list(new_ids(tx, 1, "gaps", 3)) == [1, 2, 3]
    with catalog.write() as tx:
        assert list(new_ids(tx, 1, "gaps")) == [4]
        assert list(new_ids(tx, 2, "gaps")) == [1]


def test_sqlite_is_set_up_for_readers_beside_a_writer(tmp_path: Path) -> None:
    """The file is in WAL mode, gives back space in steps, and holds to its foreign keys."""
    with open_catalog(f"sqlite:///{tmp_path}/c.sqlite") as opened, opened.read() as tx:
        wanted = {"journal_mode": "wal", "auto_vacuum": 2, "foreign_keys": 1, "busy_timeout": 30_000}
        for name, value in wanted.items():
            assert tx._connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value, name


def test_a_locked_file_is_unavailable(tmp_path: Path) -> None:
    """A catalog that somebody keeps locked is an error that says to try again."""
    url = f"sqlite:///{tmp_path}/c.sqlite"
    with open_catalog(url) as one, open_catalog(url) as other, one.write():
        with other.read() as tx:
            tx._connection.exec_driver_sql("PRAGMA busy_timeout = 20")
        with pytest.raises(CatalogUnavailable) as caught, other.write():
            pass
    assert caught.value.transient


def test_opening_waits_for_no_writer(tmp_path: Path) -> None:
    """A connection made anew reads at once while somebody else writes: pages of people do not wait for work."""
    url = f"sqlite:///{tmp_path}/c.sqlite"
    with open_catalog(url) as one, open_catalog(url) as other, one.write() as tx:
        nodes.ensure(tx, "local", 1)
        other._engine.dispose()
        with other.read() as beside:  # whoever takes the lock waits for half a minute, and is refused then
            assert nodes.find(beside, "local") is None


def test_others_commits_are_noticed(tmp_path: Path) -> None:
    """`data_version` changes when another connection commits, and not otherwise."""
    url = f"sqlite:///{tmp_path}/c.sqlite"
    with open_catalog(url) as one, open_catalog(url) as other:
        before = one.data_version()
        assert one.data_version() == before
        with other.write() as tx:
            nodes.ensure(tx, "local", 1)
        assert one.data_version() != before


@pytest.mark.parametrize("damage", [b"this is no database" * 300, None])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes | None) -> None:
    """A file that is not a database, or whose pages are garbage, is damaged, with a way out."""
    path = tmp_path / "c.sqlite"
    if damage is None:
        open_catalog(f"sqlite:///{path}").close()
        garbage = bytearray(path.read_bytes())
        garbage[100:] = os.urandom(len(garbage) - 100)
        damage = bytes(garbage)
    path.write_bytes(damage)
    with pytest.raises(CatalogDamaged, match="damaged") as caught:
        open_catalog(f"sqlite:///{path}")
    assert "reindex" in caught.value.hint


def test_a_newer_catalog_is_left_alone(catalog_url: str) -> None:
    """A catalog of a newer program is refused with what to do, and not changed."""
    with open_catalog(catalog_url) as opened, opened.write() as tx:
        tx.run("a newer version", text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogError, match="does not know") as caught:
        open_catalog(catalog_url)
    assert "newer" in caught.value.hint


def test_a_copy_is_kept_before_migrating(tmp_path: Path) -> None:
    """Before an existing SQLite catalog is migrated, the file as it was is kept beside it."""
    path = tmp_path / "c.sqlite"
    with open_catalog(f"sqlite:///{path}") as opened, opened.write() as tx:
        nodes.ensure(tx, "local", 1)
        tx.run("an older version", text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(CatalogError):
        open_catalog(f"sqlite:///{path}")
    with closing(sqlite3.connect(f"{path}.before-0000")) as copy:
        assert copy.execute("SELECT name FROM nodes").fetchall() == [("local",)]


@pytest.mark.best_of_three
def test_a_server_that_is_away_is_unavailable() -> None:
    """A PostgreSQL that cannot be reached is known within seconds, and its password is not in the message."""
    began = time.monotonic()
    with pytest.raises(CatalogUnavailable) as caught:
        open_catalog("postgresql://holdfast:hunter2@127.0.0.1:1/none")
    assert time.monotonic() - began < 10
    assert "hunter2" not in str(caught.value)


@pytest.mark.needs("postgres")
def test_a_server_that_vanishes_is_noticed(postgres: Postgres) -> None:
    """Every connection, those of other libraries too, gives up a host that vanished; what an address says counts."""
    with postgres.database() as url, open_catalog(f"{url}?connect_timeout=7") as catalog:
        with catalog.read() as tx:
            own = tx.driver.info.get_parameters()
        with psycopg.connect(catalog.url) as connection:
            theirs = connection.info.get_parameters()
    for told in (own, theirs):
        assert (told["tcp_user_timeout"], told["keepalives_idle"], told["connect_timeout"]) == ("20000", "10", "7")


@pytest.mark.needs("postgres")
def test_what_a_frozen_program_locked_is_let_go(postgres: Postgres) -> None:
    """The server ends a transaction that nobody goes on with: others get its rows, and its owner is told (F26)."""
    with postgres.database() as url, open_catalog(url) as frozen, open_catalog(url) as other:
        with other.write() as tx:
            patience = tx.run("its patience", text("SHOW idle_in_transaction_session_timeout")).scalar_one()
            nodes.ensure(tx, "one", 1)
        assert patience == "1min"
        with ExitStack() as stack:
            asleep = stack.enter_context(frozen.write())
            asleep.run("a node", update(nodes_table).values(name="two"))
            asleep.run("less patience", text("SET LOCAL idle_in_transaction_session_timeout = '200ms'"))
            with other.write() as tx:
                tx.run("a node", update(nodes_table).values(name="three"))
            with pytest.raises(CatalogUnavailable):
                stack.close()
        with frozen.read() as tx:
            assert tx.run("a node", select(nodes_table.c.name)).scalar_one() == "three"


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite+foo+bar://"])
def test_other_urls_are_refused(url: str) -> None:
    """A URL for another kind of database is a mistake in the configuration."""
    with pytest.raises(ConfigError):
        open_catalog(url)


def test_where_the_file_is() -> None:
    """The file of an SQLite catalog is known; a server has none."""
    assert sqlite_path("sqlite:////a/b.sqlite") == Path("/a/b.sqlite")
    assert sqlite_path("postgresql://x/y") is None


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    """A catalog that was deleted under us would swallow what is written; it is told apart from its successor."""
    path = tmp_path / "catalog.sqlite"
    with open_catalog(f"sqlite:///{path}") as catalog:
        assert not catalog.replaced()
        path.rename(tmp_path / "elsewhere")
        assert catalog.replaced()
        open_catalog(f"sqlite:///{path}").close()
        assert catalog.replaced()


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Fifty times opened and closed leaves no descriptor behind."""
    url = f"sqlite:///{tmp_path}/c.sqlite"
    open_catalog(url).close()
    gc.collect()  # what earlier tests left in circles goes now, not while it is counted
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(50):
        with open_catalog(url) as opened:
            opened.data_version()
            with opened.read() as tx:
                nodes.find(tx, "local")
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_statistics_are_learned(tmp_path: Path) -> None:
    """A look at the tables says how they are filled, to whoever opens the catalog next; doing it again changes it."""
    url = f"sqlite:///{tmp_path}/c.sqlite"
    for count in (30, 60):
        with open_catalog(url) as catalog:
            with catalog.write() as tx:
                for number in range(count):
                    new_ids(tx, 2, f"noun{number}")
            catalog.optimize()
        with open_catalog(url) as catalog, catalog.read() as tx:
            found = tx.run("statistics", text("SELECT stat FROM sqlite_stat1 WHERE tbl = 'ids'")).scalar()
        assert str(found) == f"{count} {count} 1"


def test_looking_at_tables_holds_nobody_up(tmp_path: Path) -> None:
    """Each table is looked at in a transaction of its own: whoever writes waits for none but one of them."""
    with open_catalog(f"sqlite:///{tmp_path}/c.sqlite") as catalog:
        ended: list[str] = []
        looked: list[str] = []
        event.listen(catalog._engine, "commit", lambda _connection: ended.append(looked[-1] if looked else ""))
        event.listen(catalog._engine, "before_cursor_execute", lambda *told: looked.append(told[2]))
        catalog.optimize()
    tables = [statement for statement in looked if statement.startswith("ANALYZE")]
    assert [statement for statement in ended if statement.startswith("ANALYZE")] == tables
    assert len(tables) > 20


def test_a_server_keeps_its_own_statistics(catalog: Catalog) -> None:
    """On PostgreSQL there is nothing to do, and nothing goes wrong."""
    catalog.optimize()
    with catalog.write() as tx:
        assert list(new_ids(tx, 1, "gaps")) == [1]


def test_whoever_comes_too_late_opens_nothing(no_leaks: None, catalog_url: str) -> None:
    """A closed catalog refuses transactions, and one that was open then leaves no connection behind (F26)."""
    catalog = open_catalog(catalog_url)
    with catalog.write() as tx:
        catalog.close()
        nodes.ensure(tx, "local", 1)
    for deed in (catalog.read, catalog.write):
        with pytest.raises(CatalogUnavailable, match="closed"), deed():
            pass
    for ask in (catalog.data_version, lambda: catalog.listen("news")):
        with pytest.raises(CatalogUnavailable, match="closed"):
            ask()
    with open_catalog(catalog_url) as again, again.read() as tx:
        assert nodes.find(tx, "local") == 1
