"""Targets from their configuration.

Libraries of services are imported with the first target that needs them: a node that sends to a folder carries none.
"""

import importlib
from typing import cast

from holdfast.core.config.targets import AnyTarget
from holdfast.storage.targets.contract import Target

_KINDS = {
    "folder": ("folder", "FolderTarget"),
    "rsync": ("rsync", "RsyncTarget"),
    "sftp": ("sftp", "SftpTarget"),
    "s3": ("s3", "S3Target"),
    "supabase": ("supabase", "SupabaseTarget"),
}


def make_target(name: str, config: AnyTarget) -> Target:
    """Make a target; opens nothing.

    Args:
        name: Its name, as in `[targets.NAME]`.
        config: Its table.
    """
    module, kind = _KINDS[config.type]
    made = getattr(importlib.import_module(f"holdfast.storage.targets.{module}"), kind)
    return cast("Target", made(name, config))
