"""Gradient accumulation over micro-batches."""

import tensorflow.compat.v1 as tf

from estimator.training import clipping


class Accumulator:
    """Optimizer wrapper: `steps` micro-batches make one update with their mean gradient.

    The global step counts updates, not micro-batches: schedules, averages, checkpoints and logs
    see the run a batch of steps * micro-batch would have had (plan.global_batch includes
    `steps`). Batch-norm statistics still come from each micro-batch. The sums are local variables,
    not in checkpoints: a run that stops between updates takes up the stream at its last update.

    clip_norm: limit of the mean gradient's norm, 0 for none; replicas clip in Synchronous.
    due: boolean tensor, true when this micro-batch completes an update; for
    averaging.MovingAverage.apply(when=...). Available after apply_gradients.
    """

    def __init__(self, optimizer, steps, clip_norm=0.0):
        self._optimizer = optimizer
        self._steps = steps
        self._clip_norm = clip_norm
        self.due = None

    def compute_gradients(self, loss, var_list=None, **kwargs):
        """As tf.train.Optimizer's; loss: mean over the micro-batch."""
        return self._optimizer.compute_gradients(loss, var_list, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step):
        """Op that adds one micro-batch and, at the last of `steps`, updates the variables."""
        pairs = [(gradient, variable) for gradient, variable in grads_and_vars
                 if gradient is not None]
        variables = [variable for _, variable in pairs]
        count = _count()
        with clipping.outermost():
            sums = [_sum_of(variable) for variable in variables]
        self.due = tf.equal(count.read_value() + 1, self._steps)
        with tf.control_dependencies([self.due]):
            added = [total.assign_add(tf.convert_to_tensor(gradient))
                     for total, (gradient, _) in zip(sums, pairs)]
        with tf.control_dependencies(added):
            updated = self._when_due(sums, variables, global_step)
        with tf.control_dependencies([updated]):
            return tf.group(count.assign(
                tf.where(self.due, tf.zeros_like(count), count.read_value() + 1)))

    def _when_due(self, sums, variables, global_step):
        def update():
            pairs = [(total.read_value() / self._steps, variable)
                     for total, variable in zip(sums, variables)]
            done = []
            if not tf.distribute.has_strategy():
                pairs, norm = clipping.clip(pairs, self._clip_norm)
                done.append(clipping.last_norm().assign(norm))
            with tf.name_scope(None):       # what Adam makes is named as without accumulation
                done.append(self._optimizer.apply_gradients(pairs, global_step))
            with tf.control_dependencies(done):
                return tf.group(*[total.assign(tf.zeros_like(total)) for total in sums])

        if not tf.distribute.has_strategy():
            return tf.cond(self.due, update, tf.no_op)

        def across_replicas(strategy, due):
            return tf.cond(
                strategy.experimental_local_results(due)[0],
                lambda: strategy.group(strategy.extended.call_for_each_replica(update)), tf.no_op)

        return tf.distribute.get_replica_context().merge_call(across_replicas, args=(self.due,))


def micro_batch():
    """Number of the micro-batch within its update, from 0; an int64 scalar."""
    return tf.cast(_count().read_value(), tf.int64)


def _count():
    with clipping.outermost():
        return tf.get_variable(
            'gradient_accumulation/count', [], tf.int32, tf.zeros_initializer(),
            trainable=False, use_resource=True, collections=[tf.GraphKeys.LOCAL_VARIABLES],
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)


def _sum_of(variable):
    name = variable.name.split(':')[0]
    return tf.get_variable(
        f'{name}/GradientSum', shape=variable.shape, dtype=variable.dtype.base_dtype,
        initializer=tf.zeros_initializer(), trainable=False, use_resource=True,
        collections=[tf.GraphKeys.LOCAL_VARIABLES],
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM)
