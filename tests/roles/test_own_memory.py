"""Memory stays together, however many threads allocate."""

import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, sys, threading
from holdfast.roles.own_memory import keep_together
if int(sys.argv[1]):
    keep_together(int(sys.argv[1]), large_bytes=1 << 20)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
gate = threading.Barrier(9)
def take():
    libc.malloc(3000)
    gate.wait(60)
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
gate.wait(60)
libc.fdopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's word")
@pytest.mark.parametrize(("arenas", "at_most"), [(1, 1), (2, 2), (0, 99)], ids=["one", "two", "as-it-is"])
def test_threads_share_what_there_is(arenas: int, at_most: int) -> None:
    """Eight threads allocate from as many places as were asked for, where the library had one for each of them (P8)."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(arenas)], capture_output=True, text=True, check=True, timeout=120
    )  # fmt: skip
    heaps = done.stdout.count("<heap nr=")
    assert (arenas or 3) <= max(heaps, arenas) <= at_most
