"""`holdfast check`: do catalog, journals and files agree? Each violation cites its invariant (docs/design/0002).

Exit codes: 0 all is well, 1 something is not, 74 a volume does not answer.
"""

from contextlib import ExitStack
from dataclasses import asdict

import typer
from rich.console import Console

from holdfast.catalog.db import open_catalog
from holdfast.cli.common import ConfigOption, JsonOption, echo_json
from holdfast.core.clock import SystemClock
from holdfast.core.errors import CatalogError
from holdfast.library.check import INVARIANTS, check
from holdfast.library.desired import load_or_last_good

app = typer.Typer()


@app.command("check")
def run(
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Compare catalog, journals and files."""
    loaded = load_or_last_good(config)
    roots = {name: volume.path for name, volume in loaded.config.volumes.items()}
    with ExitStack() as stack:
        try:
            catalog = stack.enter_context(open_catalog(loaded.config.catalog_url))
        except CatalogError as error:
            Console(stderr=True).print(f"[yellow]{error}; comparing journals and files alone[/]", soft_wrap=True)
            catalog = None
        result = check(catalog, roots, SystemClock())
    if as_json:
        echo_json({**asdict(result), "ok": not result.violations})
        return int(bool(result.violations))
    console = Console(soft_wrap=True, highlight=False)
    for violation in result.violations:
        console.print(f"{violation.number}  {violation.where}: {violation.what}", markup=False)
    for number in sorted({violation.number for violation in result.violations}):
        console.print(f"{number}: {INVARIANTS[number]}", style="dim", markup=False)
    rows = "the catalog was not asked" if result.rows is None else f"{result.rows} rows"
    count = len(result.violations)
    verdict = "all is well" if not count else "1 violation" if count == 1 else f"{count} violations"
    console.print(f"{verdict}: {result.streams} streams, {result.segments} segments, {result.files} files, {rows}")
    if count:
        console.print("try: holdfast reindex brings rows in line with journals and files", style="dim")
    return int(bool(result.violations))
