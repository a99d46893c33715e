"""`holdfast decrypt`: opens files that were encrypted before they were sent, and stills that were when they were taken.

`age --decrypt` does the same.

Exit codes: 0 all were opened, 65 one cannot be, 66 a file is not there.
"""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.common import size
from holdfast.cli.main import complain
from holdfast.core.delivery import SEALED
from holdfast.core.errors import HoldfastError, NotFound, UsageError
from holdfast.storage.sealed import read_identities, unseal

app = typer.Typer()


@app.command("decrypt")
def run(
    files: Annotated[list[Path], typer.Argument(help="Encrypted files.")],
    identity: Annotated[Path, typer.Option("--identity", "-i", help="File with the private key, of age or SSH.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for what was in them, or a name.", show_default=False),
    ] = None,
) -> int:
    """Open encrypted files, each beside its encrypted one or in another folder; nothing is replaced."""
    identities = read_identities(identity)
    code = 0
    for file in files:
        try:
            into = _into(file, out, alone=len(files) == 1)
            found = unseal(file, into, identities)
        except HoldfastError as error:
            # One that cannot be opened keeps no other closed.
            if len(files) == 1:
                raise
            complain(error)
            code = code or error.exit_code
            continue
        typer.echo(f"{into}: {size(found.bytes)}, sha256 {found.sha256}")
    return code


def _into(file: Path, out: Path | None, *, alone: bool) -> Path:
    own = file.name.removesuffix(SEALED)
    if out is None:
        if own == file.name:
            raise UsageError(f"{file} does not end in {SEALED}, so its copy has no name", hint="give one with --out")
        return file.with_name(own)
    if out.is_dir():
        return out / own
    if not alone:
        raise NotFound(f"{out} is no folder", hint="make it first")
    return out
