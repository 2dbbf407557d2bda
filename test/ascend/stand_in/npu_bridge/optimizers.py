"""Optimizer wrappers: mean over the ranks, loss scale with the overflow flag of the device."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from npu_bridge import records
from npu_bridge.exchange import exchange
from npu_bridge.signatures import bound

SCOPE = 'npu_stand_in'


def reduce_together(tensors, operation):
    """The tensors summed over all ranks, in one operation."""
    def reduce(*arrays):
        return exchange()(operation, [np.array(array) for array in arrays])

    with tf.name_scope(f'{SCOPE}/'):
        summed = tf.py_func(reduce, tensors, [tensor.dtype for tensor in tensors])
    for one, tensor in zip(summed, tensors):
        one.set_shape(tensor.shape)
    return summed


class _Wrapper(tf.train.Optimizer):
    """Passes on to the optimizer inside."""

    def __init__(self, inside, name):
        super().__init__(use_locking=False, name=name)
        self._inside = inside

    def compute_gradients(self, *args, **kwargs):
        return self._inside.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        return self._inside.apply_gradients(grads_and_vars, global_step, name)

    def get_slot(self, *args, **kwargs):
        return self._inside.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        return self._inside.get_slot_names(*args, **kwargs)

    def variables(self):
        return self._inside.variables()


class NPUDistributedOptimizer(_Wrapper):
    """Gradients become their mean over the ranks."""

    @bound
    def __init__(self, arguments):
        super().__init__(arguments['optimizer'], arguments['name'] or 'Distributed')

    def compute_gradients(self, *args, **kwargs):
        pairs = super().compute_gradients(*args, **kwargs)
        size = int(os.environ.get('RANK_SIZE', '1'))
        if size == 1:
            return pairs
        own = [(tf.convert_to_tensor(g), v) for g, v in pairs if g is not None]
        summed = reduce_together([gradient for gradient, _ in own], 'gradients')
        return [(total / size, v) for total, (_, v) in zip(summed, own)]


class FixedLossScaleManager:
    """The same factor always."""

    @bound
    def __init__(self, arguments):
        if arguments['loss_scale'] < 1:
            raise ValueError('loss scale must be at least 1.')
        self._scale = tf.constant(arguments['loss_scale'], tf.float32)
        self.checks = arguments.get('enable_overflow_check', True)

    def get_loss_scale(self):
        return self._scale

    def update_loss_scale(self, finite_grads):
        del finite_grads
        return tf.no_op()


class ExponentialUpdateLossScaleManager:
    """Grows after good steps, shrinks after bad ones; its state is in checkpoints."""

    checks = True

    @bound
    def __init__(self, arguments):
        self._arguments = arguments
        with tf.variable_scope('loss_scale_manager'):
            self._scale = tf.get_variable('loss_scale', initializer=float(
                arguments['init_loss_scale']), trainable=False)
            self._good = tf.get_variable('num_good_steps', initializer=0, trainable=False)
            self._bad = tf.get_variable('num_bad_steps', initializer=0, trainable=False)

    def get_loss_scale(self):
        return self._scale.read_value()

    def update_loss_scale(self, finite_grads):
        good = tf.where(finite_grads, self._good.read_value() + 1, 0)
        bad = tf.where(finite_grads, self._bad.read_value(), self._bad.read_value() + 1)
        grow = good >= self._arguments['incr_every_n_steps']
        shrink = bad >= self._arguments['decr_every_n_nan_or_inf']
        scale = self._scale.read_value()
        scale = tf.where(grow, scale * self._arguments['incr_ratio'], scale)
        scale = tf.where(shrink, tf.maximum(1.0, scale * self._arguments['decr_ratio']), scale)
        done = tf.logical_or(grow, shrink)
        return tf.group(self._scale.assign(scale), self._good.assign(tf.where(done, 0, good)),
                        self._bad.assign(tf.where(done, 0, bad)))


class NPULossScaleOptimizer(_Wrapper):
    """Scales the loss; an update whose float status is set on any rank is left out."""

    @bound
    def __init__(self, arguments):
        super().__init__(arguments['opt'], 'NPULossScaleOptimizer')
        self._manager = arguments['loss_scale_manager']
        self._distributed = arguments['is_distributed']
        self._updates = 0

    def compute_gradients(self, loss, *args, **kwargs):
        scale = self._manager.get_loss_scale()
        pairs = super().compute_gradients(loss * scale, *args, **kwargs)
        return [(g if g is None else g / scale, v) for g, v in pairs]

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        grads_and_vars = list(grads_and_vars)
        if not self._manager.checks:
            return super().apply_gradients(grads_and_vars, global_step, name)
        with tf.control_dependencies([g for g, _ in grads_and_vars if g is not None]):
            with tf.name_scope(f'{SCOPE}/'):
                status = tf.py_func(self._float_status, [], tf.float32)
        status.set_shape([])
        if self._distributed:
            status, = reduce_together([status], 'float_status')
        finite = tf.equal(status, 0)
        update = tf.cond(finite, lambda: tf.group(self._inside.apply_gradients(
            grads_and_vars, global_step, name)), tf.no_op)
        return tf.group(update, self._manager.update_loss_scale(finite))

    def _float_status(self):
        wanted = os.environ.get('NPU_STAND_IN_OVERFLOW', '').split(',')
        names = (str(self._updates), f'{records.rank()}:{self._updates}')
        self._updates += 1
        return np.float32(any(name in wanted for name in names))
