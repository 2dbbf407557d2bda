"""Exponential moving average of weights and batch-norm statistics, on one or many replicas."""

import tensorflow.compat.v1 as tf

from estimator.training import clipping

SUFFIX = 'ExponentialMovingAverage'


def shadow_name(name):
    """Name of the average of the variable `name`, as tf.train.ExponentialMovingAverage has it."""
    return f'{name}/{SUFFIX}'


def shadow_getter(getter, name, *args, **kwargs):
    """custom_getter: a network built under it has the averages as its variables."""
    kwargs.update(trainable=False, regularizer=None)
    return getter(shadow_name(name), *args, **kwargs)


class MovingAverage:
    """Shadow variables that follow the weights: shadow -= (1 - d) (shadow - weight).

    d = min(decay, (1 + t) / (10 + t)), t = global step when the average is taken. The originals
    differ in when: the TPU models after the update, step already incremented (build `apply` under
    a control dependency on the train op), the Ascend MobileNet before it (make the train op
    depend on `apply`).
    NOTE: not tf.train.ExponentialMovingAverage, which fails under MirroredStrategy.
    """

    def __init__(self, decay):
        self.decay = decay

    def ramp(self, step):
        """Decay at `step` (integer scalar), a float32 scalar tensor."""
        # The sums stay integers: TF 1.15's graph optimizer moves a cast in front of the read of a
        # ref variable and loses the read's control dependency on the train op.
        ramp = tf.cast(step + 1, tf.float32) / tf.cast(step + 10, tf.float32)
        return tf.minimum(tf.constant(self.decay, tf.float32), ramp)

    def apply(self, variables, global_step, when=None):
        """Op that creates the shadows and takes one average.

        variables: those of the network, in replica or single-device context; global_step: its
        variable; when: boolean tensor, false skips this average (accumulating micro-steps).
        """
        variables = list(variables)
        with clipping.outermost():
            shadows = [_shadow(variable) for variable in variables]
        if not tf.distribute.has_strategy():
            rate = self._rate(global_step.read_value(), when)
            return tf.group(*[_follow(shadow, variable.value(), rate)
                              for shadow, variable in zip(shadows, variables)])

        def across_replicas(strategy, when):
            first = None if when is None else strategy.experimental_local_results(when)[0]
            rate = self._rate(strategy.extended.read_var(global_step), first)
            ops = [strategy.extended.update(shadow, _follow, group=False,
                                            args=(variable, rate))
                   for shadow, variable in zip(shadows, variables)]
            return tf.group(*[part for op in ops
                              for part in strategy.experimental_local_results(op)])

        return tf.distribute.get_replica_context().merge_call(across_replicas, args=(when,))

    def _rate(self, step, when):
        rate = 1.0 - self.ramp(step)
        return rate if when is None else tf.where(when, rate, tf.zeros_like(rate))


def _follow(shadow, value, rate):
    value = tf.convert_to_tensor(value)
    return shadow.assign_sub((shadow.value() - value) * tf.cast(rate, value.dtype),
                             read_value=False)


def _shadow(variable):
    """The shadow of one variable, starting at that variable's initial value."""
    name = variable.name.split(':')[0]
    return tf.get_variable(
        shadow_name(name), shape=variable.shape, dtype=variable.dtype.base_dtype,
        initializer=lambda *args, **kwargs: variable.initial_value, trainable=False,
        use_resource=True, aggregation=tf.VariableAggregation.MEAN)
