import tomllib
from pathlib import Path

from holdfast.core.config import load
from holdfast.core.config.reference import refreshed

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_reference_is_current() -> None:
    """docs/configuration.md says what the models say; if not: python -m holdfast.core.config.reference and its path."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert refreshed(text) == text


def test_the_example_can_be_used(tmp_path: Path) -> None:
    """The example of the page is a valid configuration."""
    (tmp_path / "camera.password").write_text("x")
    example = DOCUMENT.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    assert tomllib.loads(example)
    assert list(load(tmp_path / "holdfast.toml", {}, text=example).config.cameras) == ["gate", "yard"]
