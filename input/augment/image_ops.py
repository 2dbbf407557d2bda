"""The operations of AutoAugment and RandAugment on one image [height, width, 3].

Images are float32 with whole numbers 0..255: what takes one pass over uint8 takes several, of which
the casts are the slowest. The results are those of efficientnet/autoaugment.py, oddities included,
and differ from PIL's where that file does. Each takes (image, argument), argument a float32 scalar,
and returns an image of the same shape; `cutout` takes the centre besides. Pixels without content
become FILL.

Channels are worked on as rows of width * 3 values: broadcasting along an axis of 3 is ten times
slower. Where the order of a sum decides a bit, it is made of differences, or has another operation
in its middle: TensorFlow's optimizer of graphs puts sums in another order.
"""

import math

import tensorflow.compat.v1 as tf

FILL = 128.0
_SMALLEST = 2.0 ** -25      # see _transform


def whole(values):
    """Float32 values clipped to 0..255 and truncated: an image for these operations."""
    return tf.floor(tf.clip_by_value(values, 0.0, 255.0))


def _blend(degenerate, image, factor):
    """degenerate + factor * (image - degenerate), clipped and truncated."""
    return whole(degenerate + factor * (image - degenerate))


def _rows(image):
    return tf.reshape(image, [tf.shape(image)[0], -1])


def _like(values, image):
    values = tf.reshape(values, tf.shape(image))
    values.set_shape(image.shape)
    return values


def _along(values, image):
    """A value of each channel as a row of `_rows`."""
    return tf.tile(values, [tf.shape(image)[1]])


def _transform(image, row_x, row_y):
    """Pixel (x, y) of the result is the one nearest to (row_x . (x, y, -1), row_y . (x, y, -1)).

    Halves are rounded away from zero; so -1/2 is outside, and so is the number next to it, of
    which 1/2 more is 1 - 2 ** -25, rounded 1.
    """
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    sides = tf.cast(width, tf.float32), tf.cast(height, tf.float32)
    x, y = tf.range(sides[0])[tf.newaxis, :], tf.range(sides[1])[:, tf.newaxis]
    from_x, from_y = (tf.maximum(row[0] * x + row[1] * y - row[2], -1.0) + 0.5
                      for row in (row_x, row_y))
    inside = (((from_x > _SMALLEST) & (from_x < sides[0]))
              & ((from_y > _SMALLEST) & (from_y < sides[1])))
    index = tf.cast(from_y, tf.int32) * width + tf.cast(from_x, tf.int32)
    index = tf.where(inside, index, tf.fill([height, width], height * width))
    pixels = tf.concat([tf.reshape(image, [-1, 3]), tf.fill([1, 3], FILL)], 0)
    return _like(tf.gather(pixels, index), image)


def auto_contrast(image, _):
    """Each channel stretched to 0..255; a channel of one value stays."""
    rows = _rows(image)
    low = tf.reduce_min(tf.reshape(tf.reduce_min(rows, 0), [-1, 3]), 0)
    high = tf.reduce_max(tf.reshape(tf.reduce_max(rows, 0), [-1, 3]), 0)
    scale = tf.where(high > low, 255.0 / tf.maximum(high - low, 1.0), tf.ones_like(low))
    offset = tf.where(high > low, -low * scale, tf.zeros_like(low))
    return _like(whole(rows * _along(scale, image) + _along(offset, image)), image)


def equalize(image, _):
    """Histogram equalisation of each channel, as PIL's."""
    slots = tf.cast(_rows(image) + _along([0.0, 256.0, 512.0], image), tf.int32)
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
    return _like(tf.gather(tf.cast(tf.reshape(table, [-1]), tf.float32), slots), image)


def invert(image, _):
    """255 - value."""
    return 255.0 - image


def rotate(image, degrees):
    """Counterclockwise about the centre."""
    angle = degrees * (math.pi / 180.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    right = tf.cast(tf.shape(image)[1] - 1, tf.float32)
    bottom = tf.cast(tf.shape(image)[0] - 1, tf.float32)
    return _transform(image, (cos, -sin, ((cos * right - sin * bottom) - right) / 2.0),
                      (sin, cos, ((sin * right + cos * bottom) - bottom) / 2.0))


def posterize(image, bits):
    """Keeps the highest bits; 0 bits are 1, as the original's shift by 8 acts as one by 7."""
    shift = tf.cast(tf.clip_by_value(8.0 - bits, 0.0, 7.0), tf.int32)
    step = tf.gather([float(2 ** power) for power in range(8)], shift)
    return tf.floor(image * (1.0 / step)) * step


def solarize(image, threshold):
    """Inverts values from the threshold on; the threshold wraps at 256, which inverts all."""
    threshold = tf.cast(tf.cast(threshold, tf.int32) % 256, tf.float32)
    return tf.where(image < threshold, image, 255.0 - image)


def solarize_add(image, addition):
    """Adds to values below 128, up to 255."""
    added = tf.clip_by_value(image + tf.cast(tf.cast(addition, tf.int32), tf.float32), 0.0, 255.0)
    return tf.where(image < 128.0, added, image)


def color(image, factor):
    """Between greyscale (0) and the image (1), and beyond.

    The grey of `tf.image.rgb_to_grayscale` of uint8, to the bit; a product with ones puts it in
    three channels faster than a broadcast.
    """
    red, green, blue = tf.unstack(tf.reshape(image, [-1, 3]) * (1.0 / 255.0), 3, axis=1)
    grey = red * 0.2989 - green * -0.587 - blue * -0.114
    grey = tf.floor(grey * 255.5)[:, tf.newaxis]
    return _blend(_like(tf.matmul(grey, tf.ones([1, 3])), image), image, factor)


def contrast(image, factor):
    """Between one grey and the image. The grey is the number of pixels / 256, at most 255.

    NOTE: the original means the average grey, but averages the histogram's counts.
    """
    grey = tf.minimum(tf.cast(tf.size(image) // 3, tf.float32) / 256.0, 255.0)
    return _blend(tf.floor(grey), image, factor)


def brightness(image, factor):
    """Between black (0) and the image (1), and beyond."""
    return whole(image * factor)


def sharpness(image, factor):
    """Between a 3x3 smoothing (0) and the image (1), and beyond; the border stays."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    rows, side = _rows(image), 3 * (width - 2)
    smooth = 0.0
    around, middle = (rows * (tf.constant(weight) / 13.0) for weight in (-1.0, -5.0))
    for row in range(3):
        for column in range(3):
            part = middle if row == column == 1 else around
            smooth -= part[row:height - 2 + row, 3 * column:side + 3 * column]
    smooth = tf.floor(smooth)
    inner = rows[1:-1]
    changed = _blend(smooth, inner[:, 3:-3], factor)
    inner = tf.concat([inner[:, :3], changed, inner[:, -3:]], 1)
    return _like(tf.concat([rows[:1], inner, rows[-1:]], 0), image)


def shear_x(image, level):
    """Row y moves left by level * y."""
    return _transform(image, (1.0, level, 0.0), (0.0, 1.0, 0.0))


def shear_y(image, level):
    """Column x moves up by level * x."""
    return _transform(image, (1.0, 0.0, 0.0), (level, 1.0, 0.0))


def translate_x(image, pixels):
    """Moves left."""
    return _transform(image, (1.0, 0.0, -1.0 * pixels), (0.0, 1.0, 0.0))


def translate_y(image, pixels):
    """Moves up."""
    return _transform(image, (1.0, 0.0, 0.0), (0.0, 1.0, -1.0 * pixels))


def cutout(image, size, centre):
    """Fills the square from centre - size up to, not including, centre + size.

    centre: int32 [2], row and column.
    """
    size = tf.cast(size, tf.int32)
    rows, columns = tf.range(tf.shape(image)[0]), tf.range(3 * tf.shape(image)[1]) // 3
    in_rows = (rows >= centre[0] - size) & (rows < centre[0] + size)
    in_columns = (columns >= centre[1] - size) & (columns < centre[1] + size)
    values = _rows(image)
    missing = (FILL - values) * tf.cast(in_columns, tf.float32)
    return _like(values + missing * tf.cast(in_rows, tf.float32)[:, tf.newaxis], image)
