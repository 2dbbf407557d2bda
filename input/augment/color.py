"""Colour distortion of slim's inception preprocessing, fast mode."""

import tensorflow.compat.v1 as tf

from input import stateless


def distort_color_fast(image, seed):
    """Random brightness (+-32/255), then saturation (x .5 to 1.5), clipped to [0, 1].

    image: float32 [height, width, 3] in [0, 1]. slim lists both orders, but its fast mode draws
    out of one case only, which is this order.
    """
    shift = stateless.uniform(seed, 'brightness', low=-32.0 / 255.0, high=32.0 / 255.0)
    factor = stateless.uniform(seed, 'saturation', low=0.5, high=1.5)
    return tf.clip_by_value(tf.image.adjust_saturation(image + shift, factor), 0.0, 1.0)
