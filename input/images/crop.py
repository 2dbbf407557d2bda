"""Crop windows of training and evaluation. A window is int32 [4]: (y, x, height, width) in pixels.

The random windows are pure functions of a seed; all attempts are drawn at once and the first
acceptable one is taken, which has the distribution of drawing them one after the other.
"""

import math

import tensorflow.compat.v1 as tf

from input.stateless import unit


def padded_center(height, width, size, padding=32):
    """Square of side size / (size + padding) of the short side (`_decode_and_center_crop`)."""
    shorter = tf.cast(tf.minimum(height, width), tf.float32)
    side = tf.cast(shorter * (size / (size + padding)), tf.int32)
    return tf.stack([(height - side + 1) // 2, (width - side + 1) // 2, side, side])


def central_fraction(height, width, fraction):
    """The centre with `fraction` of each side, aspect kept as it is (`tf.image.central_crop`)."""
    sides = tf.cast(tf.stack([height, width]), tf.float64)
    offset = tf.cast((sides - sides * fraction) / 2, tf.int32)
    return tf.concat([offset, tf.stack([height, width]) - offset * 2], 0)


def whole(height, width):
    """The window that is the image."""
    return tf.stack([0, 0, height, width])


def is_whole(window, height, width):
    """True where a window is the image."""
    return tf.reduce_all(tf.equal(window, whole(height, width)))


def _rounded(value):
    return tf.cast(tf.round(value), tf.int32)


def _draw(units, count):
    """Whole numbers in [0, count) from unit draws; 0 where count is not positive."""
    return tf.maximum(tf.minimum(tf.floor(units * count), count - 1.0), 0.0)


def _largest_height(max_area, ratio, height, width):
    """The largest height whose area and rounded width both fit."""
    largest = tf.round(tf.sqrt(max_area / ratio))
    fitting = tf.floor((width + 0.5 - 1e-7) / ratio)
    too_wide = tf.round(fitting * ratio) > width
    fitting -= tf.cast(too_wide, tf.float32)
    overflow = tf.round(largest * ratio) > width
    return tf.minimum(tf.where(overflow, fitting, largest), height)


def distorted(height, width, seed, area, aspect, attempts, covered=0.1):
    """Stateless `tf.image.sample_distorted_bounding_box` for one box, the whole image.

    The kernel's algorithm: the aspect ratio is uniform, the height uniform among the integers
    that give an allowed area, the width follows; an area that rounding pushed over a bound is
    corrected by one row; the offset is uniform. Attempts that miss a bound or cover less than
    `covered` of the image are rejected; when none is left, the window is the whole image.
    `area` and `aspect` are (low, high), `covered` is positive; height and width int32 scalars.
    Whole numbers are float32 here, which spares the casts; sides are far below 2 ** 24, up to which
    that is exact.
    """
    image = whole(height, width)
    height, width = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    shape, size, down, right = tf.unstack(unit(seed, 'crop', [4, attempts]))
    ratio = shape * (aspect[1] - aspect[0]) + aspect[0]
    full = height * width
    low, high = area[0] * full, area[1] * full
    tallest = _largest_height(high, ratio, height, width)
    shortest = tf.minimum(tf.round(tf.sqrt(low / ratio)), tallest)

    rows = shortest + _draw(size, tallest - shortest + 1.0)
    rows += tf.cast(rows * tf.round(rows * ratio) < low, tf.float32)
    rows -= tf.cast(rows * tf.round(rows * ratio) > high, tf.float32)
    columns = tf.round(rows * ratio)
    got = rows * columns
    good = ((got >= tf.maximum(low, covered * full)) & (got <= high)
            & (rows <= height) & (columns <= width))

    top, left = _draw(down, height - rows), _draw(right, width - columns)
    return _first(good, [top, left, rows, columns], image)


def _first(good, windows, otherwise):
    """The first attempt that is good, else `otherwise`."""
    found = tf.argmax(tf.cast(good, tf.int32), output_type=tf.int32)
    window = tf.cast(tf.stack(windows)[:, found], tf.int32)
    return tf.where(good[found], window, otherwise)


def resized(height, width, seed, area, aspect, attempts=10):
    """torchvision's RandomResizedCrop: area uniform, logarithm of the aspect ratio uniform.

    When no attempt fits: the centre with the aspect ratio clipped to the allowed range.
    """
    tall, wide = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    size, shape, down, right = tf.unstack(unit(seed, 'crop', [4, attempts]))
    target = tall * wide * (size * (area[1] - area[0]) + area[0])
    logs = [math.log(bound) for bound in aspect]
    ratio = tf.exp(shape * (logs[1] - logs[0]) + logs[0])
    columns, rows = tf.round(tf.sqrt(target * ratio)), tf.round(tf.sqrt(target / ratio))
    good = (rows <= tall) & (columns <= wide) & (rows > 0) & (columns > 0)
    top = _draw(down, tall - rows + 1.0)
    left = _draw(right, wide - columns + 1.0)

    clipped_rows = tf.minimum(height, _rounded(wide / aspect[0]))
    clipped_columns = tf.minimum(width, _rounded(tall * aspect[1]))
    centre = tf.stack([(height - clipped_rows) // 2, (width - clipped_columns) // 2,
                       clipped_rows, clipped_columns])
    return _first(good, [top, left, rows, columns], centre)
