"""Layers as functions of a tensor; every variable's name is given, none is counted.

Kernels are float32 variables, cast to the type of the tensor they meet; batch norm computes in
float32. `settings` carries what all layers of one build share.
"""

import collections
import functools

import tensorflow.compat.v1 as tf

from models import depthwise

Settings = collections.namedtuple('Settings', [
    'training',
    'seed',             # int64 [2] tensor (seed of the run, step), or None for the graph's own
    'data_format',      # 'NHWC' or 'NCHW'
    'batch_statistics',     # batch norm normalises by the batch and updates the moving ones
    'momentum',         # of the moving statistics
    'epsilon',
    'biased_variance',  # moving variance gets the biased batch variance (no N / (N - 1))
    'symmetric',        # padding: k // 2 on every side as PyTorch does, instead of SAME
    'device',           # 'cpu', 'gpu', 'npu', or None for forms that suit any
    'folded',           # inference folds batch norm into the convolutions
    'leaves',           # naming.Leaves
    'initializers',     # initializers.Initializers
    'frozen',           # scopes whose batch norms keep their statistics
    'weights_only',     # gradients of the variables are asked for, once, and no others
])
Settings.__new__.__defaults__ = (), False

LARGE = 1 << 17     # oneDNN is slow to transpose a matrix of so many values in a product


def swish(x):
    """x * sigmoid(x), spelled out: tf.nn.swish does not convert to TFLite."""
    return x * tf.sigmoid(x)


def relu(x):
    return tf.nn.relu(x)


def relu6(x):
    return tf.nn.relu6(x)


ACTIVATIONS = {'relu': relu, 'relu6': relu6, 'swish': swish}


def variable(name, shape, initializer):
    """A trainable float32 variable under its full name."""
    return tf.get_variable(name, shape, tf.float32, initializer=initializer, use_resource=True)


def statistic(name, channels, initializer):
    """A moving average over steps, float32 [channels]."""
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
    if not settings.symmetric or kernel == 1:
        return x, 'SAME'
    width = [[0, 0], [0, 0], [0, 0], [0, 0]]
    for axis in spatial_axes(settings):
        width[axis] = [kernel // 2, kernel // 2]
    return tf.pad(x, width), 'VALID'


def kernel_of(scope, shape, settings):
    """Kernel `scope/kernel` [k, k, in, filters]."""
    return variable(f'{scope}/{settings.leaves.kernel}', shape, settings.initializers.conv(shape))


def depthwise_kernel_of(scope, kernel, channels, settings):
    """Kernel `scope/depthwise_kernel` [k, k, channels, 1]."""
    shape = [kernel, kernel, channels, 1]
    return variable(f'{scope}/{settings.leaves.depthwise}', shape,
                    settings.initializers.depthwise(shape))


def conv(x, scope, filters, settings):
    """1x1 convolution with bias; variables `scope/kernel` and `scope/bias`."""
    weights = kernel_of(scope, [1, 1, channels_of(x, settings), filters], settings)
    biases = variable(f'{scope}/{settings.leaves.bias}', [filters], tf.zeros_initializer())
    return add_bias(convolve(x, weights, settings), biases, settings)


def convolve(x, weights, settings, stride=1):
    """x convolved with a kernel [k, k, in, out]."""
    kernel = int(weights.shape[0])
    weights = tf.cast(weights, x.dtype)
    if kernel == stride == 1 and trains_on_cpu(settings) and x.dtype == tf.float32:
        return _product(x, weights)
    x, padding = pad(x, kernel, settings)
    of_images = int(weights.shape[2]) == 3 and settings.weights_only and trains_on_cpu(settings)
    own = _gradient_of_images() if of_images else {}
    with tf.get_default_graph().gradient_override_map(own):
        return tf.nn.conv2d(x, weights, strides=strides_of(stride, settings), padding=padding,
                            data_format=settings.data_format)


@functools.lru_cache(maxsize=None)
def _gradient_of_images():
    """For tf.Graph.gradient_override_map: of a convolution's kernel alone; what has three channels
    are the images, which need no gradient."""
    def gradient(op, pull):
        images, kernel = op.inputs
        attributes = {name: op.get_attr(name) for name in ('strides', 'padding', 'data_format')}
        return None, tf.raw_ops.Conv2DBackpropFilter(
            input=images, filter_sizes=tf.shape(kernel), out_backprop=pull, **attributes)

    tf.RegisterGradient('ConvolvedImages')(gradient)
    return {'Conv2D': 'ConvolvedImages'}


def convolve_depthwise(x, weights, settings, stride=1):
    """x convolved with a kernel [k, k, channels, 1].

    NOTE: without oneDNN by TensorFlow's own kernel, as the originals; a faster one rounds
    otherwise, and of mnasnet-a1 a relu opens that theirs keeps shut.
    """
    x, padding = pad(x, int(weights.shape[0]), settings)
    weights = tf.cast(weights, x.dtype)
    if (trains_on_cpu(settings) and depthwise.onednn() and x.dtype == tf.float32
            and None not in x.shape.as_list()[1:]):
        return depthwise.convolve(x, weights, stride, padding)
    return tf.nn.depthwise_conv2d(x, weights, strides_of(stride, settings), padding,
                                  data_format=settings.data_format)


def add_bias(x, biases, settings):
    """x plus a number for each channel."""
    return tf.nn.bias_add(x, tf.cast(biases, x.dtype), data_format=settings.data_format)


def trains_on_cpu(settings):
    """Whether the forms are asked for that train fastest on a CPU, in NHWC."""
    return settings.training and settings.device == 'cpu' and settings.data_format == 'NHWC'


def _product(x, weights):
    """A 1x1 convolution in NHWC as one matrix product over all positions of the batch.

    Same numbers; on a CPU the gradient of tf.nn.conv2d goes image by image, which at the small
    maps of the late stages is up to twenty times slower.
    """
    channels, filters = weights.shape.as_list()[2:]
    rows, matrix = tf.reshape(x, [-1, channels]), tf.reshape(weights, [channels, filters])
    slow = channels * filters >= LARGE and depthwise.onednn()
    out = (_with_transposed if slow else tf.matmul)(rows, matrix)
    return tf.reshape(out, extents(x)[:3] + [filters])


def _with_transposed(rows, matrix):
    """tf.matmul whose gradient transposes the matrix before it multiplies by it: oneDNN takes 1.2
    to 1.4 times as long to multiply by a large one that it is told to transpose."""
    @tf.custom_gradient
    def product(rows, matrix):
        def gradient(pull):
            with tf.control_dependencies([pull]):       # else it is there through all of the step
                transposed = tf.transpose(matrix)
            return tf.matmul(pull, transposed), tf.matmul(rows, pull, transpose_a=True)
        return tf.matmul(rows, matrix), gradient
    return product(rows, matrix)


def extents(x):
    """Sizes of a tensor: numbers where they are known, scalar tensors elsewhere."""
    return [tf.shape(x)[axis] if size is None else size
            for axis, size in enumerate(x.shape.as_list())]


def squeeze_excite(parts, scopes, reduced, activation, settings):
    """Scales each channel by a gate computed from the pooled image.

    parts: list of tensors, the channels in groups; so is the result.
    """
    pooled = [tf.reduce_mean(part, spatial_axes(settings), keepdims=True) for part in parts]
    widths = [channels_of(part, settings) for part in parts]
    gate = join(pooled, settings)
    gate = ACTIVATIONS[activation](conv(gate, scopes[0], reduced, settings))
    gate = tf.sigmoid(conv(gate, scopes[1], sum(widths), settings))
    return [part * scale for part, scale in zip(parts, cut(gate, widths, settings))]


def cut(x, widths, settings):
    """Channel groups of these widths. In training by tf.split, whose gradient is one
    concatenation; in inference, which is exported, by tf.slice: tf.split and x[...] do not
    quantise in TensorFlow 1.15."""
    if len(widths) == 1:
        return [x]
    axis = channel_axis(settings)
    if settings.training:
        return tf.split(x, widths, axis)
    parts, begin = [], 0
    for size in widths:
        at, extent = [0] * 4, [-1] * 4
        at[axis], extent[axis] = begin, size
        parts.append(tf.slice(x, at, extent))
        begin += size
    return parts


def join(parts, settings):
    """One tensor of channel groups."""
    return parts[0] if len(parts) == 1 else tf.concat(parts, channel_axis(settings))


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
