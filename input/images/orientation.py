"""Which way is up, inside a graph: the EXIF orientation of a JPEG file (tag 0x0112, TIFF 6.0)."""

import tensorflow.compat.v1 as tf

from input.images import decode

_HEADER = 4096      # bytes in which the EXIF block begins
_EXIF = tuple(b'Exif\0\0')
# The tag, its type SHORT and its count 1, in both byte orders, and where the value follows.
_ENTRIES = (((0x12, 0x01, 3, 0, 1, 0, 0, 0), 8), ((0x01, 0x12, 0, 3, 0, 0, 0, 1), 9))


def of_jpeg(encoded):
    """Orientation 1 to 8 of a string scalar as int32; 1 where it says nothing."""
    header = tf.cast(tf.io.decode_raw(tf.strings.substr(encoded, 0, _HEADER), tf.uint8), tf.int32)
    header = tf.concat([header, tf.zeros([16], tf.int32)], 0)
    exif = _first(header, _EXIF)
    found = tf.constant(1, tf.int32)
    for entry, value in _ENTRIES:
        at = _first(header, entry)
        given = header[tf.minimum(at + value, tf.size(header) - 1)]
        valid = tf.io.is_jpeg(encoded) & (exif < at) & (at < tf.size(header)) & (
            given >= 1) & (given <= 8) & tf.equal(found, 1)
        found = tf.where(valid, given, found)
    return found


def _first(values, pattern):
    """Where a pattern begins first; the size of `values` when nowhere."""
    last = tf.size(values) - len(pattern) + 1
    same = tf.reduce_all(tf.stack(
        [tf.equal(values[offset:last + offset], value) for offset, value in enumerate(pattern)]),
        axis=0)
    places = tf.reshape(tf.where(same), [-1])
    return tf.cast(tf.concat([places, [tf.size(values, out_type=tf.int64)]], 0)[0], tf.int32)


class UprightImage(decode.EncodedImage):
    """An encoded image whose pixels come out the way up that EXIF says; args of EncodedImage."""

    def __init__(self, encoded, **jpeg):
        super().__init__(encoded, **jpeg)
        self._orientation = of_jpeg(encoded)
        lying = self._orientation >= 5
        self.height, self.width = (tf.where(lying, self.width, self.height),
                                   tf.where(lying, self.height, self.width))

    def whole(self):
        """uint8 [height, width, 3]."""
        image, turn = super().whole(), self._orientation
        image = tf.cond(turn >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
        image = _flipped(image, turn, (2, 3, 6, 7), 1)
        return tf.ensure_shape(_flipped(image, turn, (3, 4, 7, 8), 0), [None, None, 3])

    def window(self, window):
        """uint8 [window height, window width, 3] for a window (y, x, height, width)."""
        lying_as_stored = super().window
        image = tf.cond(tf.equal(self._orientation, 1), lambda: lying_as_stored(window),
                        lambda: decode.cut(self.whole(), window))
        return tf.ensure_shape(image, [None, None, 3])


def _flipped(image, turn, turns, axis):
    wanted = tf.reduce_any(tf.equal(turn, turns))
    return tf.cond(wanted, lambda: tf.reverse(image, [axis]), lambda: image)
