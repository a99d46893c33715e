"""One thread of the lowest priority for work that may never come back.

Work of foreign code cannot be ended from outside. Who waits for it waits for a while and then gives the thread up: it
runs on, a daemon, whose answers nobody hears any more, and does not keep the process. That is why this is no
ThreadPoolExecutor, whose threads the interpreter waits for.

Used on one thread, besides its own. Not here: what is done (recognising).
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

NICE = 15  # behind the watcher itself, which has 5

T = TypeVar("T")


class LowThread:
    """A thread that does one thing after the other, behind everything else.

    Args:
        name: What it is called.
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._answers: list[Future[object]] = []  # those that somebody may wait for
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Have something done, after all that was asked before."""
        answer: Future[T] = Future()
        self._answers = [one for one in self._answers if not one.done()]
        self._answers.append(answer)  # type: ignore[arg-type]  # only exceptions are ever set through it
        self._work.put(lambda: _do(work, answer))
        return answer

    def give_up(self, error: Exception) -> None:
        """Answer whoever waits with an error, and wait for nothing any more."""
        self._forget()
        for answer in self._answers:
            with suppress(InvalidStateError):  # it was done at last
                answer.set_exception(error)

    def close(self, wait_s: float) -> bool:
        """Cancel what was not begun, and end once what runs is done.

        Args:
            wait_s: How long that is waited for, seconds.

        Returns:
            Whether it ended.
        """
        self._forget()
        for answer in self._answers:
            answer.cancel()
        self._thread.join(wait_s)
        return not self.alive

    def _forget(self) -> None:
        with suppress(Empty):
            while True:
                self._work.get_nowait()
        self._work.put(None)

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while (work := self._work.get()) is not None:
            work()


def _do(work: Callable[[], T], answer: "Future[T]") -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        made = work()
    except Exception as error:  # noqa: BLE001 - handed to who waits for it, whatever it is
        with suppress(InvalidStateError):  # nobody waits any more
            answer.set_exception(error)
    else:
        with suppress(InvalidStateError):
            answer.set_result(made)
