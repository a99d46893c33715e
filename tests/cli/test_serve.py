import os
import subprocess
import sys
from pathlib import Path

from support.accounts import node


def test_what_cannot_be_listened_on_is_said(tmp_path: Path) -> None:
    """A wrong address ends with 78 and two lines: what is wrong, and what to do."""
    config = node(tmp_path, more='[web]\nport = 0\nlisten = "192.0.2.1"\n')
    argv = [sys.executable, "-m", "holdfast", "serve", "-c", str(config)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert done.returncode == 78
    assert "this machine does not have the address 192.0.2.1" in done.stderr
    assert "set listen in [web] to one of its own" in done.stderr
    assert "Traceback" not in done.stderr
