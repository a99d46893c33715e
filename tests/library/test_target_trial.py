"""Trying a target for somebody who waits."""

import socket
import time

import pytest

from holdfast.core.config.targets import S3Target
from holdfast.core.errors import TargetAway
from holdfast.library import target_trial


def test_a_silent_target_is_told_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits learns that a target is silent long before a delivery would give it up, and what to look at."""
    monkeypatch.setattr(target_trial, "PATIENCE_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        config = S3Target.model_validate({
            "type": "s3", "bucket": "cameras", "endpoint": f"http://127.0.0.1:{server.getsockname()[1]}",
            "access_key": "a", "secret_key": "b", "quiet_s": 3600,
        })  # fmt: skip
        began_s = time.monotonic()
        trial = target_trial.try_now("cloud", config)
        assert time.monotonic() - began_s < 60
    assert isinstance(trial.problem, TargetAway)
    assert "can be reached from this machine" in trial.problem.hint or "reached" in trial.problem.hint
