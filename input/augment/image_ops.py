"""The operations of AutoAugment and RandAugment on one uint8 image [height, width, 3].

Their results are those of efficientnet/autoaugment.py, oddities included, and differ from PIL's
where that file does. Each takes (image, argument), argument a float32 scalar, and returns uint8 of
the same shape; `cutout` takes the centre besides. Pixels without content become FILL.
"""

import math

import tensorflow.compat.v1 as tf

FILL = 128


def _blend(degenerate, image, factor):
    """degenerate + factor * (image - degenerate), clipped and truncated to uint8."""
    start = tf.cast(degenerate, tf.float32)
    mixed = start + factor * (tf.cast(image, tf.float32) - start)
    return tf.cast(tf.clip_by_value(mixed, 0.0, 255.0), tf.uint8)


def _filled(pixels, keep, like):
    """Flat pixels [n, 3] where `keep` [n] holds, FILL elsewhere, in the shape of `like`."""
    fill = tf.fill(tf.shape(pixels), tf.constant(FILL, tf.uint8))
    result = tf.reshape(tf.where(keep, pixels, fill), tf.shape(like))
    result.set_shape(like.shape)
    return result


def _rounded(value):
    """Nearest integer, halves away from zero."""
    return tf.cast(tf.sign(value) * tf.floor(tf.abs(value) + 0.5), tf.int32)


def _transform(image, row_x, row_y):
    """Pixel (x, y) of the result is the one nearest to (row_x . (x, y, 1), row_y . (x, y, 1))."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    x, y = tf.meshgrid(tf.cast(tf.range(width), tf.float32),
                       tf.cast(tf.range(height), tf.float32))
    x, y = tf.reshape(x, [-1]), tf.reshape(y, [-1])
    from_x = _rounded(row_x[0] * x + row_x[1] * y + row_x[2])
    from_y = _rounded(row_y[0] * x + row_y[1] * y + row_y[2])
    inside = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
    index = tf.where(inside, from_y * width + from_x, tf.zeros_like(from_x))
    return _filled(tf.gather(tf.reshape(image, [-1, 3]), index), inside, image)


def auto_contrast(image, _):
    """Each channel stretched to 0..255; a channel of one value stays."""
    low = tf.cast(tf.reduce_min(image, [0, 1]), tf.float32)
    high = tf.cast(tf.reduce_max(image, [0, 1]), tf.float32)
    scale = tf.where(high > low, 255.0 / tf.maximum(high - low, 1.0), tf.ones_like(low))
    offset = tf.where(high > low, -low * scale, tf.zeros_like(low))
    stretched = tf.cast(image, tf.float32) * scale + offset
    return tf.cast(tf.clip_by_value(stretched, 0.0, 255.0), tf.uint8)


def equalize(image, _):
    """Histogram equalisation of each channel, as PIL's."""
    slots = tf.cast(image, tf.int32) + tf.constant([0, 256, 512])
    counts = tf.math.bincount(tf.reshape(slots, [-1]), minlength=768, maxlength=768)
    counts = tf.reshape(counts, [3, 256])
    levels = tf.range(256)[tf.newaxis, :] + tf.zeros([3, 1], tf.int32)
    highest = tf.reduce_max(tf.where(counts > 0, levels, tf.zeros_like(levels)), 1, keepdims=True)
    in_highest = tf.reduce_sum(counts * tf.cast(tf.equal(levels, highest), tf.int32), 1,
                               keepdims=True)
    step = (tf.reduce_sum(counts, 1, keepdims=True) - in_highest) // 255
    table = (tf.cumsum(counts, axis=1, exclusive=True) + step // 2) // tf.maximum(step, 1)
    table = tf.where(tf.equal(step + tf.zeros_like(levels), 0), levels,
                     tf.clip_by_value(table, 0, 255))
    return tf.cast(tf.gather(tf.reshape(table, [-1]), slots), tf.uint8)


def invert(image, _):
    """255 - value."""
    return 255 - image


def rotate(image, degrees):
    """Counterclockwise about the centre."""
    angle = degrees * (math.pi / 180.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    right = tf.cast(tf.shape(image)[1] - 1, tf.float32)
    bottom = tf.cast(tf.shape(image)[0] - 1, tf.float32)
    return _transform(image, (cos, -sin, (right - (cos * right - sin * bottom)) / 2.0),
                      (sin, cos, (bottom - (sin * right + cos * bottom)) / 2.0))


def posterize(image, bits):
    """Keeps the highest bits; 0 bits are 1, as the original's shift by 8 acts as one by 7."""
    shift = tf.cast(tf.clip_by_value(8.0 - bits, 0.0, 7.0), tf.uint8)
    shift = tf.zeros_like(image) + shift
    return tf.bitwise.left_shift(tf.bitwise.right_shift(image, shift), shift)


def solarize(image, threshold):
    """Inverts values from the threshold on; the threshold wraps at 256, which inverts all."""
    threshold = tf.cast(tf.cast(threshold, tf.int32) % 256, tf.uint8)
    return tf.where(image < threshold, image, 255 - image)


def solarize_add(image, addition):
    """Adds to values below 128, up to 255."""
    added = tf.cast(image, tf.int32) + tf.cast(addition, tf.int32)
    added = tf.cast(tf.clip_by_value(added, 0, 255), tf.uint8)
    return tf.where(image < 128, added, image)


def color(image, factor):
    """Between greyscale (0) and the image (1), and beyond."""
    return _blend(tf.image.rgb_to_grayscale(image), image, factor)


def contrast(image, factor):
    """Between one grey and the image. The grey is the number of pixels / 256, at most 255.

    NOTE: the original means the average grey, but averages the histogram's counts.
    """
    grey = tf.minimum(tf.cast(tf.size(image) // 3, tf.float32) / 256.0, 255.0)
    return _blend(tf.floor(grey), image, factor)


def brightness(image, factor):
    """Between black (0) and the image (1), and beyond."""
    return _blend(0, image, factor)


def sharpness(image, factor):
    """Between a 3x3 smoothing (0) and the image (1), and beyond; the border stays."""
    values = tf.cast(image, tf.float32)
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    smooth = 0.0
    for row in range(3):
        for column in range(3):
            weight = tf.constant(5.0 if row == column == 1 else 1.0) / 13.0
            smooth += weight * values[row:height - 2 + row, column:width - 2 + column]
    smooth = tf.cast(tf.clip_by_value(smooth, 0.0, 255.0), tf.uint8)
    middle = tf.pad(tf.ones_like(smooth), [[1, 1], [1, 1], [0, 0]])
    smooth = tf.pad(smooth, [[1, 1], [1, 1], [0, 0]])
    return _blend(tf.where(tf.equal(middle, 1), smooth, image), image, factor)


def shear_x(image, level):
    """Row y moves left by level * y."""
    return _transform(image, (1.0, level, 0.0), (0.0, 1.0, 0.0))


def shear_y(image, level):
    """Column x moves up by level * x."""
    return _transform(image, (1.0, 0.0, 0.0), (level, 1.0, 0.0))


def translate_x(image, pixels):
    """Moves left."""
    return _transform(image, (1.0, 0.0, pixels), (0.0, 1.0, 0.0))


def translate_y(image, pixels):
    """Moves up."""
    return _transform(image, (1.0, 0.0, 0.0), (0.0, 1.0, pixels))


def cutout(image, size, centre):
    """Fills the square from centre - size up to, not including, centre + size.

    centre: int32 [2], row and column.
    """
    size = tf.cast(size, tf.int32)
    rows, columns = tf.range(tf.shape(image)[0]), tf.range(tf.shape(image)[1])
    in_rows = (rows >= centre[0] - size) & (rows < centre[0] + size)
    in_columns = (columns >= centre[1] - size) & (columns < centre[1] + size)
    keep = ~(in_rows[:, tf.newaxis] & in_columns[tf.newaxis, :])
    return _filled(tf.reshape(image, [-1, 3]), tf.reshape(keep, [-1]), image)
