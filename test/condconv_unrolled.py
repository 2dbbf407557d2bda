"""CondConv the way the original computes it, one convolution an example; a reference for tests.

Needs a batch size known at graph construction. The functions stand in for those of
models.condconv and models.layers and make the same variables.
"""

import functools

import tensorflow.compat.v1 as tf

from models import condconv, layers

FUSED = layers.batch_norm


def convolutions(x, block, names, settings):
    """Like condconv.convolutions."""
    if not block.experts:
        return layers.PLAIN
    routing = condconv.route(x, block, names, settings)
    return layers.Convolutions(
        expand=functools.partial(pointwise, routing=routing),
        depthwise=functools.partial(depthwise, routing=routing),
        project=functools.partial(pointwise, routing=routing))


def pointwise(x, scopes, filters, settings, routing):
    shape = [1, 1, int(x.shape[-1]), filters]
    kernels = condconv.mixed(f'{scopes[0]}/condconv_kernel', shape,
                             settings.initializers.conv(shape), routing, x.dtype)
    return _by_example(
        lambda image, kernel: tf.nn.conv2d(image, kernel, [1, 1, 1, 1], 'SAME'), x, kernels)


def depthwise(x, scopes, kernels, stride, settings, routing):
    shape = [kernels[0], kernels[0], int(x.shape[-1]), 1]
    mixture = condconv.mixed(f'{scopes[0]}/depthwise_condconv_kernel', shape,
                           settings.initializers.depthwise(shape), routing, x.dtype)
    return _by_example(
        lambda image, kernel: tf.nn.depthwise_conv2d(
            image, kernel, [1, stride, stride, 1], 'SAME'), x, mixture)


def _by_example(convolve, x, kernels):
    batch = int(x.shape[0])
    pairs = zip(tf.split(x, batch), tf.split(kernels, batch))
    return tf.concat([convolve(image, tf.squeeze(kernel, 0)) for image, kernel in pairs], 0)


def batch_norm(x, scope, settings):
    """Like layers.batch_norm, in training from single operations as the original has it."""
    if not settings.training:
        return FUSED(x, scope, settings)
    channels = layers.channels_of(x, settings)
    gamma = layers.variable(f'{scope}/gamma', [channels], tf.ones_initializer())
    beta = layers.variable(f'{scope}/beta', [channels], tf.zeros_initializer())
    moments = tf.nn.moments(x, [0, 1, 2])
    for name, moment in zip(('moving_mean', 'moving_variance'), moments):
        moving = tf.get_variable(f'{scope}/{name}', [channels], trainable=False, use_resource=True)
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, moving.assign_sub(
            (moving - moment) * (1 - settings.momentum), read_value=False))
    return tf.nn.batch_normalization(x, *moments, beta, gamma, settings.epsilon)
