"""Every name: sizes, cost, options; behaviour in training. Numbers: test/models_golden_test.py."""

import golden_tools
import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

from models import get_network, layers, network_names, noise

# Trainable parameters and moving statistics, counted on the originals.
SIZES = (
    ('mnasnet-a1', {}, 3887038, 33488),
    ('mnasnet-a1', {'depth_multiplier': 0.35}, 1747018, None),
    ('mnasnet-a1', {'depth_multiplier': 0.5}, 2082006, None),
    ('mnasnet-a1', {'depth_multiplier': 0.75}, 2912278, None),
    ('mnasnet-a1', {'depth_multiplier': 1.4}, 6105992, None),
    ('mnasnet-b1', {}, 4383312, 37920),
    ('mnasnet-b1', {'depth_multiplier': 0.5}, 2218512, None),
    ('mnasnet-b1', {'depth_multiplier': 1.4}, 7115728, None),
    ('mnasnet-small', {}, 2030264, 16928),
    ('mnasnet-d1', {}, 3638404, 48024),
    ('mnasnet-d1', {'use_keras': True}, 3638404, 48024),
    ('mnasnet-d1-320', {}, 6932240, 82192),
    ('mixnet-s', {}, 4134606, 32192),
    ('mixnet-m', {}, 5014382, 41712),
    ('mixnet-l', {}, 7329252, 54272),
    ('mixnet-m', {'depth_multiplier': 1.3}, 7329252, 54272),
    ('mixnet-l', {'depth_multiplier': 1.0}, 5014382, 41712),    # replaces the 1.3
    ('efficientnet-b0', {}, 5288548, 42016),
    ('efficientnet-b1', {}, 7794184, 62048),
    ('efficientnet-b2', {}, 9109994, None),
    ('efficientnet-b3', {}, 12233232, None),
    ('efficientnet-b4', {}, 19341616, None),
    ('efficientnet-b5', {}, 30389784, None),
    ('efficientnet-b6', {}, 43040704, None),
    ('efficientnet-b7', {}, 66347960, None),
    ('efficientnet-b8', {}, 87413142, None),
    ('efficientnet-l2', {}, 480309308, None),
    ('efficientnet-condconv-b0-4e', {}, 13314116, 42016),
    ('efficientnet-condconv-b0-8e', {}, 24013284, 42016),
    ('efficientnet-condconv-b0-8e-depth', {}, 39715968, 62048),
    ('mobilenet_v2', {}, 3506153, 34112),
    ('mobilenet_v2', {'classifier': 'fc'}, 3506153, 34112),
    ('mobilenet_v2_035', {}, 1678409, None),
    ('mobilenet_v2_050', {}, 1969961, None),
    ('mobilenet_v2_075', {}, 2637705, None),
    ('mobilenet_v2_075', {'finegrain': False}, 2239945, None),
    ('mobilenet_v2_130', {}, 5388457, None),
    ('mobilenet_v2_140', {}, 6110569, None),
    ('mobilenet_v1', {}, 4233001, None),
    ('mobilenet_v1', {'num_classes': 10}, 3217226, None),
    ('mobilenet_v1_075', {}, 2586329, None),
    ('mobilenet_v1_050', {}, 1332105, None),
    ('mobilenet_v1_025', {}, 470329, None),
    ('mnasnet0_5', {}, 2218512, None),
    ('mnasnet0_75', {}, 3170208, None),
    ('mnasnet1_0', {}, 4383312, 37920),
    ('mnasnet1_3', {}, 6282256, None),
)

# One small network a family; the larger ones wait for the slow run.
SMALL = (pytest.param('mixnet-s', marks=pytest.mark.slow),
         'mnasnet-small',
         pytest.param('efficientnet-b0', marks=pytest.mark.slow),
         'efficientnet-condconv-b0-4e', 'mobilenet_v2_035', 'mobilenet_v1_025', 'mnasnet0_5')
# Half as many repeats of their blocks, where the number of blocks is not what a test is about.
HALF = {name: {'depth_coefficient': 0.5} for name in (
    'efficientnet-b0', 'efficientnet-condconv-b0-4e', 'mobilenet_v2_035')}


# One of each form is built in the quick run; the others, of more widths and depths, in the slow.
BUILT = (('mnasnet-small', {}), ('mnasnet-d1', {'use_keras': True}), ('mixnet-s', {}),
         ('efficientnet-b0', {}), ('efficientnet-condconv-b0-4e', {}), ('mobilenet_v2_035', {}),
         ('mobilenet_v2', {'classifier': 'fc'}), ('mobilenet_v2_075', {'finegrain': False}),
         ('mobilenet_v1', {'num_classes': 10}), ('mobilenet_v1_025', {}), ('mnasnet0_5', {}))


# Standard deviation of a variable's first values, by the originals' initialisers.
DEVIATIONS = {
    'mixnet-s': ('mixnet-s/mixnet_model/head/conv2d_79/kernel', (2 / 1536) ** 0.5),
    'mobilenet_v1_025': ('MobilenetV1/Conv2d_13_pointwise/weights', 0.09 * 0.8796),
    'efficientnet-condconv-b0-4e': (
        'efficientnet-condconv-b0-4e/model/blocks_15/cond_conv2d_22/condconv_kernel',
        (2 / 1152) ** 0.5),
    'mnasnet0_5': ('mnasnet0_5/head/dense/kernel', (3 / 1000) ** 0.5 / 3 ** 0.5),
}
# A new classifier of few classes begins like one of a thousand, whose loss is guessing's.
NEW_CLASSIFIER = {'mnasnet-small': 3000 ** -0.5, 'mnasnet0_5': 1000 ** -0.5}


def count(variables):
    return sum(v.shape.num_elements() for v in variables)


def first_deviation(session, ending):
    """Standard deviation of the first values of the variable whose name ends like this."""
    target, = [v for v in tf.global_variables() if v.op.name.endswith(ending)]
    session.run(target.initializer)
    return session.run(target).std()


@pytest.mark.parametrize('name, overrides, trainable, moving', SIZES)
def test_sizes(name, overrides, trainable, moving):
    sizes = {variable: int(np.prod(shape))
             for variable, shape in get_network(name).variables(**overrides).items()}
    moved = sum(size for variable, size in sizes.items()
                if variable.endswith(('/moving_mean', '/moving_variance')))
    assert sum(sizes.values()) - moved == trainable
    assert moved == moving or moving is None


@pytest.mark.parametrize('name, overrides', [
    pytest.param(*row[:2], marks=() if row[:2] in BUILT else pytest.mark.slow) for row in SIZES])
def test_graphs(name, overrides):
    """A graph holds what is told without one: names and shapes, logits, multiply-adds.

    Its weights begin like the original's.
    """
    network, size = get_network(name), get_network(name).image_size
    batch = 1 if 'condconv' in name else None       # there the batch is in other dimensions too
    with tf.Graph().as_default() as graph, golden_tools.session() as session:
        logits, _ = network.build(tf.placeholder(tf.float32, [batch, size, size, 3]), **overrides)
        variables = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
        trained = {v.op.name for v in tf.trainable_variables()}
        assert [v.op.name for v in network.model_variables()] == list(variables)
        done = golden_tools.multiply_adds(graph)
        if name in DEVIATIONS and not overrides:
            variable, deviation = DEVIATIONS[name]
            assert first_deviation(session, variable) == pytest.approx(deviation, rel=0.02)
    assert network.variables(**overrides) == variables
    assert trained == {variable for variable in variables
                       if not variable.endswith(('/moving_mean', '/moving_variance'))}
    # Any batch: test_options_and_sizes.
    assert logits.shape.as_list() == [batch, overrides.get('num_classes', network.num_classes)]
    assert done == multiply_adds(name, **overrides)


def multiply_adds(name, **overrides):
    """Multiply-adds of an image of the native size, told without a graph."""
    network = get_network(name)
    return sum(layer.multiply_adds for layer in network.layers(network.image_size, **overrides))


def test_every_network_is_listed():
    assert {name for name, *_ in SIZES} == set(network_names()), (
        'add the new network to SIZES, with the numbers of its original')
    assert all(row in [given[:2] for given in SIZES] for row in BUILT)


@pytest.mark.parametrize('name, millions', [
    ('mnasnet-b1', 314.4), ('mnasnet-small', 68.3), ('mixnet-m', 339.2), ('mixnet-l', 555.3),
    ('efficientnet-condconv-b0-4e', 396.5), ('efficientnet-condconv-b0-8e-depth', 606.1),
    ('mobilenet_v2_035', 59.3), ('mobilenet_v2_050', 97.1), ('mobilenet_v2_075', 209.1),
    ('mobilenet_v2_130', 509.4), ('mobilenet_v1_025', 41.0), ('mobilenet_v1_050', 149.5),
    ('mobilenet_v1_075', 325.4), ('mnasnet0_75', 215.5), ('mnasnet1_3', 526.4)])
def test_multiply_adds(name, millions):
    assert multiply_adds(name) / 1e6 == pytest.approx(millions, abs=0.051)


@pytest.mark.parametrize('model', list(golden_tools.MODELS))
def test_multiply_adds_of_the_goldens(model):
    name, overrides = golden_tools.MODELS[model]
    golden = golden_tools.read_json(model, 'flops')
    assert multiply_adds(name, **overrides) == golden['multiply_adds']


@pytest.mark.parametrize('name', SMALL)
def test_options_and_sizes(name):
    """Any batch and image size, two classes, half precision, a second network beside it.

    The new classifier does not shout.
    """
    network, overrides = get_network(name), HALF.get(name, {})
    with tf.Graph().as_default(), golden_tools.session() as session:
        other = 'mobilenet_v2_035' if name == 'mobilenet_v1_025' else 'mobilenet_v1_025'
        with program.shallow():
            get_network(other).build(tf.placeholder(tf.float32, [None, 32, 32, 3]), num_classes=2)
        before = len(tf.global_variables())
        images = tf.placeholder(tf.float32, [None, None, None, 3])
        logits, endpoints = network.build(images, num_classes=2, **overrides)
        names = [v.op.name for v in tf.global_variables()[before:]]
        with tf.variable_scope(tf.get_variable_scope(), reuse=True):
            half, _ = network.build(tf.cast(images, tf.float16), num_classes=2, **overrides)
        session.run(tf.global_variables_initializer())
        for batch, height, width in ((3, 97, 65), (1, 32, 32)):
            feed = {images: np.random.RandomState(0).rand(batch, height, width, 3)}
            full, low, features = session.run([logits, half, endpoints['features']], feed)
            assert full.shape == (batch, 2) and features.shape[0] == batch
            assert np.isfinite(full).all() and low.dtype == np.float32
            np.testing.assert_allclose(full, low, atol=0.05 * np.abs(full).max() + 1e-3)
        if name in NEW_CLASSIFIER:
            deviation = first_deviation(session, '/dense/kernel')
            assert deviation == pytest.approx(NEW_CLASSIFIER[name], rel=0.08)
    assert names == list(network.variables(num_classes=2, **overrides))     # as without a neighbour
    assert {'stem', 'block_0', 'head', 'features', 'logits'} <= set(endpoints)


@pytest.mark.parametrize('name', SMALL)
def test_channels_first_builds_the_same_variables(name):
    network, overrides = get_network(name), HALF.get(name, {})
    with tf.Graph().as_default():
        logits, endpoints = network.build(
            tf.placeholder(tf.float32, [None, 64, 64, 3]), training=True,
            data_format='channels_first', **overrides)
        assert None not in tf.gradients(logits, tf.trainable_variables())
        variables = [(v.op.name, v.shape.as_list()) for v in tf.global_variables()]
    assert variables == list(network.variables(**overrides).items())    # test_graphs: the usual
    assert endpoints['block_0'].shape.as_list()[2:] == [32, 32]


@pytest.mark.parametrize('name', [
    pytest.param('efficientnet-b0', marks=pytest.mark.slow), 'mobilenet_v2_035'])
def test_training_is_a_function_of_the_seed(name):
    """Same (seed, step): same logits; another step: others. Float16 images train too."""
    network, overrides = get_network(name), HALF.get(name, {})
    with tf.Graph().as_default(), golden_tools.session() as session:
        step = tf.placeholder(tf.int64, [])
        seed = tf.stack([tf.constant(7, tf.int64), step])
        images = tf.constant(np.random.RandomState(0).rand(8, 32, 32, 3), tf.float16)
        logits, _ = network.build(images, training=True, seed=seed, dropout_rate=0.5,
                                  num_classes=3, **overrides)
        gradients = tf.gradients(tf.reduce_mean(tf.square(logits)) * 1e-3, tf.trainable_variables())
        assert {g.dtype for g in gradients} == {tf.float32}
        assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2 * sum(
            v.op.name.endswith('gamma') for v in tf.trainable_variables())
        session.run(tf.global_variables_initializer())
        first, again, later = (session.run(logits, {step: at}) for at in (5, 5, 6))
        assert np.isfinite(session.run(gradients[0], {step: 5})).all()
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - later).max() > 0


def settings_for(seed, training=True):
    return layers.Settings(
        training=training, seed=seed, data_format='NHWC', batch_statistics=training, momentum=0.9,
        epsilon=1e-3, biased_variance=False, symmetric=False, device=None, folded=False,
        leaves=None, initializers=None)


def test_drop_connect_and_dropout():
    with tf.Graph().as_default(), golden_tools.session() as session:
        settings = settings_for(tf.constant([1, 2], tf.int64))
        x = tf.ones([4000, 2, 2, 3])
        dropped, other, same = session.run([
            noise.drop_connect(x, 0.8, 'block', settings),
            noise.drop_connect(x, 0.8, 'another block', settings),
            noise.drop_connect(x, 0.8, 'block', settings)])
        values = session.run(noise.dropout(tf.ones([100, 400]), 0.2, 'head', settings))
        idle = noise.drop_connect(x, 0.8, 'block', settings_for(None, training=False))
    by_example = dropped.reshape(4000, -1)
    assert (by_example == by_example[:, :1]).all()              # whole examples
    assert set(np.unique(by_example)) == {0, np.float32(1 / 0.8)}
    assert by_example.mean() == pytest.approx(1, abs=0.03)
    assert (dropped == same).all() and (dropped != other).any()
    assert set(np.unique(values)) == {0, np.float32(1 / 0.8)}
    assert values.mean() == pytest.approx(1, abs=0.01)
    assert idle is x


def test_reads_can_be_redirected():
    """A custom getter of the caller sees every variable under its full name."""
    seen = []

    def custom(getter, name, *args, **kwargs):
        seen.append(name)
        return getter(name, *args, **kwargs)

    with tf.Graph().as_default():
        with tf.variable_scope(tf.get_variable_scope(), custom_getter=custom):
            get_network('mobilenet_v1_025').build(tf.zeros([1, 32, 32, 3]))
        assert seen == [v.op.name for v in tf.global_variables()]


def test_weight_decay_knows_its_own_network():
    with tf.Graph().as_default(), golden_tools.session() as session:
        v2, v1 = get_network('mobilenet_v2_035'), get_network('mobilenet_v1_025')
        v2.build(tf.zeros([1, 32, 32, 3]), classifier='fc')
        with program.shallow():
            v1.build(tf.zeros([1, 32, 32, 3]))
        session.run([v.assign(tf.ones_like(v)) for v in tf.trainable_variables()])
        weights = [v for v in v2.model_variables()
                   if v.op.name.endswith('/weights') and 'Logits' not in v.op.name]
        assert len(weights) == 35                   # the fully connected layer does not decay
        assert session.run(v2.regularization_loss(0.5)) == pytest.approx(count(weights) / 4)
        assert session.run(v1.regularization_loss(0.0)) == 0


def test_messages():
    with pytest.raises(ValueError, match=r"(?s)'mixnet-ss'.*'mixnet-s'.*mobilenet_v1_025"):
        get_network('mixnet-ss')
    network = get_network('mobilenet_v1')
    with pytest.raises(ValueError, match='no survival_prob.*dropout_rate'):
        network.build(tf.zeros([1, 32, 32, 3]), survival_prob=0.5)
    with pytest.raises(ValueError, match='channels_last, channels_first'):
        network.build(tf.zeros([1, 32, 32, 3]), data_format='NHWC')
    with pytest.raises(ValueError, match='conv, fc'):
        get_network('mobilenet_v2').build(tf.zeros([1, 32, 32, 3]), classifier='dense')
