from typing import get_args

from holdfast.core.config.model import CameraConfig
from holdfast.core.config.settable import GENERAL, OWN, Kind, is_table, of_rule, of_target, settable
from holdfast.core.config.targets import TARGET_KINDS


def test_every_key_of_a_camera_can_be_a_saved_default() -> None:
    """What holds for all cameras can be changed while running; what is one camera's own cannot (C126)."""
    found = {key.removeprefix("defaults.").partition(".")[0] for key in settable() if key.startswith("defaults.")}
    assert found == set(CameraConfig.model_fields) - OWN


def test_what_could_lock_everybody_out_is_the_files_alone() -> None:
    """Folders, volumes, the catalog and where the server listens are not to be had here."""
    general = {key for key in settable() if not key.startswith("defaults.")}
    assert general == set(GENERAL)
    assert not {"web.listen", "web.port", "catalog.url", "state_dir", "volumes"} & general


def test_each_says_what_it_takes() -> None:
    """A form can be made of each: its kind, its choices, its default and its meaning."""
    found = settable()
    assert all(setting.words and setting.kind in get_args(Kind) for setting in found.values())
    assert all(setting.choices for setting in found.values() if setting.kind == "choice")
    kinds = {key: found[key].kind for key in ("defaults.sync_s", "defaults.password", "defaults.queue", "web.hosts")}
    assert kinds == {
        "defaults.sync_s": "number", "defaults.password": "secret", "defaults.queue": "size", "web.hosts": "list"
    }  # fmt: skip
    assert found["defaults.queue"].default == "16MiB"
    assert found["log.level"].choices == ("debug", "info", "warning", "error")


def test_each_kind_of_target_has_its_own_keys() -> None:
    """A form of a target has what that kind takes and nothing else; a rule's has those of its row, too (C126)."""
    found = {kind: {key: about.kind for key, about in of_target(kind).items()} for kind in TARGET_KINDS}
    assert {kind for kind, keys in found.items() if "marker" in keys} == {"folder"}
    assert {kind for kind, keys in found.items() if "bucket" in keys} == {"s3", "supabase"}
    assert (found["supabase"]["key"], found["sftp"]["key"]) == ("secret", "text")
    assert [found["rsync"][key] for key in ("options", "hours", "bandwidth", "port")] == [
        "lines", "windows", "size", "whole"
    ]  # fmt: skip
    rule = {key: about.kind for key, about in of_rule().items()}
    told = [rule[key] for key in ("row.key", "row.columns", "assets", "format")]
    assert told == ["secret", "table", "list", "choice"]
    assert not [key for key in ("targets", "targets.", "targets.a.b", "volumes.main") if is_table(key)]
