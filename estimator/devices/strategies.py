"""tf.distribute strategies: which one a run trains and evaluates under, and what they need."""

import tensorflow.compat.v1 as tf


def make(device):
    """The strategy for the devices of this process, or None when there is only one."""
    if device.kind == 'npu' or device.count == 1:
        return None
    return tf.distribute.MirroredStrategy([f'/{device.kind}:{i}' for i in range(device.count)])


def for_replicas(input_fn, device):
    """The input function of an evaluation whose batches go to the replicas of a process in turn.

    NOTE: in a graph a strategy ends as soon as one replica gets no batch, and drops what the others
    got. So there are further batches at the end, one less than replicas, that weigh nothing, and
    only they can be dropped; labels have a 'weight' [batch].
    """
    if device.kind == 'npu' or device.count == 1:
        return input_fn

    def weighed(features, labels):
        return features, dict(labels, weight=tf.ones(tf.shape(labels['label'])))

    def padded():
        dataset = input_fn().map(weighed)
        nothing = tf.nest.map_structure(
            lambda kind, shape: tf.zeros([1] + shape.as_list()[1:], kind),
            tf.data.get_output_types(dataset), tf.data.get_output_shapes(dataset))
        return dataset.concatenate(tf.data.Dataset.from_tensors(nothing).repeat(device.count - 1))
    return padded
