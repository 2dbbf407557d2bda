"""mixup (arXiv:1710.09412) and CutMix (arXiv:1905.04899) on a batch, stateless.

The partner of an example is the one at the mirrored position of the batch, as in the EfficientNet
original; batches are shuffled, so that is as good as a draw.
"""

import math

import tensorflow.compat.v1 as tf

from input import stateless

ATTEMPTS = 8


def beta(alpha, shape, seed):
    """Float32 draws of Beta(alpha, alpha), shape `shape`; alpha: a positive number.

    Two gamma draws in logarithms (Marsaglia and Tsang 2000, boosted by a uniform so that alpha may
    be below one), without a loop: the first accepted of eight candidates, each of which is
    accepted with probability .95 or more.
    """
    return tf.sigmoid(_log_gamma_draw(alpha, shape, stateless.fold(seed, 'first gamma'))
                      - _log_gamma_draw(alpha, shape, stateless.fold(seed, 'second gamma')))


def _log_gamma_draw(alpha, shape, seed):
    """Logarithms of gamma draws of shape parameter alpha."""
    many = tf.concat([shape, [ATTEMPTS]], 0)

    def log_uniform(purpose, size):
        return tf.log(1.0 - stateless.uniform(seed, purpose, size))

    angle = stateless.uniform(seed, 'angle', many, high=2.0 * math.pi)
    normal = tf.sqrt(-2.0 * log_uniform('radius', many)) * tf.cos(angle)
    scale = alpha + 1.0 - 1.0 / 3.0
    root = 1.0 + normal / math.sqrt(9.0 * scale)
    log_cube = 3.0 * tf.log(tf.maximum(root, 1e-12))
    accepted = (root > 0) & (log_uniform('accept', many) < (
        0.5 * tf.square(normal) + scale * (1.0 - tf.exp(log_cube) + log_cube)))
    first = tf.one_hot(tf.argmax(tf.cast(accepted, tf.int32), -1), ATTEMPTS)
    return (math.log(scale) + tf.reduce_sum(log_cube * first, -1)
            + log_uniform('boost', shape) / alpha)


def mix(images, targets, mixup_alpha, cutmix_alpha, seed):
    """mixup or CutMix, whichever has an alpha; with both, a fair coin chooses for each batch."""
    if not (mixup_alpha and cutmix_alpha):
        return cutmix(*mixup(images, targets, mixup_alpha, seed), cutmix_alpha, seed)
    return tf.cond(stateless.coin(seed, 'mixup or cutmix'),
                   lambda: mixup(images, targets, mixup_alpha, seed),
                   lambda: cutmix(images, targets, cutmix_alpha, seed))


def partners(batch):
    """The examples in reverse order; twenty times as fast as batch[::-1] by value."""
    return tf.gather(batch, tf.range(tf.shape(batch)[0] - 1, -1, -1))


def mixup(images, targets, alpha, seed):
    """Weighted sums of each example and its partner, the example having the larger weight.

    images: float [batch, height, width, 3]; targets: float32 [batch, classes]; a weight for each
    example is max(w, 1 - w), w ~ Beta(alpha, alpha). Returns (images, targets); alpha 0 keeps them.
    """
    if not alpha:
        return images, targets
    weight = beta(alpha, tf.shape(images)[:1], seed)
    weight = tf.maximum(weight, 1.0 - weight)
    for_images = tf.cast(weight[:, tf.newaxis, tf.newaxis, tf.newaxis], images.dtype)
    for_targets = weight[:, tf.newaxis]
    return (images * for_images + partners(images) * (1 - for_images),
            targets * for_targets + partners(targets) * (1.0 - for_targets))


def cutmix(images, targets, alpha, seed):
    """One rectangle of every image comes from its partner, targets in proportion of the areas.

    Shapes as for mixup. One rectangle per batch, as in the paper: a part 1 - w of the image,
    w ~ Beta(alpha, alpha), around a uniform centre and cut at the border.
    """
    if not alpha:
        return images, targets
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    side = tf.sqrt(1.0 - beta(alpha, [1], seed)[0])
    top, bottom = _span(height, side, stateless.integers(seed, 'cutmix row', high=height))
    left, right = _span(width, side, stateless.integers(seed, 'cutmix column', high=width))
    rows = images[:, top:bottom]
    rows = tf.concat([rows[:, :, :left], partners(rows[:, :, left:right]), rows[:, :, right:]], 2)
    mixed = tf.concat([images[:, :top], rows, images[:, bottom:]], 1)
    area = tf.cast((bottom - top) * (right - left), tf.float32)
    kept = 1.0 - area / tf.cast(height * width, tf.float32)
    return (tf.ensure_shape(mixed, images.shape),
            targets * kept + partners(targets) * (1.0 - kept))


def _span(length, side, centre):
    """(begin, end) of a span of `side` of the length around the centre, cut at the borders."""
    half = tf.cast(tf.cast(length, tf.float32) * side, tf.int32) // 2
    return tf.maximum(centre - half, 0), tf.minimum(centre + half, length)
