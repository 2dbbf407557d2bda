"""Conditionally parameterised convolutions: a kernel of its own for every example.

A block's input decides, through a small router, how its expert kernels are mixed into one kernel
an example. The original unrolls a Python loop over the batch, which needs its size at graph
construction; here the mixed kernels are applied to the whole batch at once, for any batch size
(but see _by_example).
"""

import functools

import tensorflow.compat.v1 as tf

from models import depthwise as depthwise_lib
from models import groups, layers, norm


def convolutions(x, block, names, settings):
    """groups.Convolutions of one block, its three routed by the pooled block input `x`."""
    if not block.experts:
        return groups.PLAIN
    routing = route(x, block, names, settings)
    return groups.Convolutions(
        expand=functools.partial(pointwise, routing=routing),
        depthwise=functools.partial(depthwise, routing=routing),
        project=functools.partial(pointwise, routing=routing))


def route(x, block, names, settings):
    """Weights of the experts, each in (0, 1): float32 [batch, experts]."""
    glorot = settings.initializers._replace(dense=lambda shape: tf.glorot_uniform_initializer())
    return tf.sigmoid(layers.dense(
        layers.global_pool(x, settings), names.routing, block.experts,
        settings._replace(initializers=glorot)))


def mixed(name, shape, initializer, routing, dtype, scale=None):
    """Kernels [batch, *shape]: the experts of variable `name` [experts, size] mixed by example.

    scale: function that gives a factor for each output, the last extent of `shape`, or None.
    """
    size = 1
    for extent in shape:
        size *= extent
    number = int(routing.shape[-1])
    experts = layers.variable(name, [number, size], initializer)
    if scale:
        experts = tf.reshape(tf.reshape(experts, [-1, shape[-1]]) * scale(), [number, size])
    return tf.reshape(tf.matmul(tf.cast(routing, dtype), tf.cast(experts, dtype)), [-1] + shape)


def _channels_last(x, settings):
    return x if settings.data_format == 'NHWC' else tf.transpose(x, [0, 2, 3, 1])


def _restored(x, settings):
    return x if settings.data_format == 'NHWC' else tf.transpose(x, [0, 3, 1, 2])


def pointwise(parts, scopes, norm_scope, widths, settings, routing):
    """1x1 convolution with mixed experts, batch norm: one matrix product an example, batched.

    Variable `scope/condconv_kernel` [experts, in * filters].
    """
    x, = parts
    filters, = widths
    return norm.normalised(
        lambda scale: [_pointwise(x, scopes[0], filters, settings, routing, scale)],
        norm_scope, widths, settings)


def _pointwise(x, scope, filters, settings, routing, scale):
    x = _channels_last(x, settings)
    batch, height, width, channels = layers.extents(x)
    kernels = mixed(f'{scope}/condconv_kernel', [channels, filters],
                    settings.initializers.conv([1, 1, channels, filters]), routing, x.dtype,
                    scale)
    out = tf.matmul(tf.reshape(x, [batch, height * width, channels]), kernels)
    return _restored(tf.reshape(out, [batch, height, width, filters]), settings)


def depthwise(parts, scopes, norm_scope, kernels, stride, settings, routing):
    """Depthwise convolution with mixed experts, batch norm: one convolution over batch x channels.

    Variable `scope/depthwise_condconv_kernel` [experts, k * k * channels].
    """
    x, = parts
    return norm.normalised(
        lambda scale: [_mixed_depthwise(x, scopes[0], kernels[0], stride, settings, routing,
                                        scale)],
        norm_scope, [layers.channels_of(x, settings)], settings)


def _mixed_depthwise(x, scope, kernel, stride, settings, routing, scale):
    x = _channels_last(x, settings)
    channels = int(x.shape[-1])
    mixture = mixed(f'{scope}/depthwise_condconv_kernel', [kernel, kernel, channels],
                    settings.initializers.depthwise([kernel, kernel, channels, 1]), routing,
                    x.dtype, scale)
    if settings.symmetric:
        x = _padded(x, kernel, stride)
    padding = 'VALID' if settings.symmetric else 'SAME'
    if _by_example(x, settings):
        made = _one_by_one(x, mixture, stride, padding, settings.training)
        return _restored(made, settings)
    batch, height, width, _ = layers.extents(x)
    mixture = tf.reshape(tf.transpose(mixture, [1, 2, 0, 3]),
                         [kernel, kernel, batch * channels, 1])
    wide = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [1, height, width, batch * channels])
    # A custom gradient leaves an IdentityN behind, which TFLite does not know.
    out = (_trainable_depthwise(wide, mixture, kernel, stride, padding) if settings.training
           else _depthwise(wide, mixture, stride, padding))
    covered = kernel - 1 if settings.symmetric else 0
    out = tf.reshape(out, [-(-(height - covered) // stride), -(-(width - covered) // stride),
                           batch, channels])
    return _restored(tf.transpose(out, [2, 0, 1, 3]), settings)


def _by_example(x, settings):
    """Whether each example has a convolution of its own, as in the original: under TensorFlow 1.15
    that trains the depthwise layers 2.7 times as fast, where the batch is known, and takes an
    eighth off inference."""
    sizes = x.shape.as_list()[0 if settings.training else 1:]
    return settings.device == 'cpu' and not depthwise_lib.onednn() and None not in sizes


def _one_by_one(x, kernels, stride, padding, training):
    """x [batch, h, w, channels], kernels [batch, k, k, channels]; in inference of any batch."""
    def convolve(image, kernel):
        return depthwise_lib.convolve(image, kernel[0, :, :, :, tf.newaxis], stride, padding)

    if training:
        batch = int(x.shape[0])
        return tf.concat([convolve(*pair) for pair in
                          zip(tf.split(x, batch), tf.split(kernels, batch))], 0)
    return tf.map_fn(lambda pair: convolve(pair[0][tf.newaxis], pair[1][tf.newaxis])[0],
                     (x, kernels), x.dtype)


def _padded(x, kernel, stride):
    """kernel // 2 zeros on every side, but none in a last row or column no stride reaches."""
    side = kernel // 2
    _, height, width, _ = layers.extents(x)
    return tf.pad(x, [[0, 0]] + [[side, side - (size - 1) % stride] for size in (height, width)] +
                  [[0, 0]])


def _depthwise(x, weights, stride, padding):
    return tf.nn.depthwise_conv2d(x, weights, [1, stride, stride, 1], padding)


def _trainable_depthwise(x, weights, kernel, stride, padding):
    """Depthwise convolution of one very wide image, with gradients that use all cores.

    TensorFlow's gradient kernels share work out by example, and here is one. Both gradients of a
    depthwise convolution are depthwise convolutions again -- of the image with the incoming
    gradient as its kernel, and of the gradient with the kernel turned round -- and the forward
    kernel shares out by rows.
    """
    @tf.custom_gradient
    def convolve(x, weights):
        def gradient(pull):
            _, rows, columns, _ = layers.extents(x)
            (top, bottom), (left, right) = (
                depthwise_lib.same(size, kernel, stride) if padding == 'SAME' else (0, 0)
                for size in (rows, columns))
            spread = _spread(pull, stride)
            padded = tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]])
            to_weights = _depthwise(padded, tf.transpose(spread, [1, 2, 3, 0]), 1, 'VALID')
            rest = kernel - 1
            spread = tf.pad(spread, [[0, 0], [rest - top, rest - bottom],
                                     [rest - left, rest - right], [0, 0]])
            to_x = _depthwise(spread, tf.reverse(weights, [0, 1]), 1, 'VALID')
            return to_x, tf.transpose(to_weights, [1, 2, 3, 0])

        return _depthwise(x, weights, stride, padding), gradient

    return convolve(x, weights)


def _spread(x, stride):
    """[1, h, w, c] with stride - 1 zeros between its positions."""
    if stride == 1:
        return x
    _, height, width, channels = layers.extents(x)
    gaps = [[0, 0], [0, 0], [0, stride - 1], [0, 0], [0, stride - 1], [0, 0]]
    x = tf.pad(tf.reshape(x, [1, height, 1, width, 1, channels]), gaps)
    x = tf.reshape(x, [1, height * stride, width * stride, channels])
    return x[:, :(height - 1) * stride + 1, :(width - 1) * stride + 1]
