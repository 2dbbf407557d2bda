"""Seeds of stateless random draws.

A seed is a pair of int64 scalars (seed of the run, position: an example of the training stream or
a step). Every use folds its own purpose into the first half, so that two draws for one example are
independent, and the same example gets the same draws in every run, process and restart.
"""

import zlib


def fold(seed, purpose):
    """The seed of one use, as a pair; `purpose` is any string, e.g. 'crop'."""
    return (seed[0] * 4294967291 + zlib.crc32(purpose.encode()), seed[1])
