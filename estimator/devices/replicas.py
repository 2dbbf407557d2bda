"""Replicas of a tf.distribute strategy: which one a graph is built for, means over all of them.

Outside a strategy there is one replica, and nothing is added to the graph.
"""

import tensorflow.compat.v1 as tf


def number():
    """Replicas that train together, an int."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def index(process=0):
    """Which of them the graph is being built for, an int64 scalar; replica context only.

    process: which of the processes that train together this is.
    NOTE: TensorFlow 1.15 counts the replicas of its own process only, 2.15 those of all.
    """
    here = len(tf.distribute.get_strategy().extended.worker_devices)
    own = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int64)
    return own % here + process * here


def mean(scalars):
    """The mean over all replicas of each of the float32 scalars, in one all-reduce."""
    if number() == 1:
        return list(scalars)

    def together(strategy, packed):
        return strategy.extended.batch_reduce_to(
            tf.distribute.ReduceOp.MEAN, [(packed, packed)])[0]

    return tf.unstack(tf.distribute.get_replica_context().merge_call(
        together, args=(tf.stack(scalars),)))
