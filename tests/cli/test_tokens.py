import json
from pathlib import Path

from support.accounts import node
from support.node import holdfast


def test_tokens_from_the_command_line(tmp_path: Path) -> None:
    """A token is the only line on standard output, is listed without what it is, and is revoked by name (C103)."""
    config = str(node(tmp_path))
    assert "tokens add NAME" in holdfast("tokens", "list", "-c", config).stdout
    made = holdfast("tokens", "add", "wall", "--role", "operator", "--expires", "30d", "-c", config)
    token = made.stdout.strip()
    assert token.startswith("hf_")
    assert "\n" not in token
    assert "not shown again" in made.stderr
    (row,) = json.loads(holdfast("tokens", "list", "--json", "-c", config).stdout)
    assert (row["name"], row["role"]) == ("wall", "operator")
    assert abs(row["expires_us"] - row["created_us"] - 30 * 86_400 * 10**6) < 60_000_000
    listed = holdfast("tokens", "list", "-c", config).stdout
    assert "wall" in listed
    assert "never used, expires" in listed
    assert token not in listed
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert holdfast("tokens", "add", "wall", "-c", config).returncode == 65
    assert holdfast("tokens", "revoke", "WALL", "-c", config).stdout == "wall is revoked\n"
    assert holdfast("tokens", "revoke", "wall", "-c", config).returncode == 66
