from pathlib import Path

import pytest

from holdfast.cli.main import main
from holdfast.storage.keys import KEY_FILE, node_key


def test_the_public_half_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`holdfast node key` makes the key where there is none, and then always shows that; a damaged one is said."""
    path = tmp_path / "holdfast.toml"
    path.write_text('state_dir = "state"\n[volumes.main]\npath = "disk"\n')
    for _ in range(2):
        with pytest.raises(SystemExit) as left:
            main(["node", "key", "-c", str(path)])
        assert not left.value.code
        assert f"fingerprint: {node_key(tmp_path / 'state').public.fingerprint}\n" in capsys.readouterr().out
    (tmp_path / "state" / KEY_FILE).write_text("garbage")
    with pytest.raises(SystemExit) as left:
        main(["node", "key", "-c", str(path)])
    assert left.value.code == 65
