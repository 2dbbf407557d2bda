"""Layers that draw at random: dropout and stochastic depth.

settings: layers.Settings; purpose: a name of the place in the network, so that each draws its own.
"""

import tensorflow.compat.v1 as tf

from common import seeds


def _uniform(shape, purpose, settings):
    """Float32 draws in [0, 1); with a seed a pure function of (seed, step, purpose).

    Whole numbers of 24 bits, as many as a float32 tells apart: of the stateless draws Ascend
    devices have only these.
    """
    if settings.seed is None:
        return tf.random.uniform(shape)
    draws = tf.random.stateless_uniform(shape, seed=tf.stack(seeds.fold(settings.seed, purpose)),
                                        minval=0, maxval=1 << 24, dtype=tf.int32)
    return tf.cast(draws, tf.float32) / (1 << 24)


def dropout(x, rate, purpose, settings):
    """Zeroes each value with probability `rate` and divides the rest by the keep probability."""
    if not settings.training or not rate:
        return x
    kept = tf.cast(_uniform(tf.shape(x), purpose, settings) >= rate, x.dtype)
    return x * kept / (1 - rate)


def drop_connect(x, survival, purpose, settings):
    """Stochastic depth: zeroes whole examples, divides the others by the survival probability."""
    if not settings.training or survival >= 1:
        return x
    draws = _uniform([tf.shape(x)[0], 1, 1, 1], purpose, settings)
    return x * tf.cast(draws < survival, x.dtype) / survival
