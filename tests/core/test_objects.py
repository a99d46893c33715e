"""What was recognised, and what of it counts."""

import pytest

from holdfast.core.area import read_polygons
from holdfast.core.objects import Box, Counts, Seen, from_json, label_of, names_in, to_json

MAN = Seen("person", 0.87, Box(0.1, 0.2, 0.3, 0.8))
DOG = Seen("dog", 0.52, Box(0.6, 0.7, 0.8, 1.0))
CAR = Seen("car", 0.4, Box(0.5, 0.1, 0.9, 0.3))


def test_only_what_is_sure_and_wanted_counts() -> None:
    """What is less sure or not asked for is left out, whatever its capitals; the surest comes first."""
    assert Counts().of([DOG, CAR, MAN]) == [MAN, DOG]
    assert Counts(least=0.4).of([DOG, CAR, MAN]) == [MAN, DOG, CAR]
    assert Counts(wanted=("Dog", "car")).of([DOG, CAR, MAN]) == [DOG]


def test_feet_decide_about_masks_and_zones() -> None:
    """Who stands in a mask, or in no zone, does not count, however far the head reaches elsewhere (C047)."""
    left, bottom = read_polygons("0,50 40,50 40,100 0,100"), read_polygons("0,75 100,75 100,100 0,100")
    assert Counts(masks=left).of([MAN, DOG]) == [DOG]
    assert Counts(zones=left).of([MAN, DOG]) == [MAN]
    # The dog's feet are on the last line of the picture.
    assert Counts(zones=bottom).of([MAN, DOG, CAR]) == [MAN, DOG]
    assert Counts(zones=left, masks=left).of([MAN, DOG]) == []


def test_an_event_names_each_label_once() -> None:
    """Both pictures together name each label with its surest sighting, surest first."""
    again = Seen("person", 0.91, MAN.box)
    assert label_of({"a": [MAN, DOG], "b": [again]}) == "person 0.91, dog 0.52"
    assert names_in("person 0.91, dog 0.52") == ["person", "dog"]
    assert label_of({"a": [], "b": []}) == ""
    assert names_in("") == []
    assert names_in("parcel left at 5.30") == ["parcel left at 5.30"]


def test_what_is_written_is_read_back() -> None:
    """Rows hold labels, confidence and places; what is none of ours is said to be."""
    pictures = {"a": [MAN, DOG], "b": []}
    assert from_json(to_json(pictures)) == pictures
    for bad in ('{"a": 5}', "[1]", "{"):
        with pytest.raises(ValueError, match=r"."):
            from_json(bad)
