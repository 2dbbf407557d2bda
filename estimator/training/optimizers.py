"""Optimizers by name; the TF1 classes, whose slot names the originals' checkpoints have."""

import tensorflow.compat.v1 as tf

from common.errors import FlagError
from estimator.training import lars


def _epsilon(params):
    """--optimizer_epsilon, or nothing: TensorFlow's own, 1e-10 of RMSProp, 1e-8 of the others."""
    return {} if params.optimizer_epsilon is None else {'epsilon': params.optimizer_epsilon}


def _rmsprop(params, rate):
    return tf.train.RMSPropOptimizer(rate, decay=params.rmsprop_decay,
                                     momentum=params.rmsprop_momentum, **_epsilon(params))


def _momentum(params, rate):
    return tf.train.MomentumOptimizer(rate, params.momentum, use_nesterov=bool(params.nesterov))


def _adam(params, rate):
    return tf.train.AdamOptimizer(rate, beta1=params.adam_beta1, beta2=params.adam_beta2,
                                  **_epsilon(params))


def _adagrad(params, rate):
    return tf.train.AdagradOptimizer(
        rate, initial_accumulator_value=params.adagrad_initial_accumulator_value)


def _adadelta(params, rate):
    return tf.train.AdadeltaOptimizer(rate, rho=params.adadelta_rho, **_epsilon(params))


def _ftrl(params, rate):
    return tf.train.FtrlOptimizer(rate, learning_rate_power=params.ftrl_learning_rate_power,
                                  initial_accumulator_value=params.ftrl_initial_accumulator_value,
                                  l1_regularization_strength=params.ftrl_l1,
                                  l2_regularization_strength=params.ftrl_l2)


def _lars(params, rate):
    return lars.LARSOptimizer(rate, momentum=params.momentum,
                              weight_decay=params.lars_weight_decay,
                              epsilon=params.lars_epsilon, use_nesterov=bool(params.nesterov))


OPTIMIZERS = {
    'rmsprop': _rmsprop,    # slots RMSProp (starts at one), RMSProp_1; epsilon inside the root
    'sgd': lambda params, rate: tf.train.GradientDescentOptimizer(rate),
    'momentum': _momentum,  # slot Momentum
    'adam': _adam,
    'adagrad': _adagrad,
    'adadelta': _adadelta,
    'ftrl': _ftrl,
    'lars': _lars,          # slot LARSOptimizer
}


def make(params, learning_rate):
    """tf.train.Optimizer of params.optimizer; learning_rate: float or float32 scalar tensor."""
    if params.optimizer not in OPTIMIZERS:
        raise FlagError(f'Unknown --optimizer={params.optimizer}; '
                        f'one of {", ".join(sorted(OPTIMIZERS))}.')
    return OPTIMIZERS[params.optimizer](params, learning_rate)
