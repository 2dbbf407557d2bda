"""--crop_min_area and --random_flip."""

import input_params
import tensorflow.compat.v1 as tf

from input import preprocessing

SIZE, SEEDS = 8, 12


def distinct(style_name, **changes):
    """How many different training images one square image gives under SEEDS seeds."""
    params = input_params.make(**changes)
    _, style = preprocessing.style_of(params, style_name)
    with tf.Graph().as_default(), tf.Session() as session:
        seed = tf.placeholder(tf.int64, [2])
        image = preprocessing.train_image(tf.constant(input_params.jpeg(3, size=(32, 32))), SIZE,
                                          seed, params, style)
        return len({session.run(image, {seed: [0, row]}).tobytes() for row in range(SEEDS)})


def test_the_whole_image_is_left_of_a_crop_of_its_area():
    assert distinct('torch', random_flip=False) > 6
    assert distinct('torch', crop_min_area=1.0, random_flip=False) == 1
    assert distinct('torch', crop_min_area=1.0) == 2        # and its mirror image


def test_styles_keep_their_own_without_flags():
    for name, area, flip in (('tpu_bilinear', 0.08, True), ('inception', 0.05, True),
                             ('digits', 1.0, False)):
        _, style = preprocessing.style_of(input_params.make(), name)
        assert (style.area, style.flip) == (area, flip)
    _, style = preprocessing.style_of(
        input_params.make(crop_min_area=0.35, random_flip=True), 'digits')
    assert (style.area, style.flip) == (0.35, True)
