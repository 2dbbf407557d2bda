"""tf.distribute strategies: which one a run trains and evaluates under, and what they need."""

import tensorflow.compat.v1 as tf

from estimator.devices import hosts as hosts_lib


def local_count(device):
    """Devices of this process."""
    return 1 if device.kind == 'npu' else device.count // max(1, len(device.hosts.addresses))


def stays_open(device):
    """Whether sessions of a training and of its evaluation can both be open, and are.

    NOTE: on one device only. An Ascend runs one graph at a time; of several processes only the
    first evaluates, and the others cannot wait in an all-reduce; Estimator.evaluate alone knows
    how replicas share an evaluation. There each part has a graph and a session of its own.
    """
    return device.kind != 'npu' and device.count == 1


def make(device, trains):
    """The strategy to train or to evaluate under, None for one device.

    Several processes train with the multi-worker one, which reads TF_CONFIG; the first of them
    evaluates, on its own devices.
    """
    if trains and device.hosts.addresses:
        return tf.distribute.experimental.MultiWorkerMirroredStrategy()
    count = local_count(device)
    if count == 1:
        return None
    return tf.distribute.MirroredStrategy([f'/{device.kind}:{i}' for i in range(count)])


def train(estimator, input_fn, device, hooks, max_steps):
    """Trains an Estimator to a global step.

    NOTE: Estimator.train refuses several processes; tf.estimator.train_and_evaluate takes them, and
    evaluates only where there is an evaluator in the cluster, which there is not.
    """
    if not device.hosts.addresses:
        return estimator.train(input_fn, hooks=hooks, max_steps=max_steps)
    # NOTE: when the interpreter ends, TensorFlow 1.15's server prints an error about itself.
    tf.train.Server.__del__ = lambda server: None
    with hosts_lib.tf_config(device.hosts):
        tf.estimator.train_and_evaluate(
            estimator, tf.estimator.TrainSpec(input_fn, max_steps=max_steps, hooks=hooks),
            tf.estimator.EvalSpec(input_fn))
    return estimator


def for_replicas(input_fn, device):
    """The input function of an evaluation whose batches go to the replicas of a process in turn.

    NOTE: in a graph a strategy ends as soon as one replica gets no batch, and drops what the others
    got. So there are further batches at the end, one less than replicas, that weigh nothing, and
    only they can be dropped; labels have a 'weight' [batch].
    """
    if local_count(device) == 1:
        return input_fn

    def weighed(features, labels):
        return features, dict(labels, weight=tf.ones(tf.shape(labels['label'])))

    def padded():
        dataset = input_fn().map(weighed)
        nothing = tf.nest.map_structure(
            lambda kind, shape: tf.zeros([1] + shape.as_list()[1:], kind),
            tf.data.get_output_types(dataset), tf.data.get_output_shapes(dataset))
        return dataset.concatenate(tf.data.Dataset.from_tensors(nothing).repeat(
            local_count(device) - 1))
    return padded
