"""Batch norm: after a convolution in training, folded into its kernel in inference."""

import collections

import tensorflow.compat.v1 as tf

from common import graph_keys, scopes
from models import depthwise, layers

# Values of a tensor whose batch norm has a faster gradient than TensorFlow 1.15's: 20 MiB.
SMALL = 5 << 20
LEAST_EPSILON = 1.001e-5     # of tf.nn.fused_batch_norm, which raises smaller ones to it

# x * scale + shift for each channel, float32.
Affine = collections.namedtuple('Affine', 'scale shift')


def normalised(convolve, scope, widths, settings):
    """A convolution and its batch norm.

    Args:
        convolve: function (scale) -> list of tensors, one a channel group. It makes the kernels;
            `scale` is None or a function without arguments that gives a factor for each output
            channel, float32 [sum(widths)], to multiply them with.
        scope: of the batch norm.
        widths: channels of each group.

    Returns:
        list of tensors. Folding multiplies the kernels in the graph, which costs one small product
        a run and leaves the checkpoint as it is.
    """
    if settings.training or not settings.folded:
        return batch_norm(convolve(None), scope, settings)
    affines = []

    def scale():
        affines.append(_frozen(scope, sum(widths), settings))
        return affines[0].scale

    parts = convolve(scale)
    shifts = split(affines[0].shift, widths)
    return [layers.add_bias(part, shift, settings) for part, shift in zip(parts, shifts)]


def split(vector, widths):
    """Parts of a tensor of these widths along its last axis."""
    return [vector] if len(widths) == 1 else tf.split(vector, widths, -1)


def variables(scope, channels):
    """(gamma, beta, moving mean, moving variance) of a batch norm."""
    return (layers.variable(f'{scope}/gamma', [channels], tf.ones_initializer()),
            layers.variable(f'{scope}/beta', [channels], tf.zeros_initializer()),
            layers.statistic(f'{scope}/moving_mean', channels, tf.zeros_initializer()),
            layers.statistic(f'{scope}/moving_variance', channels, tf.ones_initializer()))


def _frozen(scope, channels, settings):
    """The Affine that batch norm is under its moving statistics."""
    gamma, beta, moving_mean, moving_variance = variables(scope, channels)
    scale = gamma * tf.rsqrt(moving_variance + settings.epsilon)
    return Affine(scale, beta - moving_mean * scale)


def batch_norm(parts, scope, settings):
    """Batch norm of channel groups with the fused kernel, in float32; see _follow for its updates.

    NOTE EfficientNet's original trains with the unfused form, whose moving variance gets the
    biased batch variance. The fused kernel normalises with that same variance and only returns
    it multiplied by N / (N - 1); undoing the factor gives the same numbers faster.
    """
    if scopes.inside(f'{scope}/gamma', settings.frozen):
        settings = settings._replace(batch_statistics=False)
    widths = [layers.channels_of(part, settings) for part in parts]
    own = variables(scope, sum(widths))
    rows = [_fused(part, *group, settings) for part, group in zip(
        parts, zip(*[split(v, widths) for v in own]))]
    if settings.batch_statistics:
        for moving, values in zip(own[2:], list(zip(*rows))[1:]):
            value = values[0] if len(values) == 1 else tf.concat(values, 0)
            _follow(moving, (moving - value) * (1 - settings.momentum))
    return [row[0] for row in rows]


def _follow(moving, change):
    """Leaves the subtraction to the training head; replicas subtract the mean of their changes."""
    if not tf.distribute.has_strategy():
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, moving.assign_sub(change, read_value=False))
        return
    tf.distribute.get_replica_context().merge_call(
        lambda _, changes: tf.add_to_collection(graph_keys.STATISTICS, (moving, changes)),
        args=(change,))


def _fused(x, gamma, beta, mean, variance, settings):
    """(normalised x, mean, variance): in training those of the batch, else those handed in."""
    wide = tf.cast(x, tf.float32)
    if settings.batch_statistics and _has_own_gradient(wide, settings):
        out, mean, variance = with_products(wide, gamma, beta, settings.epsilon)
        return tf.cast(out, x.dtype), mean, _bessel(variance, wide, settings)
    moments = {} if settings.batch_statistics else {'mean': mean, 'variance': variance}
    out, mean, variance = tf.nn.fused_batch_norm(
        wide, gamma, beta, epsilon=settings.epsilon, data_format=settings.data_format,
        is_training=settings.batch_statistics, **moments)
    return tf.cast(out, x.dtype), mean, _bessel(variance, wide, settings)


def _bessel(variance, x, settings):
    """The variance that the moving one gets; see batch_norm."""
    if not settings.biased_variance:
        return variance
    count = tf.cast(tf.size(x) // layers.channels_of(x, settings), tf.float32)
    return variance * ((count - 1) / count)


def _has_own_gradient(x, settings):
    return (layers.trains_on_cpu(settings) and settings.weights_only and not depthwise.onednn()
            and x.shape.is_fully_defined() and x.shape.num_elements() <= SMALL)


def with_products(x, gamma, beta, epsilon):
    """Fused batch norm of [batch, h, w, channels] whose gradient sums by matrix products.

    TensorFlow 1.15 sums over the positions channel by channel; up to twice as fast like this, for
    tensors that the processor's cache holds. The numbers are the same but for rounding. The
    gradient has none itself that is right.
    """
    epsilon = max(epsilon, LEAST_EPSILON)
    channels = int(x.shape[3])
    count = x.shape.num_elements() // channels

    @tf.custom_gradient
    def normalised(x, gamma, beta):
        out, mean, variance = tf.nn.fused_batch_norm(x, gamma, beta, epsilon=epsilon)

        def gradient(pull, *of_statistics):
            del of_statistics       # they only follow the training
            ones = tf.ones([1, count])
            rows = tf.reshape(pull, [count, channels])
            centred = tf.reshape(x, [count, channels]) - mean
            root = tf.rsqrt(variance * ((count - 1) / count) + epsilon)
            to_beta = tf.matmul(ones, rows)
            to_gamma = tf.matmul(ones, rows * centred) * root
            scale = gamma * root
            to_x = rows * scale - (centred * (scale * root * to_gamma / count) +
                                   scale * to_beta / count)
            return (tf.reshape(to_x, x.shape), tf.reshape(to_gamma, [channels]),
                    tf.reshape(to_beta, [channels]))
        return (out, mean, variance), gradient
    return normalised(x, gamma, beta)


def conv_bn(x, scope, norm, filters, settings, activation, kernel=1, stride=1):
    """Convolution, batch norm, activation."""
    def convolve(scale):
        weights = layers.kernel_of(
            scope, [kernel, kernel, layers.channels_of(x, settings), filters], settings)
        if scale:
            weights = weights * scale()
        return [layers.convolve(x, weights, settings, stride)]

    x, = normalised(convolve, norm, [filters], settings)
    return layers.ACTIVATIONS[activation](x)
