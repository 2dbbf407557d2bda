"""Random draws that are pure functions of a seed.

A seed is a pair of int64 scalars or a tensor of them: (seed of the run, position of the example in
the training stream); see common.seeds. The first is best a number: the graph then has less to do.
"""

import tensorflow.compat.v1 as tf

from common import seeds


def fold(seed, purpose):
    """Derives the seed of one use, a pair; `purpose` is any string, e.g. 'crop'."""
    return seeds.fold(seed, purpose)


def unit(seed, purpose, shape=()):
    """Float32 draws in [0, 1): what `uniform` gives, with three operations less an image."""
    return tf.raw_ops.StatelessRandomUniform(
        shape=tf.convert_to_tensor(shape, tf.int32), seed=tf.stack(fold(seed, purpose)),
        dtype=tf.float32)


def uniform(seed, purpose, shape=(), low=0.0, high=1.0):
    """Float32 draws in [low, high), shape `shape`."""
    return tf.random.stateless_uniform(
        shape, seed=tf.stack(fold(seed, purpose)), minval=low, maxval=high, dtype=tf.float32)


def integers(seed, purpose, shape=(), low=0, high=2):
    """Int32 draws in [low, high), shape `shape`; bounds may be tensors."""
    return tf.random.stateless_uniform(
        shape, seed=tf.stack(fold(seed, purpose)), minval=low, maxval=high, dtype=tf.int32)


def coin(seed, purpose, probability=0.5):
    """Boolean scalar, true with the given probability."""
    return unit(seed, purpose) < probability
