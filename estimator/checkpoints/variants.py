"""Which form of a network a checkpoint holds: its published variant and its number of classes."""

import tensorflow.compat.v1 as tf

from estimator import model_fn
from estimator.checkpoints import reading as checkpoints


def variables(network, params, num_classes, size):
    """{name: shape} of the network's variables under these params."""
    with tf.Graph().as_default():
        network.build(tf.zeros([1, size, size, 3]), training=False,
                      **model_fn.overrides(network, params, num_classes))
        return {v.op.name: v.shape.as_list() for v in network.model_variables()}


def fitting(network, params, prefix, num_classes, size):
    """(params, mismatches) of the form nearest to a checkpoint, where the flags leave it open.

    A network may have been published in several forms (MobileNetV2's two classifiers, MnasNet
    with or without Keras names). mismatches: see checkpoints.mismatches.
    """
    best = None
    for form in [params] + [params._replace(**form) for form in network.alternatives
                            if all(getattr(params, name) is None for name in form)]:
        wrong = checkpoints.mismatches(prefix, variables(network, form, num_classes, size))
        if best is None or len(wrong) < len(best[1]):
            best = form, wrong
        if not wrong:
            break
    return best


def num_classes(network, params, prefix, size):
    """Classes of the network in a checkpoint: read off the variables only they make different."""
    native, held = network.num_classes, checkpoints.shapes(prefix)
    found = set()
    for name, shape in variables(network, params, native, size).items():
        there = list(held.get(name, shape))
        if there != shape and there[:-1] == shape[:-1] and shape[-1] == native:
            found.add(there[-1])
    return found.pop() if len(found) == 1 else native
