"""Optimizers by name, LARS and RMSProp against the originals' numbers, accumulation, clipping."""

import json
import os
import types

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

import flags
from common.errors import FlagError
from estimator.training import accumulation, clipping, lars, optimizers
from input.sources import digits
from models import get_network
from models import recipes as shared_recipes

GOLDENS = os.path.join(program.ROOT, 'test', 'goldens', 'common')
PARAMS = dict(momentum=.9, nesterov=False, rmsprop_decay=.9, rmsprop_momentum=.9,
              optimizer_epsilon=.001, adam_beta1=.9, adam_beta2=.999, adadelta_rho=.95,
              adagrad_initial_accumulator_value=.1, ftrl_learning_rate_power=-.5,
              ftrl_initial_accumulator_value=.1, ftrl_l1=0., ftrl_l2=0.,
              lars_weight_decay=1e-5, lars_epsilon=0.)
SLOTS = {'rmsprop': {'v/RMSProp', 'v/RMSProp_1'}, 'sgd': set(), 'momentum': {'v/Momentum'},
         'adam': {'v/Adam', 'v/Adam_1', 'beta1_power', 'beta2_power'}, 'adagrad': {'v/Adagrad'},
         'adadelta': {'v/Adadelta', 'v/Adadelta_1'}, 'ftrl': {'v/Ftrl', 'v/Ftrl_1'},
         'lars': {'v/LARSOptimizer'}}


def _golden(name):
    with open(os.path.join(GOLDENS, name)) as file:
        return json.load(file)


def _make(name, rate=.01, **given):
    return optimizers.make(types.SimpleNamespace(optimizer=name, **dict(PARAMS, **given)), rate)


@pytest.mark.parametrize('name', sorted(optimizers.OPTIMIZERS))
def test_slots_and_descent(name):
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable('v', initializer=[1., -2., 3.], use_resource=True)
        loss = tf.reduce_sum(tf.square(variable))
        train = _make(name, tf.constant(.01)).minimize(loss)
        names = {v.op.name for v in tf.global_variables()}
        session.run(tf.global_variables_initializer())
        before = session.run(loss)
        for _ in range(3):
            session.run(train)
        assert session.run(loss) < before
    assert names == SLOTS[name] | {'v'}


def test_rmsprop_golden():
    golden = _golden('ema_rmsprop.json')['rmsprop']
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable('v', initializer=[1., -2., 3.], use_resource=True)
        gradient = tf.placeholder(tf.float32, [3])
        train = _make('rmsprop').apply_gradients([(gradient, variable)])
        session.run(tf.global_variables_initializer())
        for k, expected in enumerate(golden['weights']):
            session.run(train, {gradient: np.random.RandomState(200 + k).normal(0, 1, 3)})
            np.testing.assert_allclose(session.run(variable), expected, rtol=1e-6)
        for slot in tf.global_variables():
            np.testing.assert_allclose(
                session.run(slot), golden['slots_after'][slot.op.name], rtol=1e-6)


@pytest.mark.parametrize('case', ['skip_default', 'no_skip', 'wd_big_eps_nesterov'])
@pytest.mark.parametrize('resource', [True, False])
def test_lars_golden(case, resource):
    golden = _golden('lars.json')
    shapes = {'dense/kernel': (4, 3), 'dense/bias': (3,), 'batch_normalization/gamma': (3,),
              'zero/kernel': (2, 2)}
    expected = golden['cases'][case]
    given = dict(expected['args'])
    given['skip'] = given.pop('skip_list')
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.get_variable(name, use_resource=resource, initializer=np.reshape(
            np.float32(golden['initial'][name]), shape)) for name, shape in shapes.items()]
        gradients = [tf.placeholder(tf.float32, v.shape) for v in variables]
        optimizer = lars.LARSOptimizer(**given)
        train = optimizer.apply_gradients(list(zip(gradients, variables)))
        session.run(tf.global_variables_initializer())
        for k in range(5):
            draws = [np.random.RandomState(300 + 10 * k + i).normal(0, 1, shape)
                     for i, shape in enumerate(shapes.values())]
            draws[0] = draws[0] * (k != 3)
            session.run(train, dict(zip(gradients, draws)))
            for name, value in zip(shapes, session.run(variables)):
                np.testing.assert_allclose(
                    value.ravel(), expected['weights_after_step'][k][name], atol=1e-6)
        for variable in variables:
            slot = optimizer.get_slot(variable, 'momentum')
            np.testing.assert_allclose(session.run(slot).ravel(),
                                       expected['slots_after5'][slot.op.name], atol=1e-6)


def test_unknown_name():
    with pytest.raises(FlagError, match='rmsprop'):
        _make('rmsporp')


def test_clip():
    with tf.Graph().as_default(), tf.Session() as session:
        pairs = [(tf.constant([3., 0.]), 'a'), (None, 'b'), (tf.constant([4.]), 'c')]
        (first, second), norm = clipping.clip(pairs, 1.)
        assert (first[1], second[1]) == ('a', 'c')
        values = session.run([first[0], second[0], norm])
        untouched = session.run([g for g, _ in clipping.clip(pairs, 10.)[0]])
    np.testing.assert_allclose(np.concatenate(values[:2]), [.6, 0, .8], rtol=1e-6)
    assert values[2] == 5 and untouched[0].tolist() == [3, 0]


def _linear_run(micro_steps, clip_norm, updates=4):
    """Weights and step after `updates` updates of batch 12 in `micro_steps` parts."""
    draws = np.random.RandomState(0)
    x, y = draws.normal(size=(48, 3)), draws.normal(size=48)
    with tf.Graph().as_default(), tf.Session() as session:
        weight = tf.get_variable('w', initializer=[1., 2., 3.], use_resource=True)
        inputs, target = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None])
        loss = tf.reduce_mean(tf.square(tf.reduce_sum(inputs * weight, 1) - target))
        step = tf.train.get_or_create_global_step()
        optimizer = accumulation.Accumulator(_make('rmsprop', .05), micro_steps, clip_norm)
        train = optimizer.apply_gradients(optimizer.compute_gradients(loss), step)
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        due = []
        for part in range(updates * micro_steps):
            rows = slice(part * 12 // micro_steps, (part + 1) * 12 // micro_steps)
            _, now = session.run([train, optimizer.due], {inputs: x[rows], target: y[rows]})
            due.append(bool(now))
        assert due == ([False] * (micro_steps - 1) + [True]) * updates
        return session.run([weight, step])


@pytest.mark.parametrize('clip_norm', [0., .5])
def test_accumulation_equals_one_batch(clip_norm):
    weight, step = _linear_run(1, clip_norm)
    parts, parts_step = _linear_run(3, clip_norm)
    assert step == parts_step == 4
    np.testing.assert_allclose(parts, weight, rtol=1e-5)


FAMILIES = ('mixnet-s', 'mnasnet-a1', 'efficientnet-b0', 'efficientnet-condconv-b0-4e',
            'mobilenet_v2', 'mobilenet_v1', 'mnasnet1_0')


@pytest.mark.parametrize('name', sorted(optimizers.OPTIMIZERS))
def test_every_optimizer_takes_a_step_with_every_recipe(name):
    recipes = [(f'{network}, {recipe}', values) for network in FAMILIES
               for recipe, values in get_network(network).recipes.items()]
    recipes += [('digits', digits.RECIPE)] + sorted(shared_recipes.SHARED.items())
    assert len(recipes) >= 8
    for recipe, values in recipes:
        params = flags.merge(flags.parse(['main.py', f'--optimizer={name}']), [(recipe, values)])
        if values.get('optimizer') != name:         # an epsilon of another optimizer is not taken
            assert params.optimizer_epsilon is None
        with tf.Graph().as_default(), tf.Session() as session:
            variable = tf.get_variable('v', initializer=[1., -2., 3.], use_resource=True)
            train = optimizers.make(params, tf.constant(.01)).minimize(
                tf.reduce_sum(tf.square(variable)))
            session.run(tf.global_variables_initializer())
            session.run(train)
            after = session.run(variable)
        assert np.isfinite(after).all() and not np.array_equal(after, [1., -2., 3.]), recipe


def test_an_epsilon_goes_with_its_optimizer():
    recipe = [('recipe', {'optimizer': 'rmsprop', 'optimizer_epsilon': 1.0})]

    def epsilon(*words):
        return flags.merge(flags.parse(['main.py'] + list(words)), recipe).optimizer_epsilon
    assert epsilon() == epsilon('--optimizer=rmsprop') == 1.0
    assert epsilon('--optimizer=adam') is None
    assert epsilon('--optimizer=adam', '--optimizer_epsilon=0.1') == 0.1
