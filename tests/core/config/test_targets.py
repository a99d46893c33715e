from pathlib import Path

import pytest

from holdfast.core.config import ConfigInvalid, load
from holdfast.core.config.model import Config
from holdfast.core.config.problems import known_keys, untagged
from holdfast.core.config.targets import FolderTarget, RsyncTarget, S3Target

WHOLE = """
[targets.nas]
type = "folder"
path = "archive"
quiet_s = 30
bandwidth = "2MB"
hours = [{ start = "22:00", end = "06:00" }]
[targets.far]
type = "rsync"
path = "keep@far.example.org:/srv/keep"
port = 2222
options = ["--chmod=F640", "--compress"]
[targets.module]
type = "rsync"
path = "rsync://nas.example.org/keep"
password = "open sesame"
[targets.box]
type = "sftp"
host = "box.example.org"
user = "keep"
key = "id"
[targets.cloud]
type = "s3"
bucket = "footage"
access_key = "AKIA"
secret_key = { env = "CLOUD" }
[targets.shop]
type = "supabase"
url = "https://abc.example.org/"
key = "eyJ-key"
bucket = "stills"
"""


def _load(text: str, **environ: str) -> Config:
    return load(Path("/etc/holdfast/holdfast.toml"), environ, text=text).config


def _problem(text: str) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        _load(text)
    return str(caught.value)


def test_each_kind_has_its_own_keys() -> None:
    """A table is of the kind that `type` names; sizes, hours and paths mean what they mean elsewhere."""
    loaded = load(Path("/etc/holdfast/holdfast.toml"), {"CLOUD": "hush"}, text=WHOLE)
    targets = loaded.config.targets
    nas, far, module, cloud = (targets[name] for name in ("nas", "far", "module", "cloud"))
    assert isinstance(nas, FolderTarget)
    assert (nas.path, nas.quiet_s, nas.bandwidth) == (Path("/etc/holdfast/archive"), 30, 2_000_000)
    assert nas.hours[0].start == "22:00"
    assert isinstance(far, RsyncTarget)
    assert isinstance(module, RsyncTarget)
    assert (far.way, module.way) == ("ssh", "daemon")
    assert isinstance(cloud, S3Target)
    assert cloud.secret_key.reveal() == "hush"
    assert {"open sesame", "hush", "AKIA", "eyJ-key"} <= loaded.secrets
    assert "hush" not in str(loaded.config.masked())
    assert loaded.origins["targets.nas.quiet_s"] == "holdfast.toml:5"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('type = "folder"', "targets.x.path: is missing"),
        ('type = "folder"\npath = "/a"\nmoed = "640"', "targets.x.moed: unknown key (did you mean mode?)"),
        ('type = "floder"\npath = "/a"', "targets.x.type: 'floder' is not known (did you mean folder?)"),
        ('path = "/a"', "targets.x.type: is missing"),
        ('type = "folder"\npath = "/a"\nmode = "999"', "targets.x.mode: '999' is no mode"),
        ('type = "rsync"\npath = "nowhere"', "targets.x.path: is no place that rsync can send to"),
        ('type = "rsync"\npath = "rsync://a:b@c/d"', "holds a password"),
        ('type = "rsync"\npath = "/a"\noptions = ["--delete"]', "targets.x.options[0]: '--delete' is not an option"),
        ('type = "rsync"\npath = "/a"\nport = 22', "are for SSH"),
        ('type = "sftp"\nhost = "a b"\nuser = "u"\nkey = "k"', "targets.x.host: 'a b' is no host"),
        ('type = "sftp"\nhost = "a"\nuser = "u"', "neither key nor password"),
        ('type = "s3"\nbucket = "b!"', "targets.x.bucket"),
        ('type = "s3"\nbucket = "abc"', "access_key and secret_key"),
        ('type = "supabase"\nurl = "abc"\nkey = "k"\nbucket = "abc"', "targets.x.url: is no address"),
        ('type = "folder"\npath = "/a"\naddress = "https://a/b"', "targets.x.address: does not say where the key goes"),
        ('type = "folder"\npath = "/a"\nencrypt = ["age1x"]', "targets.x.encrypt[0]: is no recipient"),
        ('type = "folder"\npath = "/a"\nencrypt = ["AGE-SECRET-KEY-1"]', "is a private key"),
        ('type = "folder"\npath = "/a"\nhours = [{start="01:00", end="01:00"}]', "targets.x.hours[0]: starts and ends"),
    ],
)
def test_what_makes_no_sense_is_named(table: str, said: str) -> None:
    """An unknown key, a missing one and a nonsense address are problems that name the key, with a line."""
    problem = _problem(f"[targets.x]\n{table}\n")
    assert said in problem
    assert problem.startswith("holdfast.toml:")
    assert "a:b@" not in problem


def test_names_are_words() -> None:
    """A target's name stands in commands and rows, so it is held to the letters of ids."""
    assert "no name for a target" in _problem('[targets."a b"]\ntype = "folder"\npath = "/a"\n')


def test_the_environment_reaches_targets() -> None:
    """A key of a target that the file names can be said in the environment."""
    config = _load('[targets.nas]\ntype = "folder"\npath = "/a"\n', HOLDFAST_TARGETS__NAS__QUIET_S="5")
    assert config.targets["nas"].quiet_s == 5


def test_paths_of_kinds_read_as_in_the_file() -> None:
    """The kind that stands in pydantic's path is in no message, and keys of every kind are known."""
    assert untagged(Config, ("targets", "x", "s3", "bucket")) == ("targets", "x", "bucket")
    assert untagged(Config, ("targets", "s3", "s3", "bucket")) == ("targets", "s3", "bucket")
    assert {"bucket", "mode"} <= set(known_keys(Config, ("targets", "x")))
    assert "mode" not in known_keys(Config, ("targets", "x", "s3"))
