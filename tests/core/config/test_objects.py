"""What is recognised, as the file says it."""

import pytest
from pydantic import ValidationError

from holdfast.core.config.objects import ObjectsConfig


def test_recognising_is_asked_for() -> None:
    """Without a model nothing is recognised, and no event is deleted for it."""
    objects = ObjectsConfig()
    assert (objects.model, objects.confidence, objects.wanted, objects.only_recognised) == ("", 0.5, (), False)


@pytest.mark.parametrize("bad", ["", " ", "person, dog"])
def test_labels_are_words(bad: str) -> None:
    """An empty label, or several in one, is refused at once: labels stand apart by commas where they are shown."""
    with pytest.raises(ValidationError, match="is no label"):
        ObjectsConfig.model_validate({"wanted": [bad]})
    assert ObjectsConfig.model_validate({"labels": [" traffic light "]}).labels == ("traffic light",)
