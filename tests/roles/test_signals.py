import os
import signal
import threading
import time

from holdfast.roles.signals import Signals


def test_signals_are_kept_in_order() -> None:
    """What comes between two waits is not lost, and comes in its order."""
    with Signals(signal.SIGHUP, signal.SIGUSR1) as signals:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.wait(60) == [signal.SIGUSR1, signal.SIGHUP]
        assert signals.wait(0) == []


def test_whoever_is_busy_sees_that_one_waits() -> None:
    """A loop that is at work sees that a signal came, without taking it from whoever waits for it."""
    with Signals(signal.SIGUSR1) as signals:
        seen = [signals.waiting]
        os.kill(os.getpid(), signal.SIGUSR1)
        seen.append(signals.waiting)
        assert signals.wait(0) == [signal.SIGUSR1]
        assert [*seen, signals.waiting] == [False, True, False]


def test_a_wait_ends_when_one_comes() -> None:
    """A long wait ends at once, for a signal and for a thread that has news."""
    with Signals(signal.SIGHUP) as signals:
        began = time.monotonic()
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGHUP))
        timer.start()
        assert signals.wait(60) == [signal.SIGHUP]
        timer.join()
        waker = threading.Timer(0.05, signals.wake)
        waker.start()
        assert signals.wait(60) == []
        waker.join()
        assert time.monotonic() - began < 20


def test_many_wakes_do_not_block() -> None:
    """Waking a loop that does not look never waits for it."""
    with Signals(signal.SIGHUP) as signals:
        for _ in range(100_000):
            signals.wake()
        assert signals.wait(0) == []


def test_old_handlers_come_back() -> None:
    """Afterwards everything is as before: handlers, and the wake-up descriptor."""
    before = signal.getsignal(signal.SIGHUP)
    with Signals(signal.SIGHUP):
        assert signal.getsignal(signal.SIGHUP) is not before
    assert signal.getsignal(signal.SIGHUP) is before
    assert signal.set_wakeup_fd(-1) == -1
