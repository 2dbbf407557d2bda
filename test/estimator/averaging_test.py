"""Moving averages: both orders, names, two replicas, reading them in an evaluation graph."""

import json
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from estimator.training import accumulation, averaging

GOLDENS = os.path.join(os.path.dirname(__file__), '..', 'goldens', 'common', 'ema_rmsprop.json')


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


def _network(inputs, training):
    """A weight and one batch statistic, made as the networks make theirs."""
    weight = tf.get_variable('net/kernel', [2, 1], use_resource=True,
                             initializer=tf.ones_initializer(),
                             regularizer=lambda value: tf.reduce_sum(value))
    mean = tf.get_variable(
        'net/moving_mean', [2], initializer=tf.zeros_initializer(), trainable=False,
        use_resource=True, aggregation=tf.VariableAggregation.MEAN,
        synchronization=tf.VariableSynchronization.ON_READ)
    if training:
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, mean.assign_sub(
            (mean.read_value() - tf.reduce_mean(inputs, 0)) * .1))
    centred = inputs if training else inputs - mean
    return tf.matmul(centred, weight)[:, 0], [weight, mean]


def _model_fn(features, labels, mode, params):
    if mode == tf.estimator.ModeKeys.EVAL:
        raw, _ = _network(features, False)
        with tf.variable_scope('', custom_getter=averaging.shadow_getter, reuse=tf.AUTO_REUSE):
            averaged, _ = _network(features, False)
        return tf.estimator.EstimatorSpec(
            mode, loss=tf.reduce_mean(raw),
            eval_metric_ops={'averaged': tf.metrics.mean(averaged)})
    outputs, variables = _network(features, True)
    loss = tf.reduce_mean(tf.square(outputs - labels))
    step = tf.train.get_or_create_global_step()
    optimizer = tf.train.RMSPropOptimizer(.05, .9, .9)
    optimizer = accumulation.Accumulator(optimizer, params['parts'], .5)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        gradients = optimizer.compute_gradients(loss)
    with tf.control_dependencies([optimizer.apply_gradients(gradients, step)]):
        train = averaging.MovingAverage(.9999).apply(variables, step, when=optimizer.due)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)


def _train(directory, replicas, parts=1):
    """Variables after two calls of train, global batch 12, and the evaluation's metrics."""
    draws = np.random.RandomState(0)
    x, y = draws.normal(size=(24, 2)).astype('f'), draws.normal(size=24).astype('f')

    def input_fn(batch=12 // replicas // parts):
        return tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(batch, True)

    devices = [f'/cpu:{index}' for index in range(replicas)]
    strategy = tf.distribute.MirroredStrategy(devices) if replicas > 1 else None
    config = tf.estimator.RunConfig(
        train_distribute=strategy, session_config=tf.ConfigProto(device_count={'CPU': 2}))
    estimator = tf.estimator.Estimator(_model_fn, str(directory), config, {'parts': parts})
    estimator.train(input_fn, steps=3)
    estimator.train(input_fn, steps=2)
    metrics = estimator.evaluate(lambda: input_fn(24), steps=1)
    values = {name: estimator.get_variable_value(name) for name in estimator.get_variable_names()}
    return values, metrics, x


def test_replicas_and_parts_equal_one_device(tmp_path):
    one, metrics, x = _train(tmp_path / 'one', 1)
    shadow = one['net/kernel/ExponentialMovingAverage']
    mean = one['net/moving_mean/ExponentialMovingAverage']
    assert np.abs(shadow - one['net/kernel']).max() > 1e-3 and np.abs(mean).max() > 1e-4
    np.testing.assert_allclose(metrics['averaged'], ((x - mean) @ shadow).mean(), rtol=1e-4)
    two, metrics, _ = _train(tmp_path / 'two', 2)
    assert set(two) == set(one)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(metrics['averaged'], ((x - mean) @ shadow).mean(), rtol=1e-4)
    parts, _, _ = _train(tmp_path / 'parts', 2, parts=2)
    assert parts['global_step'] == 5
    np.testing.assert_allclose(parts['net/kernel/ExponentialMovingAverage'], shadow, rtol=1e-4)


def test_shadow_getter_names_and_collections():
    with tf.Graph().as_default():
        inputs = tf.zeros([1, 2])
        _network(inputs, False)
        with tf.variable_scope(tf.get_variable_scope(), custom_getter=averaging.shadow_getter,
                               reuse=tf.AUTO_REUSE):
            _network(inputs, False)
        assert [v.op.name for v in tf.trainable_variables()] == ['net/kernel']
        assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 1
        assert [v.op.name for v in tf.global_variables()][2:] == [
            averaging.shadow_name('net/kernel'), averaging.shadow_name('net/moving_mean')]
