"""`holdfast node key`: the public half of the key that signs what leaves this node.

Exit codes: 0 shown, 65 the key is damaged, 74 it cannot be made.
"""

import typer

from holdfast.cli.common import ConfigOption, JsonOption, echo_json
from holdfast.library.settings import load_in_force
from holdfast.storage.keys import node_key

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _root() -> None:
    """What this node is."""


@app.command()
def key(config: ConfigOption = None, *, as_json: JsonOption = False) -> int:
    """Show the key that exports of this node are signed with: its fingerprint, and its public half."""
    public = node_key(load_in_force(config).config.state_dir).public
    pem = public.pem.decode()
    if as_json:
        echo_json({"algorithm": "Ed25519", "fingerprint": public.fingerprint, "public_key": pem})
    else:
        typer.echo(f"fingerprint: {public.fingerprint}\n{pem}", nl=False)
    return 0
