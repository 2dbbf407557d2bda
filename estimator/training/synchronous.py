"""What replicas do together in a step: one all-reduce of the gradients, one of the statistics."""

import tensorflow.compat.v1 as tf

from common import graph_keys
from estimator.training import clipping

Reduce = tf.distribute.ReduceOp


class Synchronous(tf.train.Optimizer):
    """Optimizer wrapper for replicas: sums the gradients over them, clips the sum, updates.

    The loss is divided by the number of replicas in compute_gradients, so the sum is the gradient
    of the global batch, and n replicas clip as one with n times the batch.
    NOTE: tf.train.Optimizer does the same, but shows the sum to nobody: its norm would cost a
    second all-reduce of all gradients.

    norm: variable with the norm of the last gradient, before clipping.
    """

    def __init__(self, optimizer, clip_norm=0.0):
        super().__init__(use_locking=False, name='Synchronous')
        self._optimizer = optimizer
        self._clip_norm = clip_norm
        self.norm = clipping.last_norm()

    def compute_gradients(self, loss, var_list=None, **kwargs):
        """As tf.train.Optimizer's."""
        return self._optimizer.compute_gradients(loss, var_list, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """Op that updates the variables of all replicas; in replica context."""
        del name
        pairs = [(tf.convert_to_tensor(gradient), variable)
                 for gradient, variable in grads_and_vars if gradient is not None]
        return tf.distribute.get_replica_context().merge_call(
            self._together, args=(pairs, global_step))

    def _together(self, strategy, pairs, global_step):
        optimizer, extended = self._optimizer, strategy.extended
        variables = [variable for _, variable in pairs]
        sums = extended.batch_reduce_to(Reduce.SUM, pairs)
        norm = tf.global_norm([strategy.experimental_local_results(total)[0] for total in sums])
        scale = None
        if self._clip_norm:
            scale = self._clip_norm / tf.maximum(norm, self._clip_norm)

        def update(variable, gradient):
            if scale is not None:
                gradient *= tf.cast(scale, gradient.dtype)
            return optimizer._resource_apply_dense(gradient, variable)

        def finish(ops):
            return optimizer._finish(ops, 'update')

        with tf.init_scope():
            optimizer._create_slots(variables)
        optimizer._prepare()
        updates = [op for total, variable in zip(sums, variables)
                   for op in extended.update(variable, update, args=(total,), group=False)]
        updates += extended.update(self.norm, tf.assign, args=(norm,), group=False)
        updates = extended.update_non_slot(extended.non_slot_devices(variables), finish,
                                           args=(updates,), group=False)
        if global_step is None:
            return tf.group(*updates)
        with tf.control_dependencies(updates):
            return extended.update(global_step, tf.assign_add, args=(1,))


def update_statistics():
    """Op that gives every moving statistic the mean of the replicas' changes, or None.

    In replica context. So they are the same on all replicas and in a checkpoint, and a resumed run
    continues with the same bits.
    """
    def together(strategy):
        pairs = tf.get_collection(graph_keys.STATISTICS)
        if not pairs:       # all are frozen, and strategies do not agree about reducing nothing
            return tf.no_op()
        changes = strategy.extended.batch_reduce_to(
            Reduce.MEAN, [(change, variable) for variable, change in pairs])
        return tf.group(*[strategy.extended.update(variable, tf.assign_sub, args=(change,))
                          for change, (variable, _) in zip(changes, pairs)])

    return tf.distribute.get_replica_context().merge_call(together)
