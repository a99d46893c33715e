"""What a rule of delivery would call files at its target: an example for each kind of asset that it sends.

The assets are made up, of a camera of the rule's and of now: so there is an example before anything was recorded. Pure.

Not here: how names are made (core.naming), which asset goes where (handing_on).
"""

from dataclasses import dataclass, replace

from holdfast.core.camera import StreamKey
from holdfast.core.config import Config
from holdfast.core.config.deliveries import KINDS, Assets, DeliveryConfig
from holdfast.core.delivery import Asset
from holdfast.core.footage import journal_path, segment_path
from holdfast.core.timing import MINUTE_US, day_of, stamp
from holdfast.library.handing_on import name_of, naming_of

_ROUND_US = 10 * MINUTE_US  # a file's usual length: its name then looks like one


@dataclass(frozen=True, slots=True)
class Example:
    """What would be sent, in words of `assets`, where it lies here, and what it would be called there."""

    assets: Assets
    file: str
    name: str


def examples(config: Config, rule: DeliveryConfig, now_us: int) -> list[Example]:
    """Return an example for each kind of asset that a rule sends, in the rule's order.

    Args:
        config: The settings, with the rule's target.
        rule: The rule.
        now_us: Wall time.
    """
    naming = naming_of(config, rule)
    return [
        Example(kind, asset.file, name_of(rule, naming, asset))
        for kind in rule.assets
        for asset in [_asset(config, rule, kind, now_us - now_us % _ROUND_US)]
    ]


def _asset(config: Config, rule: DeliveryConfig, kind: Assets, at_us: int) -> Asset:
    wanted = [camera for camera in rule.cameras if camera in config.cameras]
    camera = next(iter([*wanted, *config.cameras]), "gate")
    said = config.cameras.get(camera)
    key, day = StreamKey(camera, (*rule.streams, "main")[0]), day_of(at_us)
    picture = f"{camera}/{day}/{camera}_{stamp(at_us)}"
    asset = Asset(
        kind=KINDS[kind], camera=camera, stream=key.stream, volume="", file=segment_path(key, at_us).as_posix(),
        bytes=30_000_000, sha256="0" * 64, start_us=at_us, end_us=at_us + _ROUND_US, width=1920, height=1080,
        site=(said.site if said else "") or config.site_id, location=said.location if said else "",
    )  # fmt: skip
    if kind == "segments":
        return asset
    if kind == "journals":
        return replace(asset, file=journal_path(key, day).as_posix())
    label = {"stills": "", "events": "motion/1", "evidence": "black/1"}[kind]
    folder = {"stills": "stills", "events": "events", "evidence": "incidents"}[kind]
    return replace(asset, stream="", file=f"{folder}/{picture}.jpg", end_us=at_us, label=label)
