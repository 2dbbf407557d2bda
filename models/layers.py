"""Layers as functions of a tensor; every variable's name is given, none is counted.

Kernels are float32 variables, cast to the type of the tensor they meet; batch norm computes in
float32. `settings` carries what all layers of one build share.
"""

import collections

import tensorflow.compat.v1 as tf

from common import graph_keys
from models import arch as arch_lib

Settings = collections.namedtuple('Settings', [
    'training',
    'seed',             # int64 [2] tensor (seed of the run, step), or None for the graph's own
    'data_format',      # 'NHWC' or 'NCHW'
    'momentum',         # of the moving statistics
    'epsilon',
    'biased_variance',  # moving variance gets the biased batch variance (no N / (N - 1))
    'torch_padding',    # pad k // 2 on every side, instead of SAME
    'products',         # 1x1 convolutions as matrix products
    'leaves',           # naming.Leaves
    'initializers',     # Initializers
])

Initializers = collections.namedtuple('Initializers', 'conv depthwise dense')
Convolutions = collections.namedtuple('Convolutions', 'expand depthwise project')


def swish(x):
    """x * sigmoid(x), spelled out: tf.nn.swish does not convert to TFLite."""
    return x * tf.sigmoid(x)


ACTIVATIONS = {'relu': tf.nn.relu, 'relu6': tf.nn.relu6, 'swish': swish}


def fan_out_normal(shape):
    """N(0, sqrt(2 / (kh * kw * out))); a depthwise kernel counts one output."""
    return tf.random_normal_initializer(stddev=(2.0 / (shape[0] * shape[1] * shape[-1])) ** 0.5)


def class_uniform(shape):
    """U(-1 / sqrt(classes), 1 / sqrt(classes)), of the TPU models' classifier."""
    bound = shape[-1] ** -0.5
    return tf.random_uniform_initializer(-bound, bound)


TPU_INITIALIZERS = Initializers(fan_out_normal, fan_out_normal, class_uniform)


def variable(name, shape, initializer):
    """A trainable float32 variable under its full name."""
    return tf.get_variable(name, shape, tf.float32, initializer=initializer, use_resource=True)


def _statistic(name, channels, initializer):
    return tf.get_variable(
        name, [channels], tf.float32, initializer=initializer, trainable=False, use_resource=True,
        aggregation=tf.VariableAggregation.MEAN)


def channel_axis(settings):
    return 3 if settings.data_format == 'NHWC' else 1


def spatial_axes(settings):
    return [1, 2] if settings.data_format == 'NHWC' else [2, 3]


def channels_of(x, settings):
    return int(x.shape[channel_axis(settings)])


def strides_of(stride, settings):
    return [1, stride, stride, 1] if settings.data_format == 'NHWC' else [1, 1, stride, stride]


def pad(x, kernel, settings):
    """Returns (x, padding name): TensorFlow's SAME, or PyTorch's equal padding of both sides."""
    if not settings.torch_padding or kernel == 1:
        return x, 'SAME'
    width = [[0, 0], [0, 0], [0, 0], [0, 0]]
    for axis in spatial_axes(settings):
        width[axis] = [kernel // 2, kernel // 2]
    return tf.pad(x, width), 'VALID'


def conv(x, scope, filters, settings, kernel=1, stride=1, bias=False):
    """Convolution; variables `scope/kernel` [k, k, in, filters] and, if asked, `scope/bias`."""
    shape = [kernel, kernel, channels_of(x, settings), filters]
    weights = variable(f'{scope}/{settings.leaves.kernel}', shape,
                       settings.initializers.conv(shape))
    weights = tf.cast(weights, x.dtype)
    if settings.products and kernel == stride == 1:
        x = _product(x, weights)
    else:
        x, padding = pad(x, kernel, settings)
        x = tf.nn.conv2d(x, weights, strides=strides_of(stride, settings), padding=padding,
                         data_format=settings.data_format)
    if bias:
        biases = variable(f'{scope}/{settings.leaves.bias}', [filters], tf.zeros_initializer())
        x = tf.nn.bias_add(x, tf.cast(biases, x.dtype), data_format=settings.data_format)
    return x


def _product(x, weights):
    """A 1x1 convolution in NHWC as one matrix product over all positions of the batch.

    Same numbers; on a CPU the gradient of tf.nn.conv2d goes image by image, which at the small
    maps of the late stages is up to twenty times slower.
    """
    channels, filters = weights.shape.as_list()[2:]
    out = tf.matmul(tf.reshape(x, [-1, channels]), tf.reshape(weights, [channels, filters]))
    out = tf.reshape(out, tf.concat([tf.shape(x)[:3], [filters]], 0))
    out.set_shape(x.shape[:3].concatenate(filters))
    return out


def depthwise_conv(x, scope, kernel, stride, settings):
    """Depthwise convolution; variable `scope/depthwise_kernel` [k, k, channels, 1]."""
    shape = [kernel, kernel, channels_of(x, settings), 1]
    weights = variable(f'{scope}/{settings.leaves.depthwise}', shape,
                       settings.initializers.depthwise(shape))
    x, padding = pad(x, kernel, settings)
    return tf.nn.depthwise_conv2d(x, tf.cast(weights, x.dtype), strides_of(stride, settings),
                                  padding, data_format=settings.data_format)


def _split(x, groups, settings):
    """Channel groups by tf.slice: tf.split and x[...] do not quantise in TensorFlow 1.15."""
    if groups == 1:
        return [x]
    axis = channel_axis(settings)
    parts, begin = [], 0
    for size in arch_lib.split_channels(channels_of(x, settings), groups):
        at, extent = [0] * 4, [-1] * 4
        at[axis], extent[axis] = begin, size
        parts.append(tf.slice(x, at, extent))
        begin += size
    return parts


def _concat(parts, settings):
    return parts[0] if len(parts) == 1 else tf.concat(parts, channel_axis(settings))


def grouped_conv(x, scopes, filters, settings):
    """1x1 convolution in len(scopes) channel groups, each with its own variable."""
    widths = arch_lib.split_channels(filters, len(scopes))
    parts = _split(x, len(scopes), settings)
    return _concat([conv(part, scope, width, settings)
                    for part, scope, width in zip(parts, scopes, widths)], settings)


def mixed_depthwise(x, scopes, kernels, stride, settings):
    """MixConv: each channel group has a depthwise convolution of its own kernel size."""
    parts = _split(x, len(scopes), settings)
    return _concat([depthwise_conv(part, scope, kernel, stride, settings)
                    for part, scope, kernel in zip(parts, scopes, kernels)], settings)


PLAIN = Convolutions(expand=grouped_conv, depthwise=mixed_depthwise, project=grouped_conv)


def batch_norm(x, scope, settings):
    """Batch norm with the fused kernel, in float32; updates go to UPDATE_OPS.

    NOTE EfficientNet's original trains with the unfused form, whose moving variance gets the
    biased batch variance. The fused kernel normalises with that same variance and only returns
    it multiplied by N / (N - 1); undoing the factor gives the same numbers faster.
    """
    channels = channels_of(x, settings)
    gamma = variable(f'{scope}/gamma', [channels], tf.ones_initializer())
    beta = variable(f'{scope}/beta', [channels], tf.zeros_initializer())
    moving_mean = _statistic(f'{scope}/moving_mean', channels, tf.zeros_initializer())
    moving_variance = _statistic(f'{scope}/moving_variance', channels, tf.ones_initializer())
    wide = tf.cast(x, tf.float32)
    if not settings.training:
        out, _, _ = tf.nn.fused_batch_norm(
            wide, gamma, beta, moving_mean, moving_variance, epsilon=settings.epsilon,
            data_format=settings.data_format, is_training=False)
        return tf.cast(out, x.dtype)
    out, mean, variance = tf.nn.fused_batch_norm(
        wide, gamma, beta, epsilon=settings.epsilon, data_format=settings.data_format,
        is_training=True)
    if settings.biased_variance:
        count = tf.cast(tf.size(wide) // channels, tf.float32)
        variance *= (count - 1) / count
    for moving, value in ((moving_mean, mean), (moving_variance, variance)):
        _follow(moving, (moving - value) * (1 - settings.momentum))
    return tf.cast(out, x.dtype)


def _follow(moving, change):
    """Leaves the subtraction to the training head; replicas subtract the mean of their changes."""
    if not tf.distribute.has_strategy():
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, moving.assign_sub(change, read_value=False))
        return
    tf.distribute.get_replica_context().merge_call(
        lambda _, changes: tf.add_to_collection(graph_keys.STATISTICS, (moving, changes)),
        args=(change,))


def conv_bn(x, scope, norm, filters, settings, activation, kernel=1, stride=1):
    """Convolution, batch norm, activation."""
    x = conv(x, scope, filters, settings, kernel=kernel, stride=stride)
    return ACTIVATIONS[activation](batch_norm(x, norm, settings))


def squeeze_excite(x, scopes, reduced, activation, settings):
    """Scales each channel by a gate computed from the pooled image."""
    gate = tf.reduce_mean(x, spatial_axes(settings), keepdims=True)
    gate = ACTIVATIONS[activation](conv(gate, scopes[0], reduced, settings, bias=True))
    gate = conv(gate, scopes[1], channels_of(x, settings), settings, bias=True)
    return x * tf.sigmoid(gate)


def global_pool(x, settings):
    """Mean over the positions: [batch, channels]."""
    return tf.reduce_mean(x, spatial_axes(settings))


def dense(x, scope, units, settings, kernel_rank=2):
    """Fully connected layer with bias, in float32; rank 4 stores the kernel as a 1x1 conv's."""
    channels = int(x.shape[-1])
    shape = [1] * (kernel_rank - 2) + [channels, units]
    weights = variable(f'{scope}/{settings.leaves.kernel}', shape,
                       settings.initializers.dense(shape))
    biases = variable(f'{scope}/{settings.leaves.bias}', [units], tf.zeros_initializer())
    weights = tf.cast(tf.reshape(weights, [channels, units]), x.dtype)
    return tf.cast(tf.matmul(x, weights), tf.float32) + biases
