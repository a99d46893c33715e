from holdfast.sim.mark import MARK_UUID, Mark, find_marks, mark_text, sei_nal


def test_marks_are_found_in_any_bytes() -> None:
    """Marks are found in the middle of a file, in order, with all that they say."""
    data = b"x" + b"y\0".join(
        sei_nal(codec).replace(mark_text("-", 0, 0), mark_text("gate/sub", number, 1_790_000_000_000_000 + number))
        for codec, number in (("h264", 7), ("h265", 1 << 63))
    )
    assert list(find_marks(data)) == [
        Mark("gate", "sub", 7, 1_790_000_000_000_007),
        Mark("gate", "sub", 1 << 63, 1_790_000_000_000_000 + (1 << 63)),
    ]


def test_marks_need_no_emulation_prevention() -> None:
    """Whatever a mark says, no zero byte is in it, so it can never look like a start code."""
    for nal in (sei_nal("h264"), sei_nal("h265"), mark_text("a" * 50 + "/main", (1 << 64) - 1, 0)):
        assert b"\0" not in nal


def test_damaged_marks_are_passed_over() -> None:
    """A mark cut short or scrambled is not invented, and does not hide the next one."""
    whole = MARK_UUID + mark_text("gate/main", 5, 6)
    assert list(find_marks(whole[:40] + whole)) == [Mark("gate", "main", 5, 6)]
    assert list(find_marks(MARK_UUID + b"?" * 89)) == []
