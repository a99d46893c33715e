"""Trying a target for somebody who waits for it: the trial of `holdfast targets test`, that ends while they watch.

Any thread but an event loop. Not here: the trial itself (storage.targets.trial), whose turn it is (http.trying).
"""

from holdfast.core.config.targets import AnyTarget
from holdfast.storage.targets.trial import Trial, try_target

__all__ = ["PATIENCE_S", "Trial", "try_now"]

PATIENCE_S = 15.0  # chosen: a target that is silent for longer is told as away, whatever a delivery would wait


def try_now(name: str, config: AnyTarget) -> Trial:
    """Write, verify and remove a small file, and say what the target can; silence ends it sooner than a delivery."""
    return try_target(name, config.model_copy(update={"quiet_s": min(config.quiet_s, PATIENCE_S)}))
