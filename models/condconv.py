"""Conditionally parameterised convolutions: a kernel of its own for every example.

A block's input decides, through a small router, how its expert kernels are mixed into one kernel
an example. The original unrolls a Python loop over the batch, which needs its size at graph
construction; here the mixed kernels are applied to the whole batch at once, for any batch size.
"""

import functools

import tensorflow.compat.v1 as tf

from models import layers


def convolutions(x, block, names, settings):
    """layers.Convolutions of one block, its three routed by the pooled block input `x`."""
    if not block.experts:
        return layers.PLAIN
    routing = route(x, block, names, settings)
    return layers.Convolutions(
        expand=functools.partial(pointwise, routing=routing),
        depthwise=functools.partial(depthwise, routing=routing),
        project=functools.partial(pointwise, routing=routing))


def route(x, block, names, settings):
    """Weights of the experts, each in (0, 1): float32 [batch, experts]."""
    glorot = settings.initializers._replace(dense=lambda shape: tf.glorot_uniform_initializer())
    return tf.sigmoid(layers.dense(
        layers.global_pool(x, settings), names.routing, block.experts,
        settings._replace(initializers=glorot)))


def mixed(name, shape, initializer, routing, dtype):
    """Kernels [batch, *shape]: the experts of variable `name` [experts, size] mixed by example."""
    size = 1
    for extent in shape:
        size *= extent
    experts = layers.variable(name, [int(routing.shape[-1]), size], initializer)
    return tf.reshape(tf.matmul(tf.cast(routing, dtype), tf.cast(experts, dtype)), [-1] + shape)


def _channels_last(x, settings):
    return x if settings.data_format == 'NHWC' else tf.transpose(x, [0, 2, 3, 1])


def _restored(x, settings):
    return x if settings.data_format == 'NHWC' else tf.transpose(x, [0, 3, 1, 2])


def pointwise(x, scopes, filters, settings, routing):
    """1x1 convolution with mixed experts: one matrix product an example, batched.

    Variable `scope/condconv_kernel` [experts, in * filters].
    """
    x = _channels_last(x, settings)
    channels = int(x.shape[-1])
    kernels = mixed(f'{scopes[0]}/condconv_kernel', [channels, filters],
                     settings.initializers.conv([1, 1, channels, filters]), routing, x.dtype)
    shape = tf.shape(x)
    flat = tf.reshape(x, [shape[0], shape[1] * shape[2], channels])
    out = tf.reshape(tf.matmul(flat, kernels), [shape[0], shape[1], shape[2], filters])
    out.set_shape(x.shape[:3].concatenate(filters))
    return _restored(out, settings)


def depthwise(x, scopes, kernels, stride, settings, routing):
    """Depthwise convolution with mixed experts: one convolution over batch x channels.

    Variable `scope/depthwise_condconv_kernel` [experts, k * k * channels].
    """
    x = _channels_last(x, settings)
    kernel, channels = kernels[0], int(x.shape[-1])
    mixture = mixed(f'{scopes[0]}/depthwise_condconv_kernel', [kernel, kernel, channels],
                   settings.initializers.depthwise([kernel, kernel, channels, 1]), routing,
                   x.dtype)
    batch = tf.shape(x)[0]
    mixture = tf.reshape(tf.transpose(mixture, [1, 2, 0, 3]), [kernel, kernel, batch * channels, 1])
    wide = tf.transpose(x, [1, 2, 0, 3])                                # [H, W, batch, channels]
    extents = tf.shape(wide)
    wide = tf.reshape(wide, [1, extents[0], extents[1], batch * channels])
    out = tf.nn.depthwise_conv2d(wide, mixture, [1, stride, stride, 1], 'SAME')
    extents = tf.shape(out)
    out = tf.reshape(out, [extents[1], extents[2], batch, channels])
    return _restored(tf.transpose(out, [2, 0, 1, 3]), settings)
