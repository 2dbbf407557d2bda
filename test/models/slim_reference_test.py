"""MobileNetV1 and V2 built from tf.contrib.slim's own layers, against ours: logits and gradients.

The goldens come from another processor; with relu6 a rounding difference there moves a few
gradient norms by up to 0.4 %, the originals' as much as ours. Here both run on the same one.
"""

import golden_tools
import numpy as np
import pytest
import tensorflow
import tensorflow.compat.v1 as tf

from models import get_network

pytestmark = pytest.mark.skipif(not tf.version.VERSION.startswith('1.'),
                                reason='tf.contrib.slim is part of TensorFlow 1.15 only')

BATCH, SIZE = 4, 96


def unit(slim, x, scope, outputs=None, kernel=1, stride=1, activation=tf.nn.relu6):
    """Convolution (depthwise without `outputs`), batch norm, activation, all slim's."""
    options = dict(stride=stride, padding='SAME', activation_fn=activation, scope=scope,
                   normalizer_fn=slim.batch_norm,
                   normalizer_params={'is_training': True, 'scale': True, 'epsilon': 0.001})
    if outputs is None:
        return slim.separable_conv2d(x, None, [kernel, kernel], depth_multiplier=1, **options)
    return slim.conv2d(x, outputs, [kernel, kernel], **options)


def mobilenet_v1(slim, x):
    widths = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
    x = unit(slim, x, 'Conv2d_0', 32, kernel=3, stride=2)
    for index, width in enumerate(widths, 1):
        stride = 2 if index in (2, 4, 6, 12) else 1
        x = unit(slim, x, f'Conv2d_{index}_depthwise', kernel=3, stride=stride)
        x = unit(slim, x, f'Conv2d_{index}_pointwise', width)
    return slim.avg_pool2d(x, x.shape[1:3], padding='VALID')


def mobilenet_v2(slim, x):
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
              (6, 160, 3, 2), (6, 320, 1, 1)]
    x = unit(slim, x, 'Conv', 32, kernel=3, stride=2)
    index = 0
    for expansion, width, repeats, stride in stages:
        for repeat in range(repeats):
            shortcut = x
            with tf.variable_scope(f'expanded_conv_{index}' if index else 'expanded_conv'):
                if expansion > 1:
                    x = unit(slim, x, 'expand', expansion * int(x.shape[3]))
                x = unit(slim, x, 'depthwise', kernel=3, stride=1 if repeat else stride)
                x = unit(slim, x, 'project', width, activation=None)
            x = x + shortcut if repeat else x
            index += 1
    return tf.reduce_mean(unit(slim, x, 'Conv_1', 1280), [1, 2], keepdims=True)


def build_slim(name, images):
    slim = tensorflow.contrib.slim
    scope, trunk = {'mobilenet_v1': ('MobilenetV1', mobilenet_v1),
                    'mobilenet_v2': ('MobilenetV2', mobilenet_v2)}[name]
    with tf.variable_scope(scope):
        x = trunk(slim, images)
        with tf.variable_scope('Logits'):
            x = slim.conv2d(x, 1001, [1, 1], activation_fn=None, scope='Conv2d_1c_1x1')
    return tf.squeeze(x, [1, 2])


def build_ours(name, images):
    return get_network(name).build(images, training=True, dropout_rate=0.0)[0]


def step(build, name):
    """{variable name: gradient} of one training step, and its logits under 'logits'."""
    batch, _ = golden_tools.images(42, BATCH, SIZE)
    labels = np.random.RandomState(43).randint(0, 1001, BATCH)
    with tf.Graph().as_default(), golden_tools.session() as session:
        images = tf.placeholder(tf.float32, [BATCH, SIZE, SIZE, 3])
        logits = build(name, images)
        variables = tf.trainable_variables()
        gradients = tf.gradients(tf.losses.sparse_softmax_cross_entropy(labels, logits), variables)
        golden_tools.load(session, golden_tools.golden_values(
            f'{name}_1.0', tf.global_variables()))
        tensors = {v.op.name: g for v, g in zip(variables, gradients)}
        return session.run(dict(tensors, logits=logits), {images: batch})


@pytest.mark.parametrize('name', [
    'mobilenet_v1', pytest.param('mobilenet_v2', marks=pytest.mark.slow)])
def test_every_gradient_equals_slims(name):
    ours, slims = step(build_ours, name), step(build_slim, name)
    assert set(ours) == set(slims)
    # A beta before a linear 1x1 convolution with batch norm has a true gradient of zero.
    noise = 1e-5 * max(np.abs(value).max() for value in slims.values())
    for key, value in slims.items():
        np.testing.assert_allclose(ours[key], value, rtol=0, err_msg=key,
                                   atol=1e-4 * np.abs(value).max() + noise)
