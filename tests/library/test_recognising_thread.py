"""A thread for work that may never come back."""

import os
import threading

import pytest

from holdfast.library.recognising_thread import NICE, LowThread


def test_work_is_done_in_turn_behind_everything(no_leaks: None) -> None:
    """One thing after the other is done at the lowest priority; an error reaches who asked, and the next is done."""
    thread = LowThread("low")
    first = thread.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    broken, last = thread.submit(lambda: 1 // 0), thread.submit(lambda: 3)
    assert last.result(60) == 3
    assert first.result(0) == max(NICE, os.getpriority(os.PRIO_PROCESS, 0))
    with pytest.raises(ZeroDivisionError):
        broken.result(0)
    assert thread.close(30)
    assert not thread.alive


def test_nobody_waits_for_what_does_not_end(no_leaks: None) -> None:
    """Who gives it up answers all who wait, and what it says later is heard by nobody."""
    thread, began, free = LowThread("low"), threading.Event(), threading.Event()

    def hang() -> int:
        began.set()
        assert free.wait(60)
        return 1

    answers = [thread.submit(hang), thread.submit(hang)]
    assert began.wait(60)
    assert not thread.close(0.01)
    assert answers[1].cancelled()
    thread.give_up(ValueError("given up"))
    assert isinstance(answers[0].exception(0), ValueError)
    free.set()
    assert thread.close(30)
