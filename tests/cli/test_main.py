import pytest

from holdfast.cli.main import COMMANDS, main


@pytest.mark.parametrize(("typed", "hint"), [("staus", "did you mean holdfast status?"), ("xyzzy", "--help lists all")])
def test_a_mistyped_command_is_answered_in_two_lines(typed: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Who mistypes a command is told the nearest one, with the exit code of a usage error."""
    with pytest.raises(SystemExit) as ended:
        main([typed])
    said = capsys.readouterr().err
    assert ended.value.code == 64
    assert f"there is no command '{typed}'" in said
    assert hint in said


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """The list of commands names each with what it is for."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(name in said for name in COMMANDS)
