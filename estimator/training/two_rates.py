"""The classifier and the backbone below it at learning rates of their own."""

import tensorflow.compat.v1 as tf

from common import scopes


def backbone_rate(params, plan, step, rate):
    """Rate of the backbone, a float32 scalar: --backbone_lr_scale times `rate`, and 0 through the
    first --head_epochs. step: integer scalar, counts updates."""
    scaled = rate * params.backbone_lr_scale
    if not params.head_epochs:
        return scaled
    first = int(round(params.head_epochs * plan.steps_per_epoch))
    return tf.where(tf.cast(step, tf.int64) < first, tf.zeros_like(scaled), scaled)


class TwoRates(tf.train.Optimizer):
    """Optimizer that leaves each variable to one of two, of the same class or not.

    The variables in the scope `head_scope` are `head`'s, the others `backbone`'s. Slots keep the
    names that one optimizer for all would give them, and Adam's powers of beta are shared, so that
    a checkpoint of one fits both. Only what an Optimizer does to one variable is handed on, so
    whatever wraps an Optimizer wraps this one.
    """

    def __init__(self, backbone, head, head_scope):
        super().__init__(use_locking=False, name='TwoRates')
        self._both = backbone, head
        head._non_slot_dict = backbone._non_slot_dict
        self._head_scope = head_scope

    def _of(self, variable):
        return self._both[scopes.inside(variable.op.name, [self._head_scope])]

    def get_slot(self, var, name):
        """As tf.train.Optimizer's."""
        return self._of(var).get_slot(var, name)

    def get_slot_names(self):
        """As tf.train.Optimizer's."""
        return sorted({name for one in self._both for name in one.get_slot_names()})

    def variables(self):
        """As tf.train.Optimizer's."""
        both = self._both[0].variables() + self._both[1].variables()
        return list({id(variable): variable for variable in both}.values())

    def _create_slots(self, var_list):
        own = [(one, [variable for variable in var_list if self._of(variable) is one])
               for one in self._both]
        for one, variables in own:
            if variables:
                one._create_slots(variables)

    def _prepare(self):
        for one in self._both:
            one._prepare()

    def _apply_dense(self, grad, var):
        return self._of(var)._apply_dense(grad, var)

    def _resource_apply_dense(self, grad, handle):
        return self._of(handle)._resource_apply_dense(grad, handle)

    def _finish(self, update_ops, name_scope):
        return self._both[0]._finish(update_ops, name_scope)     # once, for what both share
