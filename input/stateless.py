"""Random draws that are pure functions of a seed.

A seed is an int64 tensor [2]: (seed of the run, position of the example in the training stream);
see common.seeds.
"""

import tensorflow.compat.v1 as tf

from common import seeds


def fold(seed, purpose):
    """Derives the seed of one use; `purpose` is any string, e.g. 'crop'."""
    return tf.stack(seeds.fold(seed, purpose))


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
