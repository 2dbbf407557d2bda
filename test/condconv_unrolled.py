"""CondConv the way the original computes it, one convolution an example; a reference for tests.

Needs a batch size known at graph construction. The functions stand in for those of
models.condconv and models.layers and make the same variables.
"""

import functools

import tensorflow.compat.v1 as tf

from models import condconv, groups, layers, norm


def convolutions(x, block, names, settings):
    """Like condconv.convolutions."""
    if not block.experts:
        return groups.PLAIN
    routing = condconv.route(x, block, names, settings)
    return groups.Convolutions(
        expand=functools.partial(pointwise, routing=routing),
        depthwise=functools.partial(depthwise, routing=routing),
        project=functools.partial(pointwise, routing=routing))


def pointwise(parts, scopes, norm_scope, widths, settings, routing):
    x, = parts
    filters, = widths
    shape = [1, 1, int(x.shape[-1]), filters]
    kernels = condconv.mixed(f'{scopes[0]}/condconv_kernel', shape,
                             settings.initializers.conv(shape), routing, x.dtype)
    out = _by_example(
        lambda image, kernel: tf.nn.conv2d(image, kernel, [1, 1, 1, 1], 'SAME'), x, kernels)
    return norm.batch_norm([out], norm_scope, settings)


def depthwise(parts, scopes, norm_scope, kernels, stride, settings, routing):
    x, = parts
    shape = [kernels[0], kernels[0], int(x.shape[-1]), 1]
    mixture = condconv.mixed(f'{scopes[0]}/depthwise_condconv_kernel', shape,
                           settings.initializers.depthwise(shape), routing, x.dtype)
    x, padding = layers.pad(x, kernels[0], settings)
    out = _by_example(lambda image, kernel: tf.nn.depthwise_conv2d(
        image, kernel, [1, stride, stride, 1], padding), x, mixture)
    return norm.batch_norm([out], norm_scope, settings)


def _by_example(convolve, x, kernels):
    batch = int(x.shape[0])
    pairs = zip(tf.split(x, batch), tf.split(kernels, batch))
    return tf.concat([convolve(image, tf.squeeze(kernel, 0)) for image, kernel in pairs], 0)
