"""`holdfast users`: who may sign in to pages and API.

A password is asked for twice on a terminal, or read from standard input or a file: never an argument, where every user
of the machine could read it. Exit codes: 0 done, 65 a name or password will not do, 66 no such user.
"""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from holdfast.catalog.accounts import UserRow
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.cli.common import ConfigOption, JsonOption, echo_json, local_time
from holdfast.core.clock import SystemClock
from holdfast.core.errors import BadInput
from holdfast.library import accounts
from holdfast.library.accounts import Role
from holdfast.library.settings import load_in_force
from holdfast.storage.errors import storage_errors

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name to sign in with.", show_default=False)]
RoleOption = Annotated[
    Role, typer.Option("--role", "-r", help="viewer looks, operator also notes and switches cameras, admin may all.")
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file", help="File whose first line is the password; - for standard input.", show_default=False
    ),
]


@app.command()
def add(
    name: Name, role: RoleOption = Role.VIEWER, password_file: PasswordFile = None, config: ConfigOption = None
) -> int:
    """Add a user; the first one should be an admin."""
    with _catalog(config) as catalog:
        first = accounts.setup_needed(catalog)
        row = accounts.add_user(catalog, SystemClock(), name, _password(name, password_file), role)
    typer.echo(f"{row.name} may sign in as {row.role}")
    if first and role is not Role.ADMIN:
        typer.echo(f"nobody may administer yet: holdfast users role {row.name} admin", err=True)
    return 0


@app.command("list")
def list_(config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """List users: name, role, when they last signed in."""
    zone = load_in_force(config).config.site.time_zone
    with _catalog(config) as catalog:
        rows = accounts.users(catalog)
    if as_json:
        echo_json([_facts(row) for row in rows])
        return 0
    for row in rows:
        last = "never signed in" if row.signed_in_us is None else f"last signed in {local_time(row.signed_in_us, zone)}"
        typer.echo(f"{row.name:<24} {row.role:<9} {'' if row.enabled else 'switched off, '}{last}")
    if not rows:
        typer.echo("no users yet\ntry: holdfast users add NAME --role admin")
    return 0


@app.command()
def remove(name: Name, config: ConfigOption = None) -> int:
    """Remove a user; all sessions end within seconds."""
    with _catalog(config) as catalog:
        accounts.remove_user(catalog, name)
    typer.echo(f"{name} is removed")
    return 0


@app.command()
def password(name: Name, password_file: PasswordFile = None, config: ConfigOption = None) -> int:
    """Give a user a new password; all their sessions end within seconds."""
    with _catalog(config) as catalog:
        accounts.the_user(catalog, name)
        accounts.change_user(catalog, SystemClock(), name, password=_password(name, password_file))
    typer.echo(f"{name} has a new password")
    return 0


@app.command()
def role(
    name: Name,
    to: Annotated[Role, typer.Argument(metavar="ROLE", help="viewer, operator or admin.", show_default=False)],
    config: ConfigOption = None,
) -> int:
    """Change what a user may do."""
    with _catalog(config) as catalog:
        row = accounts.change_user(catalog, SystemClock(), name, role=to)
    typer.echo(f"{row.name} is {row.role}")
    return 0


@app.command()
def enable(name: Name, config: ConfigOption = None) -> int:
    """Let a user sign in again."""
    return _switch(config, name, enabled=True)


@app.command()
def disable(name: Name, config: ConfigOption = None) -> int:
    """Keep a user from signing in; all their sessions end within seconds."""
    return _switch(config, name, enabled=False)


def _switch(config: Path | None, name: str, *, enabled: bool) -> int:
    with _catalog(config) as catalog:
        row = accounts.change_user(catalog, SystemClock(), name, enabled=enabled)
    typer.echo(f"{row.name} {'may sign in' if enabled else 'is switched off'}")
    return 0


def _catalog(config: Path | None) -> Catalog:
    return open_catalog(load_in_force(config).config.catalog_url)


def _password(name: str, file: Path | None) -> str:
    """Return a new password: the first line of a file or of standard input, or typed twice.

    Raises:
        BadInput: There is none, or what was typed differs.
    """
    if file is not None and str(file) != "-":
        with storage_errors("reading", file):
            given = file.read_text(encoding="utf-8")
    elif file is not None or not sys.stdin.isatty():
        given = sys.stdin.readline()
    else:
        given = getpass.getpass(f"New password for {name}: ")
        if getpass.getpass("The same again: ") != given:
            raise BadInput("the two passwords differ", hint="try again")
        return given
    lines = given.splitlines()
    if not lines:
        raise BadInput("no password was given", hint="type it on a terminal, or write it into --password-file")
    return lines[0]


def _facts(row: UserRow) -> dict[str, object]:
    return {
        "name": row.name, "role": row.role, "enabled": row.enabled, "created_us": row.created_us,
        "changed_us": row.changed_us, "signed_in_us": row.signed_in_us,
    }  # fmt: skip
