"""The forms that training on a CPU computes by give TensorFlow's own numbers and gradients."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from models import depthwise, get_network, layers, norm

SHAPE = (3, 9, 8, 5)


def _values(function, *inputs):
    """Output and gradients of function(*inputs) under a fixed upstream gradient, as arrays."""
    with tf.Graph().as_default(), tf.Session() as session:
        tensors = [tf.constant(values) for values in inputs]
        out = function(*tensors)
        pull = np.random.RandomState(1).normal(size=out.shape.as_list()).astype(np.float32)
        return session.run([out] + tf.gradients(out, tensors, tf.constant(pull)))


def _normal(*shape):
    return np.random.RandomState(len(shape)).normal(.5, 1, shape).astype(np.float32)


def _assert_same(found, expected):
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('onednn', [True, False])
@pytest.mark.parametrize('padding', ['SAME', 'VALID'])
@pytest.mark.parametrize('kernel, stride', [(3, 1), (3, 2), (5, 1), (5, 2), (7, 2)])
def test_depthwise(monkeypatch, kernel, stride, padding, onednn):
    monkeypatch.setattr(depthwise, 'onednn', lambda: onednn)
    inputs = _normal(*SHAPE), _normal(kernel, kernel, SHAPE[-1], 1)
    _assert_same(
        _values(lambda x, w: depthwise.convolve(x, w, stride, padding), *inputs),
        _values(lambda x, w: tf.nn.depthwise_conv2d(x, w, [1, stride, stride, 1], padding),
                *inputs))


@pytest.mark.parametrize('onednn', [True, False])
@pytest.mark.parametrize('channels, filters', [(5, 7), (256, 512)])
def test_products(monkeypatch, channels, filters, onednn):
    monkeypatch.setattr(depthwise, 'onednn', lambda: onednn)
    settings = layers.Settings(**dict.fromkeys(layers.Settings._fields))._replace(
        training=True, device='cpu', data_format='NHWC')
    inputs = _normal(2, 3, 4, channels), _normal(1, 1, channels, filters)
    _assert_same(
        _values(lambda x, w: layers.convolve(x, w, settings), *inputs),
        _values(lambda x, w: tf.nn.conv2d(x, w, [1] * 4, 'SAME'), *inputs))


def test_half_precision_is_rounded_as_by_tensorflow():
    """A convolution adds its products up in float32; a matrix product does not everywhere."""
    settings = layers.Settings(**dict.fromkeys(layers.Settings._fields))._replace(
        training=True, device='cpu', data_format='NHWC')
    x, w = _normal(2, 6, 6, 384).astype(np.float16), _normal(1, 1, 384, 32)
    with tf.Graph().as_default(), tf.Session() as session:
        ours, theirs = session.run([
            layers.convolve(tf.constant(x), tf.constant(w), settings),
            tf.nn.conv2d(x, tf.cast(w, tf.float16), [1] * 4, 'SAME')])
    np.testing.assert_array_equal(ours, theirs)


def test_batch_norm():
    channels = SHAPE[-1]
    inputs = _normal(*SHAPE), np.linspace(.5, 2, channels, dtype=np.float32), _normal(channels)
    _assert_same(
        _values(lambda *given: norm.with_products(*given, 1e-3)[0], *inputs),
        _values(lambda *given: tf.nn.fused_batch_norm(*given, epsilon=1e-3)[0], *inputs))
    if tf.version.VERSION.startswith('2'):
        return      # this form is for 1.15, which raises the epsilon below
    _assert_same(       # two channels that hardly differ
        *[_values(lambda *given, form=form: form(*given, epsilon=0.)[0], *rows) for rows in [
            (inputs[0] * np.float32([0, 1e-4] + [1] * (channels - 2)),) + inputs[1:]]
          for form in (norm.with_products, tf.nn.fused_batch_norm)])


@pytest.mark.usefixtures('shallow')
@pytest.mark.parametrize('onednn', [True, False])
def test_a_caller_gets_the_gradients_he_asks_for(monkeypatch, onednn):
    """Of the images, and of a gradient: without weights_only as by the forms for any device."""
    monkeypatch.setattr(depthwise, 'onednn', lambda: onednn)
    network, found = get_network('mobilenet_v1_025'), []
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.constant(_normal(4, 32, 32, 3))
        for device in None, 'cpu':
            with tf.variable_scope('', reuse=tf.AUTO_REUSE):
                logits, _ = network.build(images, training=True, num_classes=5, device=device,
                                          dropout_rate=0.)
            first, = tf.gradients(tf.reduce_sum(logits * logits), images)
            found.append([first, tf.gradients(tf.reduce_sum(first * first), images)[0]])
        with tf.variable_scope('', reuse=True):
            logits, _ = network.build(images, training=True, num_classes=5, device='cpu',
                                      weights_only=True)
        assert tf.gradients(logits, images) == [None]
        session.run(tf.global_variables_initializer())
        expected, made = session.run(found)
    for one, other in zip(made, expected):
        np.testing.assert_allclose(one, other, atol=2e-3 * np.abs(other).max())
