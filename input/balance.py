"""How many training images each class has, and epochs in which all classes come equally often."""

from collections import namedtuple

import numpy as np
import tensorflow.compat.v1 as tf

from common.console import say
from common.errors import FlagError

SAID_ABOVE = 100000     # records are read for their labels: that is said where it takes a while
STRIDE = 7919           # by which the images shown once more move on from epoch to epoch

# epoch: examples of an epoch; read(epoch, shard): its raw examples, epoch and shard int64 scalars.
Balanced = namedtuple('Balanced', 'epoch read')


def stored_labels(reader):
    """int64 arrays of the stored labels of a reader, one a shard."""
    if hasattr(reader, 'labels'):
        return reader.labels()
    if reader.count > SAID_ABOVE:
        say(f'labels     {reader.count:,} records are read for their classes')
    labels = np.array([reader.image_and_label(*row)[1] for row in reader.examples()], np.int64)
    return np.split(labels, np.cumsum([shard.count for shard in reader.shards])[:-1])


def counts(reader, rule):
    """Images of each class of the model, int64 [num_classes]."""
    labels = np.concatenate(stored_labels(reader)) - rule.offset + rule.background
    return np.bincount(labels, minlength=rule.num_classes)[:rule.num_classes]


def weights(wanted, reader, rule):
    """Weights of the classes in the loss as a tuple.

    wanted: 'balanced' (images / (classes * images of the class)), or numbers in the order of the
    data's classes. Raises FlagError: not as many numbers as classes.
    """
    if wanted == 'balanced':
        found = counts(reader, rule)
        known = np.maximum(found, 1)
        return tuple((found.sum() / ((found > 0).sum() * known)).tolist())
    if len(wanted) != rule.classes:
        raise FlagError(f'--class_weights has {len(wanted)} numbers and the data have '
                        f'{rule.classes} classes; give one for each, or balanced.')
    return (1.0,) * rule.background + tuple(wanted)


def balanced(reader):
    """The Balanced of a reader: each class comes images / classes times in an epoch.

    The images of a smaller class come several times, of a larger one some are left out, others in
    each epoch; which follows from the epoch alone.
    """
    shards = stored_labels(reader)
    labels = np.concatenate(shards)
    _, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    each = max(1, int(round(len(labels) / len(sizes))))
    order = np.argsort(labels, kind='stable')
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    bounds = np.concatenate([[0], np.cumsum([len(part) for part in shards])])

    def read(epoch, shard):
        own = slice(tf.gather(bounds, shard), tf.gather(bounds, shard + 1))
        size = tf.constant(sizes[labels], tf.int64)[own]
        place = (tf.constant(rank, tf.int64)[own] + epoch * STRIDE) % size
        copies = (place + 1) * each // size - place * each // size
        both = tf.data.Dataset.zip((tf.data.Dataset.from_tensor_slices(copies), reader.read(shard)))
        return both.flat_map(lambda copy, raw: tf.data.Dataset.from_tensors(raw).repeat(copy))

    return Balanced(each * len(sizes), read)
