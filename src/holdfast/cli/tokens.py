"""`holdfast tokens`: what programs show instead of a password.

A token is written to standard output once, when it is made: `holdfast tokens add dashboard > token`. Exit codes: 0
done, 65 the name is taken or will not do, 66 no such token.
"""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.catalog.accounts import TokenRow
from holdfast.catalog.db import Catalog, open_catalog
from holdfast.cli.common import ConfigOption, JsonOption, echo_json, local_time
from holdfast.core.clock import SystemClock
from holdfast.core.timing import SECOND_US
from holdfast.library import accounts
from holdfast.library.accounts import Role
from holdfast.library.instants import read_duration
from holdfast.library.settings import load_in_force

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.", show_default=False)],
    role: Annotated[Role, typer.Option("--role", "-r", help="What its bearer may do.")] = Role.VIEWER,
    expires: Annotated[
        str | None, typer.Option(help="How long it is good, as 30d or 12h; without it for ever.", show_default=False)
    ] = None,
    config: ConfigOption = None,
) -> int:
    """Make a token, and write it to standard output: this once, it is kept nowhere."""
    clock = SystemClock()
    until_us = None if expires is None else clock.wall_us() + round(read_duration(expires) * SECOND_US)
    with _catalog(config) as catalog:
        row, token = accounts.add_token(catalog, clock, name, role, expires_us=until_us)
    typer.echo(token)
    typer.echo(f"{row.name} ({row.role}): send it as Authorization: Bearer …; it is not shown again", err=True)
    return 0


@app.command("list")
def list_(config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """List tokens: id, name, role, when they were last used, when they expire."""
    zone = load_in_force(config).config.site.time_zone
    with _catalog(config) as catalog:
        rows = accounts.tokens(catalog)
    if as_json:
        echo_json([_facts(row) for row in rows])
        return 0
    for row in rows:
        used = "never used" if row.used_us is None else f"last used {local_time(row.used_us, zone, seconds=False)}"
        until = "" if row.expires_us is None else f", expires {local_time(row.expires_us, zone, seconds=False)}"
        typer.echo(f"{row.id!s:<6} {row.name:<24} {row.role:<9} {used}{until}")
    if not rows:
        typer.echo("no tokens yet\ntry: holdfast tokens add NAME")
    return 0


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.", show_default=False)],
    config: ConfigOption = None,
) -> int:
    """Revoke a token; it opens nothing from a few seconds on."""
    with _catalog(config) as catalog:
        row = accounts.revoke_token(catalog, SystemClock(), which)
    typer.echo(f"{row.name} is revoked")
    return 0


def _catalog(config: Path | None) -> Catalog:
    return open_catalog(load_in_force(config).config.catalog_url)


def _facts(row: TokenRow) -> dict[str, object]:
    return {
        "id": str(row.id), "name": row.name, "role": row.role, "created_by": row.created_by,
        "created_us": row.created_us, "used_us": row.used_us, "expires_us": row.expires_us,
    }  # fmt: skip
