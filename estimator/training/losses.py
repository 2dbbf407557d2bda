"""Cross entropy per example with label smoothing, and top-k hits."""

import tensorflow.compat.v1 as tf

from common.errors import FlagError

# style -> weight of the wrong classes for smoothing e and K classes; the right class is then
# 1 - e + that weight in TensorFlow's form and 1 - e in MindSpore's CrossEntropySmooth.
_STYLES = {
    'tf': lambda e, k: (1.0 - e + e / k, e / k),
    'mindspore': lambda e, k: (1.0 - e, e / (k - 1.0)),
}


def smoothed(target, smoothing, num_classes, style='tf'):
    """[batch, num_classes] target whose right class has the `on` and others the `off` value."""
    if style not in _STYLES:
        raise FlagError(f'Unknown --label_smoothing_style={style}; '
                        f'one of {", ".join(sorted(_STYLES))}.')
    on, off = _STYLES[style](float(smoothing), float(num_classes))
    return target * (on - off) + off


def cross_entropy(logits, target, num_classes, smoothing=0.0, style='tf'):
    """Cross entropy of each example, float32 [batch].

    logits: [batch, num_classes], any float type (computed in float32); target: integer class
    indices [batch], or float [batch, num_classes] that sums to one (mixup, CutMix; before
    smoothing); style: 'tf' (1 - e + e/K, e/K) or 'mindspore' (1 - e, e/(K - 1)).
    """
    logits = tf.cast(logits, tf.float32)
    if target.dtype.is_integer:
        if not smoothing:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
        target = tf.one_hot(target, num_classes, dtype=tf.float32)
    if smoothing:
        target = smoothed(target, smoothing, num_classes, style)
    return tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=tf.stop_gradient(tf.cast(target, tf.float32)), logits=logits)


def weight_of(target, weights):
    """Weight of each example, float32 [batch]: of its class, or the mean over a soft target's.

    target: as of cross_entropy; weights: a number for each class.
    """
    weights = tf.constant(weights, tf.float32)
    if target.dtype.is_integer:
        return tf.gather(weights, target)
    return tf.linalg.matvec(tf.cast(target, tf.float32), weights)


def top_k_hits(logits, labels, k):
    """Boolean [batch]: the label's logit is among the k largest.

    As tf.nn.in_top_k: classes tied with the k-th largest all count as inside; a logit that is not
    finite is a miss.
    """
    return tf.nn.in_top_k(predictions=tf.cast(logits, tf.float32), targets=labels, k=k)
