"""Loss scaling: float16 gradients times a factor, and steps whose gradients overflow left out.

NOTE: TensorFlow's own optimizer leaves the global step where it is when it skips an update, so the
run consumes more batches than it counts. Here the global step counts consumed batches, as loops in
PyTorch do; the skipped ones are counted beside it, and both are in the checkpoint.
"""

import tensorflow.compat.v1 as tf

from estimator.checkpoints import optional
from estimator.hooks import published


class _CountingScale(tf.train.experimental.DynamicLossScale):
    """The dynamic loss scale, its variables optional in checkpoints, with a count of skips."""

    def __init__(self):
        super().__init__()
        self.skipped = self._add_weight('skipped_steps', 0, tf.int64)

    def _add_weight(self, name, initial_value, dtype=None):
        variable = super()._add_weight(name, initial_value, dtype)
        optional.declare(variable)
        return variable

    def update(self, grads):
        """As the base class's; counts the updates that are not applied."""
        update, apply = super().update(grads)
        skip = tf.cond(apply, tf.no_op, lambda: tf.group(self.skipped.assign_add(1)))
        return tf.group(update, skip), apply


class _Optimizer(tf.train.experimental.MixedPrecisionLossScaleOptimizer):
    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        applied = super().apply_gradients(grads_and_vars, None, name)
        if global_step is None:
            return applied
        with tf.control_dependencies([applied]):
            return global_step.assign_add(1)


def wrap(optimizer, scale):
    """Loss scaling around an optimizer. scale: None, a number, or 'dynamic'."""
    if not scale:
        return optimizer
    if scale != 'dynamic':
        return tf.train.experimental.MixedPrecisionLossScaleOptimizer(optimizer, scale)
    counting = _CountingScale()
    published.publish(loss_scale=counting(), skipped_steps=tf.identity(counting.skipped))
    return _Optimizer(optimizer, counting)
