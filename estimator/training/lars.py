"""Layer-wise adaptive rate scaling (You, Gitman, Ginsburg, arXiv:1708.03888)."""

import tensorflow.compat.v1 as tf

SKIPPED = ('batch_normalization', 'bias', 'beta', 'gamma')


class LARSOptimizer(tf.train.MomentumOptimizer):
    """Momentum on gradients scaled per variable by |w| / (|g| + weight_decay |w|).

    As efficientnet/lars_optimizer.py: the learning rate enters before the momentum buffer, weight
    decay is part of the update, and variables whose name has a part out of `skip` get neither
    (plain momentum). NOTE: the original fails on ref variables in TF 1.15; this one does not care.
    """

    def __init__(self, learning_rate, momentum=0.9, weight_decay=1e-4, eeta=0.001, epsilon=0.0,
                 skip=SKIPPED, use_nesterov=False, name='LARSOptimizer'):
        super().__init__(1.0, momentum, name=name, use_nesterov=use_nesterov)
        self._rate = learning_rate
        self._weight_decay = weight_decay
        self._eeta = eeta
        self._epsilon = epsilon
        self._skip = tuple(skip or ())

    def _scaled(self, gradient, variable):
        rate = tf.cast(self._rate, gradient.dtype)
        if any(part in variable.op.name for part in self._skip):
            return rate * gradient
        weight = tf.cast(variable.read_value(), gradient.dtype)
        weight_norm = tf.norm(weight)
        gradient_norm = tf.norm(gradient)
        ratio = self._eeta * weight_norm / (
            gradient_norm + self._weight_decay * weight_norm + self._epsilon)
        usable = tf.logical_and(weight_norm > 0, gradient_norm > 0)
        ratio = tf.where(usable, ratio, tf.ones_like(ratio))
        return rate * ratio * (gradient + self._weight_decay * weight)

    def _apply_dense(self, grad, var):
        return super()._apply_dense(self._scaled(grad, var), var)

    def _resource_apply_dense(self, grad, var):
        return super()._resource_apply_dense(self._scaled(grad, var), var)
