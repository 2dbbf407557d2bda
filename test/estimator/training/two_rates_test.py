"""A backbone and a classifier at learning rates of their own."""

import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import flags
from estimator import updates
from estimator.training import optimizers, two_rates
from models import get_network, network_names

START = {'net/stem/kernel': [1., -2.], 'net/head/kernel': [3., 4.], 'net/header/kernel': [5.]}


def _run(make, steps=3):
    """({variable: value after each step}, names of all variables) of an optimizer of a rate."""
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.get_variable(name, initializer=value, use_resource=True)
                     for name, value in START.items()]
        train = make().minimize(tf.add_n([tf.reduce_sum(tf.square(v)) for v in variables]))
        session.run(tf.global_variables_initializer())
        rows = []
        for _ in range(steps):
            session.run(train)
            rows.append(dict(zip(START, session.run(variables))))
        return rows, {v.op.name for v in tf.global_variables()}


def _both(name, backbone, head):
    params = flags.make(optimizer=name)
    return lambda: two_rates.TwoRates(optimizers.make(params, backbone),
                                      optimizers.make(params, head), 'net/head')


@pytest.mark.parametrize('name', sorted(optimizers.OPTIMIZERS))
def test_each_part_moves_as_it_does_alone(name):
    params = flags.make(optimizer=name)
    apart, names = _run(_both(name, .01, .1))
    for rate, mine in (.01, ('net/stem/kernel', 'net/header/kernel')), (.1, ('net/head/kernel',)):
        alone, plain = _run(lambda rate=rate: optimizers.make(params, rate))
        for row, expected in zip(apart, alone):
            for key in mine:
                np.testing.assert_allclose(row[key], expected[key], rtol=1e-6)
    assert names == plain       # a checkpoint of one optimizer fits both, and the other way round


def test_the_backbone_waits_for_the_classifier():
    params = flags.make(backbone_lr_scale=.1, head_epochs=1.5)
    plan = types.SimpleNamespace(steps_per_epoch=4.)
    with tf.Graph().as_default(), tf.Session() as session:
        rates = [session.run(two_rates.backbone_rate(params, plan, step, tf.constant(.5)))
                 for step in (0, 5, 6, 100)]
    np.testing.assert_allclose(rates, [0, 0, .05, .05])


@pytest.mark.parametrize('name', network_names())
def test_the_classifier_is_what_a_class_count_changes(name):
    network = get_network(name)
    few, more = network.variables(num_classes=3), network.variables(num_classes=4)
    scope = network.head_scope(num_classes=3)
    assert {key for key in few if few[key] != more[key]} == {
        key for key in few if key.startswith(f'{scope}/')}


def test_a_scale_of_nothing_trains_the_classifier_alone():
    with tf.Graph().as_default():
        for name, value in START.items():
            tf.get_variable(name, initializer=value, use_resource=True)
        found = updates.trained_variables(flags.make(backbone_lr_scale=0), 'net/head')
        assert [v.op.name for v in found] == ['net/head/kernel']
