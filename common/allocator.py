"""The C library's memory allocator, set for a program that frees and asks for the same large
blocks at every step."""

import ctypes
import os

# mallopt's parameters and the values: see mallopt(3).
_MMAP_MAX, _TRIM_THRESHOLD, _ARENA_MAX = -4, -1, -8
FEW_CORES = 8


def keep_freed_blocks():
    """Freed blocks stay with the process instead of going back to the system; returns success.

    By default every tensor above 32 MiB comes fresh from the system, which clears it page by page
    at its first use: on two cores a quarter of an inference of TensorFlow 1.15 and a fifth of its
    training. (Training under 2.15 is a tenth slower like this.) One arena serves all threads, so
    that what one frees another can use; on machines of many cores, whose threads would wait for
    each other, all stays as it is, as it does without glibc or when the environment already sets
    MALLOC_...
    """
    if any(name.startswith('MALLOC_') for name in os.environ):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, 'gnu_get_libc_version') or os.cpu_count() > FEW_CORES:
        return False
    mallopt = libc.mallopt
    return all([mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, 2 ** 31 - 1),
                mallopt(_ARENA_MAX, 1)])
