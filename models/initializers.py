"""What new kernels begin with: functions of a shape that give TensorFlow's initializers."""

import collections

import tensorflow.compat.v1 as tf

Initializers = collections.namedtuple('Initializers', 'conv depthwise dense')


def fan_out_normal(shape):
    """N(0, sqrt(2 / (kh * kw * out))); a depthwise kernel counts one output."""
    return tf.random_normal_initializer(stddev=(2.0 / (shape[0] * shape[1] * shape[-1])) ** 0.5)


def classes_of(shape):
    """Classes that the range of a new classifier follows, ImageNet's at least.

    NOTE: the originals' range grows as classes get fewer; with 10 of them the first logits are ten
    times ImageNet's, a loss of 5 where guessing has 2.3, and of few images many epochs go by before
    that is unlearnt. With 1000 classes and more nothing differs.
    """
    return max(shape[-1], 1000)


def class_uniform(shape):
    """U(-1 / sqrt(classes), 1 / sqrt(classes)), of the TPU models' classifier."""
    bound = classes_of(shape) ** -0.5
    return tf.random_uniform_initializer(-bound, bound)


TPU = Initializers(fan_out_normal, fan_out_normal, class_uniform)
