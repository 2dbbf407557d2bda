"""Named tensors a training graph offers to the hooks."""

import tensorflow.compat.v1 as tf

_PREFIX = 'monitor/'


def publish(**tensors):
    """Makes tensors of the training graph known under a name."""
    for name, tensor in tensors.items():
        tf.add_to_collection(_PREFIX + name, tensor)


def tensor(name):
    """The published tensor (of the first replica)."""
    found = tf.get_collection(_PREFIX + name)
    if not found:
        raise KeyError(f'no tensor published as {name}; is this a training graph?')
    return found[0]
