"""Moving averages: both orders, names, reading them in an evaluation graph."""

import json
import os

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

from estimator.training import averaging

GOLDENS = os.path.join(program.ROOT, 'test', 'goldens', 'common', 'ema_rmsprop.json')


def _golden():
    with open(GOLDENS) as file:
        return json.load(file)


def test_ramp_golden():
    steps = _golden()['ramp']
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int64, [])
        ramp = averaging.MovingAverage(.9999).ramp(step)
        for at, expected in steps.items():
            np.testing.assert_allclose(session.run(ramp, {step: int(at)}), expected, rtol=1e-7)


@pytest.mark.parametrize('order', ['efficientnet_order', 'ascend_order'])
@pytest.mark.parametrize('resource', [True, False])
def test_order_golden(order, resource):
    with tf.Graph().as_default(), tf.Session() as session:
        weight = tf.get_variable('v', initializer=[1., -2., 3.], use_resource=resource)
        step = tf.train.get_or_create_global_step()
        gradient = tf.placeholder(tf.float32, [3])
        average = averaging.MovingAverage(.9999)
        optimizer = tf.train.GradientDescentOptimizer(.5)
        if order == 'efficientnet_order':
            with tf.control_dependencies([optimizer.apply_gradients([(gradient, weight)], step)]):
                train = average.apply([weight], step)
        else:
            with tf.control_dependencies([average.apply([weight], step)]):
                train = optimizer.apply_gradients([(tf.identity(gradient), weight)], step)
        shadow, = [v for v in tf.global_variables() if v.op.name == 'v/ExponentialMovingAverage']
        session.run(tf.global_variables_initializer())
        for k, expected in enumerate(_golden()[order]['steps']):
            session.run(train, {gradient: np.random.RandomState(200 + k).normal(0, 1, 3)})
            values = session.run([weight, shadow])
            np.testing.assert_allclose(values[0], expected['weight'], rtol=1e-6)
            np.testing.assert_allclose(values[1], expected['shadow'], rtol=1e-6)


def _network():
    """A weight and one batch statistic, made as the networks make theirs."""
    tf.get_variable('net/kernel', [2, 1], use_resource=True, initializer=tf.ones_initializer(),
                    regularizer=lambda value: tf.reduce_sum(value))
    tf.get_variable('net/moving_mean', [2], initializer=tf.zeros_initializer(), trainable=False,
                    use_resource=True, aggregation=tf.VariableAggregation.MEAN)


def test_shadow_getter_names_and_collections():
    with tf.Graph().as_default():
        _network()
        with tf.variable_scope(tf.get_variable_scope(), custom_getter=averaging.shadow_getter,
                               reuse=tf.AUTO_REUSE):
            _network()
        assert [v.op.name for v in tf.trainable_variables()] == ['net/kernel']
        assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 1
        assert [v.op.name for v in tf.global_variables()][2:] == [
            averaging.shadow_name('net/kernel'), averaging.shadow_name('net/moving_mean')]
