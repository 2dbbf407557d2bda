"""CondConv for the whole batch against one convolution an example, the original's form."""

import functools
from unittest import mock

import condconv_unrolled
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from models import (
    condconv,
    depthwise,
    efficientnet,
    get_network,
    initializers,
    layers,
    naming,
    norm,
)

NAME = 'efficientnet-condconv-b0-4e'


def settings_for(data_format='NHWC', symmetric=False, device=None):
    return layers.Settings(
        training=True, seed=None, data_format=data_format, batch_statistics=True, momentum=0.99,
        epsilon=1e-3, biased_variance=True, symmetric=symmetric, device=device, folded=True,
        leaves=naming.LAYERS_LEAVES, initializers=initializers.TPU)


def unrolled_network():
    return get_network(NAME)._replace(builder=functools.partial(
        efficientnet.build, convolutions=condconv_unrolled.convolutions))


def both(layer, x, routing):
    """Outputs and gradients (input, routing, experts) of the two forms under the same weights.

    Without the batch norm behind them, which would magnify differences of small batches.
    """
    rows = []
    plain = mock.patch.object(norm, 'batch_norm', lambda parts, scope, settings: parts)
    with plain, tf.Graph().as_default(), tf.Session() as session:
        for form in (condconv, condconv_unrolled):
            image, weights = tf.constant(x), tf.constant(routing)
            with tf.variable_scope('', reuse=tf.AUTO_REUSE):
                out, = layer(form, image, weights)
            pull = tf.constant(np.random.RandomState(1).normal(size=out.shape), tf.float32)
            experts, = tf.trainable_variables()
            rows.append([out] + tf.gradients(out * pull, [image, weights, experts]))
        session.run(tf.global_variables_initializer())
        return session.run(rows)


@pytest.mark.parametrize('symmetric', (False, True))
@pytest.mark.parametrize('size, kernel, stride', [
    ((7, 7), 3, 1), ((14, 14), 5, 2), ((9, 7), 5, 2), ((7, 7), 5, 1), ((3, 3), 5, 1),
    ((2, 2), 5, 2), ((1, 1), 5, 1), ((8, 5), 3, 2)])
def test_depthwise(size, kernel, stride, symmetric, monkeypatch, device=None):
    monkeypatch.setattr(depthwise, 'onednn', lambda: not device)
    draws = np.random.RandomState(0)
    x = draws.normal(size=(3,) + size + (8,)).astype(np.float32)
    routing = draws.uniform(size=(3, 4)).astype(np.float32)
    settings = settings_for(symmetric=symmetric, device=device)
    ours, reference = both(lambda form, image, weights: form.depthwise(
        [image], ['dw'], 'dw/norm', [kernel], stride, settings, weights), x, routing)
    for value, expected in zip(ours, reference):
        np.testing.assert_allclose(value, expected, atol=2e-5 * np.abs(expected).max())


def test_depthwise_in_training_under_tensorflow_1(monkeypatch):
    test_depthwise((7, 7), 5, 1, False, monkeypatch, device='cpu')
    test_depthwise((8, 5), 3, 2, True, monkeypatch, device='cpu')


def test_pointwise():
    draws = np.random.RandomState(0)
    x = draws.normal(size=(3, 5, 4, 8)).astype(np.float32)
    routing = draws.uniform(size=(3, 4)).astype(np.float32)
    ours, reference = both(lambda form, image, weights: form.pointwise(
        [image], ['pw'], 'pw/norm', [12], settings_for(), weights), x, routing)
    for value, expected in zip(ours, reference):
        np.testing.assert_allclose(value, expected, atol=2e-5 * np.abs(expected).max())


def test_network_equals_the_unrolled_network():
    """Logits, gradients and one graph for every batch size, odd images included.

    With half the repeats: blocks with and without a shortcut, of every stage.
    """
    size = dict(num_classes=10, depth_coefficient=0.5)
    x = np.random.RandomState(0).normal(size=(3, 65, 65, 3)).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 65, 65, 3])
        logits, _ = get_network(NAME).build(images, **size)
        with tf.variable_scope('', reuse=True):
            reference, _ = unrolled_network().build(tf.constant(x), **size)
        experts = [v for v in tf.trainable_variables() if 'condconv_kernel' in v.op.name]
        assert len(experts) == 3 * 5
        wanted = tf.gradients(reference, experts)
        found = tf.gradients(logits, experts)
        session.run(tf.global_variables_initializer())
        values = session.run([logits, found], {images: x})
        expected = session.run([reference, wanted])
        single = session.run(logits, {images: x[:1]})
    scale = np.abs(expected[0]).max()
    np.testing.assert_allclose(values[0], expected[0], atol=1e-4 * scale)
    np.testing.assert_allclose(single, expected[0][:1], atol=1e-4 * scale)
    for value, reference in zip(values[1], expected[1]):
        np.testing.assert_allclose(value, reference, atol=1e-3 * np.abs(reference).max())


@pytest.mark.parametrize('saliency', [False, pytest.param(True, marks=pytest.mark.slow)])
def test_inference_under_tensorflow_1_takes_any_batch(monkeypatch, saliency):
    """With a saliency map: what the likeliest class says of the images."""
    monkeypatch.setattr(depthwise, 'onednn', lambda: False)
    size = dict(num_classes=10, depth_coefficient=0.5)
    x = np.random.RandomState(0).normal(size=(3, 65, 65, 3)).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 65, 65, 3])
        logits, _ = get_network(NAME).build(images, device='cpu', **size)
        assert any('map/' in op.name for op in graph.get_operations())
        with tf.variable_scope('', reuse=True):
            same = tf.constant(x)
            reference, _ = unrolled_network().build(same, **size)
        pairs = ((logits, images), (reference, same)) if saliency else ()
        maps = [tf.gradients(tf.reduce_max(out, 1), of)[0] for out, of in pairs]
        session.run(tf.global_variables_initializer())
        expected = session.run(reference)
        if saliency:
            found, wanted = session.run(maps, {images: x})
            np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
        for count in (3, 1):
            np.testing.assert_allclose(
                session.run(logits, {images: x[:count]}), expected[:count],
                atol=1e-4 * np.abs(expected).max())


def test_shapes_stay_known():
    """Layers after a mixed convolution know what they can: exporters need it."""
    with tf.Graph().as_default():
        _, endpoints = get_network(NAME).build(tf.placeholder(tf.float32, [None, 224, 224, 3]))
        assert endpoints['block_15'].shape.as_list() == [None, 7, 7, 320]
