"""Trying a target: whether it takes files, what it can, and how long it takes to say so.

Any thread. Not here: how that is shown.
"""

import time
from contextlib import closing
from dataclasses import dataclass

from holdfast.core.config.targets import AnyTarget, FolderTarget, RsyncTarget, S3Target, SftpTarget
from holdfast.core.errors import HoldfastError, TargetAway
from holdfast.storage.targets.contract import TargetFacts
from holdfast.storage.targets.make import make_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a target stands.

    Attributes:
        name: Of the target.
        where: Its place, for people, without credentials.
        problem: What is wrong; None where it takes files.
        took_s: Seconds to write, verify and remove a small file.
        facts: What it can; None where that was not said.
    """

    name: str
    where: str
    problem: HoldfastError | None
    took_s: float
    facts: TargetFacts | None


def place_of(config: AnyTarget) -> str:
    """Say where a target is, without credentials."""
    if isinstance(config, FolderTarget):
        return str(config.path)
    if isinstance(config, RsyncTarget):
        return config.path
    if isinstance(config, SftpTarget):
        return f"{config.user}@{config.host}:{config.path}"
    base = (config.endpoint or f"s3.{config.region}.amazonaws.com") if isinstance(config, S3Target) else config.url
    return "/".join(filter(None, (base, config.bucket, config.prefix)))


def try_target(name: str, config: AnyTarget) -> Trial:
    """Write, verify and remove a small file, and ask what the target can."""
    began_s = time.monotonic()
    problem: HoldfastError | None = None
    facts: TargetFacts | None = None
    took_s = 0.0
    try:
        with closing(make_target(name, config)) as target:
            target.check()
            took_s = time.monotonic() - began_s
            facts = target.facts()
    except HoldfastError as error:
        problem = error
        if isinstance(error, TargetAway) and error.hint == TargetAway.default_hint:
            # Who tries it wants to know what to look at; that it goes on by itself is for whoever waits.
            error.hint = f"is it switched on, and can {place_of(config)} be reached from this machine (port, firewall)?"
    return Trial(
        name=name, where=place_of(config), problem=problem, took_s=took_s or time.monotonic() - began_s, facts=facts
    )
