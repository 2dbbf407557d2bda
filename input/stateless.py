"""Random draws that are pure functions of a seed.

A seed is an int64 tensor [2]: (seed of the run, position of the example in the training stream).
Every use folds its own purpose into the first half, so two draws for one example are independent
and the same example gets the same draws in every run, process and restart.
"""

import zlib

import tensorflow.compat.v1 as tf


def fold(seed, purpose):
    """Derives the seed of one use; `purpose` is any string, e.g. 'crop'."""
    key = zlib.crc32(purpose.encode())
    return tf.stack([seed[0] * 4294967291 + key, seed[1]])


def uniform(seed, purpose, shape=(), low=0.0, high=1.0):
    """Float32 draws in [low, high), shape `shape`."""
    return tf.random.stateless_uniform(
        shape, seed=fold(seed, purpose), minval=low, maxval=high, dtype=tf.float32)


def integers(seed, purpose, shape=(), low=0, high=2):
    """Int32 draws in [low, high), shape `shape`; bounds may be tensors."""
    return tf.random.stateless_uniform(
        shape, seed=fold(seed, purpose), minval=low, maxval=high, dtype=tf.int32)


def coin(seed, purpose, probability=0.5):
    """Boolean scalar, true with the given probability."""
    return uniform(seed, purpose) < probability
