"""What a process that sleeps most of the time may give back."""

import ctypes
import gc
import sys


def give_back() -> None:
    """Return memory that is free to the system, where the C library can be asked to (glibc).

    After a fit it keeps what the arrays took, in case there is another one at once.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
