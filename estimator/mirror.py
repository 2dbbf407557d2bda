"""--test_flip: what a network says of an image and of its mirror image, as one answer."""

import tensorflow.compat.v1 as tf


def both_ways(build, images):
    """(logits, {'features'}) of the mean of both probabilities and features.

    build: function of images -> (logits [batch, classes], endpoints); images: [batch, height,
    width, channels]. The logits are the logarithms of the mean probabilities.
    """
    logits, endpoints = build(tf.concat([images, tf.reverse(images, [2])], 0))
    sides = tf.stack(tf.split(tf.nn.log_softmax(logits), 2))
    joint = tf.reduce_logsumexp(sides, 0) - tf.log(2.0)
    features = tf.reduce_mean(tf.stack(tf.split(endpoints['features'], 2)), 0)
    return tf.ensure_shape(joint, [None, logits.shape[1].value]), {'features': features}
