"""A model_dir of an original: the names in its checkpoints are ours, and training goes on there."""

import functools

import golden_tools
import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

import flags
from estimator import model_fn
from estimator import run as run_lib
from models import get_network

SHADOW = '/ExponentialMovingAverage'
SLOTS = {'rmsprop': ('/RMSProp', '/RMSProp_1'), 'momentum': ('/Momentum',), 'sgd': ()}
STEP = 1000
# A value for each kind of variable that one step must turn into another known one.
MEAN_SQUARE, MOMENT, AVERAGE = 4.0, 1e-3, 0.25


def names_in_the_original(model, recipe):
    """{name: shape} of what the original's Estimator saves under a recipe."""
    rows = golden_tools.read_json(model, 'variables')['variables']
    names = {row['name']: row['shape'] for row in rows}
    for row in rows:
        if row['trainable']:
            names.update({row['name'] + slot: row['shape'] for slot in SLOTS[recipe['optimizer']]})
        if recipe.get('moving_average_decay'):
            names[row['name'] + SHADOW] = row['shape']
    return dict(names, global_step=[])


# Of mixnet-s and mnasnet-a1: test_training_goes_on_with_slots_and_averages.
@pytest.mark.parametrize('model, recipe', [
    ('mobilenet_v1_1.0', None),
    pytest.param('mobilenet_v2_1.4_ascend', 'ascend', marks=pytest.mark.slow),
    pytest.param('efficientnet-b0', None, marks=pytest.mark.slow),
    pytest.param('efficientnet-condconv-b0-8e', None, marks=pytest.mark.slow)])
def test_saved_names_are_the_originals(model, recipe):
    name, overrides = golden_tools.MODELS[model]
    network = get_network(name)
    source = network.recipe_named(recipe)
    params = flags.merge(flags.parse(['main.py', f'--model_name={name}']), [source])
    params = params._replace(train_epochs=None, train_steps=10, **overrides)
    run = run_lib.prepare(params, 64, run_lib.arguments(network, params, network.num_classes))
    with tf.Graph().as_default():
        images = tf.zeros([2, 32, 32, 3])
        network.model_fn_builder(functools.partial(model_fn.build, run=run))(
            {'image': images}, {'label': tf.zeros([2], tf.int64)}, tf.estimator.ModeKeys.TRAIN)
        ours = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    assert ours == names_in_the_original(model, source[1])


def value_of(name):
    """What the original left in a variable."""
    if name == 'global_step':
        return np.int64(STEP)
    for suffix, value in (('/RMSProp', MEAN_SQUARE), ('/RMSProp_1', MOMENT), (SHADOW, AVERAGE),
                          ('beta', 0.0), ('bias', 0.0), ('moving_mean', 0.0)):
        if name.endswith(suffix):
            return np.float32(value)
    return np.float32(1)


def write_original(directory, model, recipe):
    """A checkpoint with the original's names, as its own Saver would have written it."""
    prefix = str(directory / f'model.ckpt-{STEP}')
    names = sorted(names_in_the_original(model, recipe).items())
    with tf.Graph().as_default(), golden_tools.session() as session_:
        # One operation, the Saver's own, instead of a thousand variables.
        values = [tf.fill(shape, value_of(name)) for name, shape in names]
        session_.run(tf.raw_ops.SaveV2(
            prefix=prefix, tensor_names=[name for name, _ in names],
            shape_and_slices=[''] * len(names), tensors=values))
    tf.train.update_checkpoint_state(str(directory), prefix)


@pytest.mark.parametrize('model, count', [
    ('mnasnet-a1', None), pytest.param('mixnet-s', 1193, marks=pytest.mark.slow)])
def test_training_goes_on_with_slots_and_averages(tmp_path, model, count):
    recipe = get_network(model).recipe
    write_original(tmp_path, model, recipe)
    rate = 1e-12
    code, result = program.run(
        tmp_path, model_name=model, mode='train', train_steps=STEP + 1, learning_rate=rate,
        num_label_classes=1000, moving_average_decay=0.9999, dropout_rate=0, optimizer='rmsprop')
    assert code == 0 and result['global_step'] == STEP + 1
    after = program.variables(tmp_path)
    saved = {name: list(np.shape(value)) for name, value in after.items()}
    assert saved == names_in_the_original(model, recipe)
    assert count is None or len(saved) == count
    decay = min(0.9999, (1 + STEP + 1) / (10 + STEP + 1))
    for name in [name[:-len('/RMSProp')] for name in after if name.endswith('/RMSProp')]:
        start = value_of(name)
        moment = recipe['rmsprop_momentum'] * MOMENT
        np.testing.assert_allclose(after[name + '/RMSProp_1'], moment, rtol=1e-5)
        np.testing.assert_allclose(after[name], start - moment, atol=1e-6)
        assert after[name + '/RMSProp'].min() >= recipe['rmsprop_decay'] * MEAN_SQUARE - 1e-5
        np.testing.assert_allclose(
            after[name + SHADOW], decay * AVERAGE + (1 - decay) * (start - moment), atol=1e-6)
