"""Clipping by global norm, and the norm where the update hides it."""

import contextlib

import tensorflow.compat.v1 as tf


def clip(gradients_and_variables, limit):
    """(pairs, norm): gradients scaled so that their global norm is at most `limit`; 0 keeps them.

    norm: float32 scalar, before clipping. Of one replica; see synchronous.Synchronous for several.
    """
    pairs = [(tf.convert_to_tensor(gradient), variable)
             for gradient, variable in gradients_and_variables if gradient is not None]
    norm = tf.global_norm([gradient for gradient, _ in pairs])
    if not limit:
        return pairs, norm
    scale = limit / tf.maximum(norm, limit)
    return [(gradient * tf.cast(scale, gradient.dtype), variable)
            for gradient, variable in pairs], norm


def last_norm():
    """A variable, not in checkpoints, for the norm of the gradient that was applied last."""
    with outermost():
        return tf.get_variable(
            'gradient_norm/last', [], tf.float32, tf.zeros_initializer(), trainable=False,
            use_resource=True, collections=[tf.GraphKeys.LOCAL_VARIABLES],
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)


@contextlib.contextmanager
def outermost():
    """Variables made here have full names, exist once and wait for nothing."""
    with tf.control_dependencies(None), tf.variable_scope(
            tf.VariableScope(reuse=tf.AUTO_REUSE, name=''), auxiliary_name_scope=False):
        yield
