import pytest

from holdfast.core.errors import NameTaken, TargetAway, TargetBarred, TargetError, TargetFull, TargetRefused
from holdfast.storage.targets.rsync_words import Seen, item, problem


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("<f+++++++++ gate/a b.jpg", Seen("<f+++++++++", "gate/a b.jpg")),
        (">fc........ a.jpg", Seen(">fc........", "a.jpg")),
        (".f           a.jpg", Seen(".f", " a.jpg")),
        (".f..t...... ä\\#134#1.jpg", Seen(".f..t......", "ä\\#1.jpg")),
        ("cd+++++++++ gate/", None),
        ("  30,000 100%", None),
        ("*deleting   a.jpg", None),
    ],
)
def test_lines_about_files(line: str, seen: Seen | None) -> None:
    """A line about a file gives what would be done and its name, escapes undone; others give nothing."""
    assert item(line) == seen


def test_what_lines_mean() -> None:
    """Plus signs are a file that is not there, a dot one that needs nothing."""
    assert Seen("<f+++++++++", "a").absent
    assert Seen(".f", "a").same
    assert not Seen(">fc........", "a").same
    assert not Seen(">fc........", "a").absent


@pytest.mark.parametrize(
    ("code", "errors", "kind"),
    [
        (
            11,
            'rsync: [receiver] write failed on "/x": No space left on device (28)\nrsync error: error in file IO',
            TargetFull,
        ),
        (23, 'rsync: [receiver] mkstemp "/x" failed: Read-only file system (30)', TargetRefused),
        (255, "ssh: connect to host nas port 22: Connection refused\nrsync error: unexplained error", TargetAway),
        (255, "Host key verification failed.", TargetBarred),
        (5, "@ERROR: auth failed on module kept", TargetBarred),
        (30, "[sender] io timeout after 2 seconds -- exiting", TargetAway),
        (255, "ssh: Could not resolve hostname nas: Name or service not found", TargetAway),
        (14, "rsync: [sender] Failed to exec ssh: No such file or directory (2)", TargetBarred),
        (12, "", TargetAway),
        (
            23,
            (
                "sys_acl_get_file(gate, ACL_TYPE_DEFAULT): Permission denied, falling back on umask\n"
                'rsync: failed to stat "/site/gate/a.jpg" (in kept): Not a directory (20)'
            ),
            NameTaken,
        ),
        (23, 'rsync: [generator] failed to stat "/gate/a": Too many levels of symbolic links (40)', NameTaken),
        (23, 'rsync: [receiver] rename "/x/.a" -> "a.jpg": Is a directory (21)', NameTaken),
        (3, 'rsync: [Receiver] change_dir#1 "/srv/kept" failed: Not a directory (20)', TargetAway),
    ],
)
def test_complaints_become_ours(code: int, errors: str, kind: type[TargetError]) -> None:
    """What is full, refused or away is told apart, with the line that says why."""
    found = problem("nas", "sending", code, errors)
    assert type(found) is kind
    assert str(found).startswith("nas: sending")


def test_a_changed_host_is_told_without_its_frame() -> None:
    """Of SSH's banner stays what it says; a full stop at the end would stand in the middle of our sentences."""
    frame = "@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@\nHost key verification failed."
    told = [str(problem("nas", "sending", 255, said)) for said in (frame, "Host key verification failed.")]
    assert told == [
        "nas: sending: WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!", "nas: sending: Host key verification failed",
    ]  # fmt: skip
