"""The training head on replicas and micro-batches equals one device with the global batch."""

import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import flags
from estimator import model_fn
from estimator import run as run_lib
from estimator.devices import session
from estimator.hooks import published, saver
from models import initializers, layers, mixnet, norm

BATCH, STEPS = 12, (3, 2)
DRAWS = np.random.RandomState(0)
IMAGES = DRAWS.normal(size=(24, 4, 4, 3)).astype('f')
LABELS = DRAWS.randint(0, 5, 24)
# An epoch has two steps: the backbone starts with the third.
TWO_RATES = dict(backbone_lr_scale=.1, head_epochs=1, optimizer='adam', learning_rate=.05,
                 gradient_clip_norm=.5)
ONE_RATE = dict(TWO_RATES, backbone_lr_scale=1, head_epochs=0)


def _build(seeds, images, training=False, seed=None, num_classes=5, device=None,
           frozen=(), weights_only=False):
    """No random choice, no batch statistics in the way of the loss; but a seed, and statistics."""
    del device, weights_only
    options = mixnet.NETWORKS[0].options()
    settings = layers.Settings(
        training=training, seed=None, data_format='NHWC', momentum=.9, epsilon=1e-3,
        biased_variance=False, symmetric=False, device=None, folded=True,
        batch_statistics=training, frozen=frozen,
        leaves=mixnet.NETWORKS[0].plan(options)[1].leaves, initializers=initializers.TPU)
    told = [tf.py_func(lambda pair: seeds.append(tuple(pair)), [seed], [])] if training else []
    with tf.control_dependencies(told):
        kernel = layers.kernel_of('net/conv', [3, 3, 3, 8], settings)
        x = layers.convolve(images, kernel, settings, stride=2)
    norm.batch_norm([x], 'net/norm', settings)
    logits = layers.dense(layers.global_pool(tf.nn.relu(x), settings), 'net/dense', num_classes,
                          settings)
    return logits, {}


def _variables():
    return [v for v in tf.global_variables() if v.name.startswith('net/')
            and v.name.split(':')[0].split('/')[-1] in ('kernel', 'bias', 'moving_mean')]


def _decay(weight_decay, rule=None):
    return weight_decay * tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()])


class _Shown(tf.train.SessionRunHook):
    def __init__(self):
        self.rows = []

    def before_run(self, run_context):
        return tf.train.SessionRunArgs([published.tensor(name) for name in (
            'loss', 'gradient_norm', 'train_accuracy')])

    def after_run(self, run_context, run_values):
        self.rows.append(run_values.results)


@session.without_autograph
def _train(directory, replicas, parts=1, runs=STEPS, **changes):
    """(variables, loss, norm and accuracy of every run, seeds) after each of `runs`."""
    params = flags.make(**dict(dict(
        model_dir=str(directory), model_name='mixnet-s', num_devices=replicas, device='cpu',
        train_batch_size=BATCH // replicas // parts, gradient_accumulation_steps=parts,
        train_steps=9, learning_rate=.5, optimizer='momentum', momentum=.9, weight_decay=1e-2,
        moving_average_decay=.99, lr_schedule='constant', seed=7, save_summary_steps=0), **changes))
    seeds, shown = [], _Shown()
    run = run_lib.prepare(params, len(IMAGES), {'num_classes': 5}, 'net/dense')
    function = model_fn.build(functools.partial(_build, seeds), _decay, _variables, run)
    for step, more in zip((0, runs[0]), runs):
        def input_fn(batch=params.train_batch_size, used=step * BATCH):
            data = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).repeat().skip(used)
            return data.batch(batch, True).map(lambda x, y: ({'image': x}, {'label': y}))

        estimator = session.make_estimator(function, run, str(directory), save=(None, None))
        estimator.train(input_fn, steps=more,
                        hooks=[shown, saver.Saver(str(directory), save_steps=100)])
    values = {name: estimator.get_variable_value(name) for name in estimator.get_variable_names()}
    return values, np.array(shown.rows), sorted(seeds)


@pytest.fixture(scope='module')
def same_start(tmp_path_factory):
    """Every run starts with the weights one device starts with."""
    held = {}
    make = layers.variable

    def variable(name, shape, initializer):
        if name not in held:
            held[name] = np.random.RandomState(len(held)).normal(size=shape).astype('f')
        return make(name, shape, tf.constant_initializer(held[name]))

    layers.variable = variable
    yield
    layers.variable = make


@pytest.fixture(scope='module')
def alone(tmp_path_factory, same_start):
    """_train on one device, each set of changes once."""
    done = {}

    def train(changes):
        key = str(sorted(changes.items()))
        if key not in done:
            done[key] = _train(tmp_path_factory.mktemp('one'), 1, **changes)
        return done[key]
    return train


@pytest.mark.parametrize('replicas, parts, changes', [
    (2, 1, {}), (2, 3, {'gradient_clip_norm': .05}), (1, 2, {'loss_scale': 8}),
    (2, 1, {'loss_scale': 'dynamic', 'gradient_clip_norm': .05}), (2, 3, TWO_RATES)],
    ids=['replicas', 'both', 'parts', 'scaled', 'two rates'])
def test_equals_one_device(tmp_path, alone, replicas, parts, changes):
    one, shown_alone, seeds = alone(changes)
    assert seeds == [(7, step) for step in range(sum(STEPS))]
    many, shown, draws = _train(tmp_path / 'many', replicas, parts, **changes)
    assert one['global_step'] == many['global_step'] == sum(STEPS)
    assert set(one) == set(many)
    for name in one:
        # Each replica has a variance of its own, each micro-batch moves the statistics.
        if name != 'net/norm/moving_variance' and not (parts > 1 and 'net/norm' in name):
            np.testing.assert_allclose(many[name], one[name], atol=1e-6, err_msg=name)
    shown = shown.reshape(sum(STEPS), parts, 3)
    np.testing.assert_allclose(shown[:, -1, 1], shown_alone[:, 1], rtol=1e-5)    # its norm
    np.testing.assert_allclose(shown.mean(1)[:, [0, 2]], shown_alone[:, [0, 2]], rtol=1e-5)
    assert len(set(draws)) == len(draws) == sum(STEPS) * replicas * parts
    assert set(seeds) <= set(draws)


def test_two_rates_go_on_where_they_stopped(tmp_path, alone):
    whole, _, _ = _train(tmp_path / 'whole', 1, runs=(sum(STEPS),), **TWO_RATES)
    parts, _, _ = alone(TWO_RATES)
    assert set(whole) == set(parts)
    for name in whole:
        np.testing.assert_array_equal(parts[name], whole[name], err_msg=name)


@pytest.mark.parametrize('order', [(TWO_RATES, ONE_RATE), (ONE_RATE, TWO_RATES)],
                         ids=['to one rate', 'to two'])
def test_a_run_goes_on_with_another_number_of_rates(tmp_path, same_start, order):
    for steps, changes in zip(STEPS, order):
        values, _, _ = _train(tmp_path, 1, runs=(steps,), **changes)
    assert values['global_step'] == sum(STEPS)
    np.testing.assert_allclose(values['beta1_power'], .9 ** (sum(STEPS) + 1), rtol=1e-6)
