import pytest

from holdfast.core.errors import BadInput
from holdfast.core.plan import Capture, Plan, StreamPlan, Window

STREAM = StreamPlan(
    camera="gate", stream="main", url="rtsp://192.0.2.1/1", username="u", password="hunter2-secret", volume="/v",
    expected={"video": {"width": 1920}},
    capture=Capture(mode="window", windows=(Window(days=(0, 6), start="22:00", end="06:00"),), spans=((1, 2),)),
)  # fmt: skip


def test_a_plan_survives_writing_and_reading() -> None:
    """The recorder reads exactly what the worker wrote, so an unchanged stream compares equal and is not touched."""
    plan = Plan(streams=(STREAM,), runtime_dir="/run/x")
    assert Plan.from_json(plan.to_json()) == plan


def test_a_newer_worker_may_say_more() -> None:
    """Unknown fields are passed over."""
    text = Plan(streams=(STREAM,)).to_json().replace('"camera":', '"colour": "red", "camera":')
    assert Plan.from_json(text).streams == (STREAM,)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"streams": [{}]}', '{"streams": 3}', '{"streams": ["x"]}'])
def test_a_damaged_plan_is_one_error(text: str) -> None:
    """Whatever is wrong with the file, the recorder sees one kind of error and keeps what it has (F49)."""
    with pytest.raises(BadInput, match=r"streams\.json is damaged"):
        Plan.from_json(text)


def test_a_plan_in_a_traceback_shows_no_secret() -> None:
    """The text form of a stream's plan names the stream and nothing else (F61)."""
    assert repr(STREAM) == "StreamPlan(gate/main)"
    assert "hunter2" not in f"{STREAM}{Plan(streams=(STREAM,))!r}"
