"""Depthwise convolution in training on a CPU, where TensorFlow's own gradients can be slow.

Its kernels for a depthwise convolution and the two gradients do the same work at speeds that differ
up to sevenfold, in each version otherwise (benchmarks/operators.py). All three can stand in for one
another; here each is computed by the fastest. The numbers are the same but for rounding.
"""

import tensorflow.compat.v1 as tf

LARGE = 5       # kernels from here on have slow gradients in oneDNN


def onednn():
    """Whether TensorFlow computes with oneDNN: version 2 does."""
    return not tf.version.VERSION.startswith('1.')


def convolve(x, weights, stride, padding):
    """x [batch, h, w, channels] convolved with weights [k, k, channels, 1], as
    tf.nn.depthwise_conv2d does; sizes of x must be known."""
    kernel = int(weights.shape[0])
    if kernel < LARGE if onednn() else stride > 1 or padding != 'SAME':
        return tf.nn.depthwise_conv2d(x, weights, [1, stride, stride, 1], padding)
    return (_with_kernel_gradient(x, weights, stride, padding) if onednn()
            else _turned(x, weights))


def _with_kernel_gradient(x, weights, stride, padding):
    """With `kernel_gradient` instead of TensorFlow's."""
    @tf.custom_gradient
    def convolved(x, weights):
        strides = [1, stride, stride, 1]

        def gradient(pull):
            to_x = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(x), filter=weights, out_backprop=pull, strides=strides,
                padding=padding)
            return to_x, kernel_gradient(x, pull, int(weights.shape[0]), stride, padding)
        return tf.nn.depthwise_conv2d(x, weights, strides, padding), gradient
    return convolved(x, weights)


def _turned(x, weights):
    """Stride 1: the gradient of an image by the kernel turned round is the convolution, and in
    TensorFlow 1.15 takes two thirds of its time."""
    @tf.custom_gradient
    def convolved(x, weights):
        def to_image(pull, weights):
            return tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(x), filter=weights, out_backprop=pull, strides=[1] * 4,
                padding='SAME')

        def gradient(pull):
            return to_image(pull, weights), tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                input=x, filter_sizes=tf.shape(weights), out_backprop=pull, strides=[1] * 4,
                padding='SAME')
        return to_image(x, tf.reverse(weights, [0, 1])), gradient
    return convolved(x, weights)


def kernel_gradient(x, pull, kernel, stride, padding):
    """Gradient [k, k, channels, 1] of a depthwise kernel, by a depthwise convolution.

    x [batch, h, w, channels]; pull: the gradient of what came out. Each example and channel of the
    image is convolved with that of `pull` for its kernel. With a stride the rows and columns that
    meet the same part of the kernel are an image of their own: nothing is multiplied by zeros.
    """
    batch, *sizes, channels = x.shape.as_list()
    batch = tf.shape(x)[0] if batch is None else batch
    reached = pull.shape.as_list()[1:3]
    taps = -(-kernel // stride)
    extents = [size + taps - 1 for size in reached]
    begins = [same(size, kernel, stride)[0] if padding == 'SAME' else 0 for size in sizes]
    rests = [stride * extent - begin - size
             for extent, begin, size in zip(extents, begins, sizes)]
    x = x[:, :sizes[0] + min(rests[0], 0), :sizes[1] + min(rests[1], 0)]
    x = tf.pad(x, [[0, 0]] + [[begin, max(rest, 0)] for begin, rest in zip(begins, rests)] +
               [[0, 0]])
    x = tf.reshape(x, [batch, extents[0], stride, extents[1], stride, channels])
    x = tf.reshape(tf.transpose(x, [2, 4, 1, 3, 0, 5]),
                   [stride * stride] + extents + [batch * channels])
    pull = tf.reshape(tf.transpose(pull, [1, 2, 0, 3]), reached + [batch * channels, 1])
    out = tf.nn.depthwise_conv2d(x, pull, [1, 1, 1, 1], 'VALID')
    out = tf.reduce_sum(tf.reshape(out, [stride, stride, taps, taps, batch, channels]), 4)
    out = tf.reshape(tf.transpose(out, [2, 0, 3, 1, 4]), [taps * stride] * 2 + [channels, 1])
    return out[:kernel, :kernel]


def same(size, kernel, stride):
    """(before, after): what SAME padding adds; kernels are no smaller than their stride."""
    total = (-(-size // stride) - 1) * stride + kernel - size
    return total // 2, total - total // 2
