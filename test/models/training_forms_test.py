"""The forms that training on a CPU computes by give TensorFlow's own numbers and gradients."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from models import depthwise, layers, norm

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


def test_batch_norm():
    channels = SHAPE[-1]
    inputs = _normal(*SHAPE), np.linspace(.5, 2, channels, dtype=np.float32), _normal(channels)
    _assert_same(
        _values(lambda *given: norm.with_products(*given, 1e-3)[0], *inputs),
        _values(lambda *given: tf.nn.fused_batch_norm(*given, epsilon=1e-3)[0], *inputs))
