"""Random erasing (Zhong et al., arXiv:1708.04896)."""

import math

import tensorflow.compat.v1 as tf

from input import stateless

AREA = (0.02, 1.0 / 3.0)
ASPECT = (0.3, 1.0 / 0.3)
ATTEMPTS = 10


def random_erasing(image, probability, seed):
    """With the given probability sets one rectangle of a normalised image to 0, its mean.

    image: float32 [height, width, 3]. The rectangle covers .02 to 1/3 of the area with an aspect
    (log-uniform) of .3 to 3.3; the first of ten draws that fits is taken, else nothing happens.
    NOTE: the paper fills with random values; zero, as timm's default, needs no draw per pixel.
    """
    if not probability:
        return image
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    rows, columns, fits = _sizes(height, width, seed)
    first = tf.argmax(tf.cast(fits, tf.int32))
    rows, columns = rows[first], columns[first]
    erased = tf.reduce_any(fits) & stateless.coin(seed, 'erasing', probability)
    top = stateless.integers(seed, 'erasing top', high=tf.maximum(height - rows + 1, 1))
    left = stateless.integers(seed, 'erasing left', high=tf.maximum(width - columns + 1, 1))
    y, x = tf.range(height), tf.range(width)
    inside = ((y >= top) & (y < top + rows))[:, tf.newaxis] & (
        (x >= left) & (x < left + columns))[tf.newaxis, :]
    keep = tf.cast(~(inside & erased), image.dtype)
    return image * keep[:, :, tf.newaxis]


def _sizes(height, width, seed):
    """Rows, columns (int32 [ATTEMPTS]) of the drawn rectangles and which are inside the image."""
    pixels = tf.cast(height * width, tf.float32)
    area = pixels * stateless.uniform(seed, 'erasing area', [ATTEMPTS], *AREA)
    aspect = tf.exp(stateless.uniform(seed, 'erasing aspect', [ATTEMPTS],
                                      math.log(ASPECT[0]), math.log(ASPECT[1])))
    rows = tf.cast(tf.round(tf.sqrt(area * aspect)), tf.int32)
    columns = tf.cast(tf.round(tf.sqrt(area / aspect)), tf.int32)
    return rows, columns, (rows < height) & (columns < width)
