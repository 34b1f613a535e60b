"""What a process that sleeps most of the time may give back."""

import ctypes
import gc
import os
import sys
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")


def give_back() -> None:
    """Return memory that is free to the system, where the C library can be asked to (glibc).

    The library itself keeps what the arrays of a fit took, for another one that may follow.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


def resident_bytes() -> int | None:
    """Return how much of this process is in memory, None where the system does not say (macOS)."""
    if not _STATM.exists():
        return None
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
