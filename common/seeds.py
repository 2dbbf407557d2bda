"""Seeds of stateless random draws.

A seed is a pair of int64 scalars (seed of the run, position: an example of the training stream or
a step). Every use folds its own purpose into the first half, so that two draws for one example are
independent, and the same example gets the same draws in every run, process and restart.
"""

import zlib


def fold(seed, purpose):
    """The seed of one use, as a pair; `purpose` is any string, e.g. 'crop'.

    A first half that is a number stays one, and costs a graph nothing.
    """
    first = seed[0] * 4294967291 + zlib.crc32(purpose.encode())
    if isinstance(first, int):      # as an int64 overflows
        first = (first + (1 << 63)) % (1 << 64) - (1 << 63)
    return first, seed[1]
