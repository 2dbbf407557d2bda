"""Encoded images to pixels: whole, or only a window of a JPEG (fused decode and crop)."""

import tensorflow.compat.v1 as tf


class EncodedImage:
    """One encoded image inside a graph.

    JPEG payloads are decoded lazily, so that a window costs only its own blocks; PNG, GIF (first
    frame) and BMP are decoded once. Grayscale and CMYK come out as 3 channels.

    Args:
        encoded: string scalar.
        jpeg: keyword arguments of `tf.image.decode_jpeg`.
    """

    def __init__(self, encoded, **jpeg):
        self._encoded = encoded
        self._jpeg = dict(jpeg, channels=3)
        self._is_jpeg = tf.io.is_jpeg(encoded)
        self._other, shape = tf.cond(
            self._is_jpeg,
            lambda: (tf.zeros([0, 0, 3], tf.uint8), tf.image.extract_jpeg_shape(encoded)),
            self._decode_other)
        self.height, self.width, _ = tf.unstack(shape, num=3)

    def _decode_other(self):
        image = tf.cond(
            tf.equal(tf.strings.substr(self._encoded, 0, 2), b'BM'), self._decode_bmp,
            lambda: tf.image.decode_image(self._encoded, channels=3, expand_animations=False))
        return tf.ensure_shape(image, [None, None, 3]), tf.shape(image)

    def _decode_bmp(self):
        """By depth: TensorFlow 1.15 does not convert, and its op keeps the depth of its first file.

        Bits a pixel are an int16 at byte 28.
        """
        bits = tf.io.decode_raw(tf.strings.substr(self._encoded, 28, 2), tf.int16)[0]
        return tf.case([
            (tf.equal(bits, 8), lambda: tf.tile(
                tf.image.decode_bmp(self._encoded), [1, 1, 3])),
            (tf.equal(bits, 32), lambda: tf.image.decode_bmp(self._encoded, channels=4)[:, :, :3]),
        ], default=lambda: tf.image.decode_bmp(self._encoded, channels=3), exclusive=True)

    def whole(self):
        """uint8 [height, width, 3]."""
        image = tf.cond(self._is_jpeg,
                        lambda: tf.image.decode_jpeg(self._encoded, **self._jpeg),
                        lambda: self._other)
        return tf.ensure_shape(image, [None, None, 3])

    def window(self, window):
        """uint8 [window height, window width, 3] for a window (y, x, height, width).

        Without fancy upscaling the whole image is decoded: libjpeg-turbo's merged upsampling
        reads past the end when it has to crop as well, and takes the process down.
        """
        if not self._jpeg.get('fancy_upscaling', True):
            return cut(self.whole(), window)
        image = tf.cond(
            self._is_jpeg,
            lambda: tf.image.decode_and_crop_jpeg(self._encoded, window, **self._jpeg),
            lambda: cut(self._other, window))
        return tf.ensure_shape(image, [None, None, 3])


def cut(image, window):
    """A window of a decoded image."""
    return tf.slice(image, tf.concat([window[:2], [0]], 0), tf.concat([window[2:], [3]], 0))


def bilinear(image, height, width):
    """TensorFlow 1's bilinear resize (corner-aligned grid, no antialias) to float32."""
    return tf.image.resize_bilinear(image[tf.newaxis], tf.stack([height, width]))[0]


def bicubic(image, height, width):
    """TensorFlow 1's bicubic resize to float32; overshoots 0..255, not clipped."""
    return tf.image.resize_bicubic(image[tf.newaxis], tf.stack([height, width]))[0]


def antialiased(image, height, width):
    """Bilinear resize with pixel centres and antialias, as PIL does, to float32."""
    return _scaled(image, height, width, 'triangle')


def antialiased_bicubic(image, height, width):
    """Bicubic resize with pixel centres and antialias, as PIL does, to float32 in 0..255."""
    return tf.clip_by_value(_scaled(image, height, width, 'keyscubic'), 0.0, 255.0)


def _scaled(image, height, width, kernel):
    size = tf.stack([height, width])
    scale = tf.cast(size, tf.float32) / tf.cast(tf.shape(image)[:2], tf.float32)
    return tf.raw_ops.ScaleAndTranslate(
        images=image[tf.newaxis], size=size, scale=scale, translation=tf.zeros([2]),
        kernel_type=kernel, antialias=True)[0]
