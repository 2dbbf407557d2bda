"""Named tensors a training graph offers to the hooks, alone or in groups.

Groups: 'inputs' (image, label, target), 'endpoints' (activations in the order of computation) and
'gradients' (by variable, unscaled and before clipping).
"""

import collections
import re

import tensorflow.compat.v1 as tf

_PREFIX = 'monitor/'
_OTHER_REPLICA = re.compile(r'/replica_\d+$')


def publish(**tensors):
    """Makes tensors of the training graph known under a name."""
    for name, tensor in tensors.items():
        tf.add_to_collection(_PREFIX + name, tensor)


def publish_group(name, tensors):
    """Makes a dict of tensors known; the order is kept."""
    for key, tensor in tensors.items():
        tf.add_to_collection(f'{_PREFIX}{name}/', (key, tensor))


def tensor(name):
    """The published tensor (of the first replica)."""
    found = tf.get_collection(_PREFIX + name)
    if not found:
        raise KeyError(f'no tensor published as {name}; is this a training graph?')
    return found[0]


def has(name):
    """Whether a tensor of that name is published."""
    return bool(tf.get_collection(_PREFIX + name))


def groups(name):
    """[{key: tensor}] of a group whose keys are the same in each replica, one dict a replica."""
    found = []
    for key, value in tf.get_collection(f'{_PREFIX}{name}/'):
        if not found or key in found[-1]:
            found.append({})
        found[-1][key] = value
    return found


def group(name):
    """{key: tensor} of a group (of the first replica), in the order of publication."""
    tensors = collections.OrderedDict()
    for key, value in tf.get_collection(f'{_PREFIX}{name}/'):
        if not _OTHER_REPLICA.search(key):
            tensors.setdefault(key, value)
    return tensors
