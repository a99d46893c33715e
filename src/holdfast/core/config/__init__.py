"""The configuration: one TOML file, read, checked and merged with its defaults."""

from holdfast.core.config.feeds import PRESETS, Feed, FeedError, feeds
from holdfast.core.config.load import Loaded, load, with_cameras, with_settings
from holdfast.core.config.model import CameraConfig, CaptureConfig, Config, LogConfig, VolumeConfig
from holdfast.core.config.places import default_path, default_runtime_dir, default_state_dir, guess_state_dir
from holdfast.core.config.problems import ConfigInvalid, Problem
from holdfast.core.config.qualities import encoding
from holdfast.core.config.secret import Secret, mask_url, split_url
from holdfast.core.config.units import format_bytes, parse_bytes

__all__ = [
    "PRESETS",
    "CameraConfig",
    "CaptureConfig",
    "Config",
    "ConfigInvalid",
    "Feed",
    "FeedError",
    "Loaded",
    "LogConfig",
    "Problem",
    "Secret",
    "VolumeConfig",
    "default_path",
    "default_runtime_dir",
    "default_state_dir",
    "encoding",
    "feeds",
    "format_bytes",
    "guess_state_dir",
    "load",
    "mask_url",
    "parse_bytes",
    "split_url",
    "with_cameras",
    "with_settings",
]
