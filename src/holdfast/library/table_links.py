"""What targets, rules and hand-overs have to do with each other, and with the disks of this machine.

Not here: saving them (saved_tables), their secrets (table_secrets).
"""

from pathlib import Path

from holdfast.core.config import Config
from holdfast.core.config.handovers import MarkerConfig
from holdfast.core.config.targets import FolderTarget
from holdfast.storage.targets.marker import MARKER


def rules_of(config: Config, target: str) -> list[str]:
    """Return the names of the rules that send to a target."""
    return [name for name, rule in config.deliveries.items() if rule.target == target]


def waiting_for(config: Config, target: str) -> list[str]:
    """Return the names of the hand-overs that wait for copies at a target."""
    return [name for name, rule in config.handovers.items() if target in rule.after]


def users_of(config: Config, target: str) -> str:
    """Say who needs a target; empty for nobody."""
    rules, handovers = rules_of(config, target), waiting_for(config, target)
    said = [_listed("rule", rules, "sends to it", "send to it")] if rules else []
    said += [_listed("hand-over", handovers, "waits for it", "wait for it")] if handovers else []
    return ", ".join(said)


def _listed(noun: str, names: list[str], one: str, many: str) -> str:
    if len(names) == 1:
        return f"{noun} {names[0]} {one}"
    return f"{noun}s {', '.join(names[:-1])} and {names[-1]} {many}"


def may_hold_markers(file: Config, now: Config, folder: Path) -> bool:
    """Say whether markers may be put into a folder that whoever asks over the network names (C140).

    Args:
        file: What the file says alone: its own folders may be named again.
        now: The settings in force.
        folder: The folder.

    Returns:
        Whether it lies in a volume, or in a target that was adopted on this machine.
    """
    known = {rule.folder for rule in file.handovers.values() if isinstance(rule, MarkerConfig)}
    roots = [volume.path for volume in now.volumes.values()]
    roots += [
        one.path for one in now.targets.values() if isinstance(one, FolderTarget) and (one.path / MARKER).is_file()
    ]
    real = folder.resolve()
    return folder in known or any(real.is_relative_to(root.resolve()) for root in roots)
