"""AutoAugment (arXiv:1805.09501) and RandAugment (arXiv:1909.13719), stateless.

Operations, their arguments by level and the policy are those of efficientnet/autoaugment.py. One
operation at a time is chosen by index, so the graph has each operation once per application and
only the chosen one runs.
"""

import collections

import numpy as np
import tensorflow.compat.v1 as tf

from input import stateless
from input.augment import image_ops

MAX_LEVEL = 10.0

Reach = collections.namedtuple('Reach', ['cutout', 'translate'])
Reach.__doc__ = 'Pixels at level 10: half the side of the cutout, the shift of translate.'

AUTOAUGMENT_REACH = Reach(cutout=100, translate=250)
RANDAUGMENT_REACH = Reach(cutout=40, translate=100)


def _none(part, reach):
    return None


def _scaled(most, whole=False):
    return lambda part, reach: int(part * most) if whole else part * most


def _enhance(part, reach):
    return part * 1.8 + 0.1


Op = collections.namedtuple('Op', ['function', 'argument', 'signed'])
Op.__doc__ = """An operation: function(image, argument); argument(level / 10, reach) -> number or
None; signed: the argument is negated half of the time."""

OPS = collections.OrderedDict([
    ('AutoContrast', Op(image_ops.auto_contrast, _none, False)),
    ('Equalize', Op(image_ops.equalize, _none, False)),
    ('Invert', Op(image_ops.invert, _none, False)),
    ('Rotate', Op(image_ops.rotate, _scaled(30.0), True)),
    ('Posterize', Op(image_ops.posterize, _scaled(4, whole=True), False)),
    ('Solarize', Op(image_ops.solarize, _scaled(256, whole=True), False)),
    ('Color', Op(image_ops.color, _enhance, False)),
    ('Contrast', Op(image_ops.contrast, _enhance, False)),
    ('Brightness', Op(image_ops.brightness, _enhance, False)),
    ('Sharpness', Op(image_ops.sharpness, _enhance, False)),
    ('ShearX', Op(image_ops.shear_x, _scaled(0.3), True)),
    ('ShearY', Op(image_ops.shear_y, _scaled(0.3), True)),
    ('TranslateX', Op(image_ops.translate_x,
                      lambda part, reach: part * float(reach.translate), True)),
    ('TranslateY', Op(image_ops.translate_y,
                      lambda part, reach: part * float(reach.translate), True)),
    ('Cutout', Op(image_ops.cutout, lambda part, reach: int(part * reach.cutout), False)),
    ('SolarizeAdd', Op(image_ops.solarize_add, _scaled(110, whole=True), False)),
])

# Sub-policies of two (operation, probability, level), one of which is drawn for an image.
POLICY_V0 = (
    (('Equalize', 0.8, 1), ('ShearY', 0.8, 4)),
    (('Color', 0.4, 9), ('Equalize', 0.6, 3)),
    (('Color', 0.4, 1), ('Rotate', 0.6, 8)),
    (('Solarize', 0.8, 3), ('Equalize', 0.4, 7)),
    (('Solarize', 0.4, 2), ('Solarize', 0.6, 2)),
    (('Color', 0.2, 0), ('Equalize', 0.8, 8)),
    (('Equalize', 0.4, 8), ('SolarizeAdd', 0.8, 3)),
    (('ShearX', 0.2, 9), ('Rotate', 0.6, 8)),
    (('Color', 0.6, 1), ('Equalize', 1.0, 2)),
    (('Invert', 0.4, 9), ('Rotate', 0.6, 0)),
    (('Equalize', 1.0, 9), ('ShearY', 0.6, 3)),
    (('Color', 0.4, 7), ('Equalize', 0.6, 0)),
    (('Posterize', 0.4, 6), ('AutoContrast', 0.4, 7)),
    (('Solarize', 0.6, 8), ('Color', 0.6, 9)),
    (('Solarize', 0.2, 4), ('Rotate', 0.8, 9)),
    (('Rotate', 1.0, 7), ('TranslateY', 0.8, 9)),
    (('ShearX', 0.0, 0), ('Solarize', 0.8, 4)),
    (('ShearY', 0.8, 0), ('Color', 0.6, 4)),
    (('Color', 1.0, 0), ('Rotate', 0.6, 2)),
    (('Equalize', 0.8, 4), ('Equalize', 0.0, 8)),
    (('Equalize', 1.0, 4), ('AutoContrast', 0.6, 2)),
    (('ShearY', 0.4, 7), ('SolarizeAdd', 0.6, 7)),
    (('Posterize', 0.8, 2), ('Solarize', 0.6, 10)),
    (('Solarize', 0.6, 8), ('Equalize', 0.6, 1)),
    (('Color', 0.8, 6), ('Rotate', 0.4, 5)),
)


def level_to_arg(name, level, reach):
    """Argument of an operation at a level (0..10, RandAugment goes beyond), None if it has none."""
    return OPS[name].argument(level / MAX_LEVEL, reach)


def _argument(name, level, reach):
    return float(level_to_arg(name, level, reach) or 0.0)


def apply_op(image, index, argument, seed, names=None):
    """The operation at `index` of `names` (int32 scalar) with the argument (float32 scalar).

    image: as in input.augment.image_ops. names: all OPS by default; the index after the last
    leaves the image as it is. Draws the sign of signed arguments and the centre of a cutout.
    """
    ops = {name: OPS[name] for name in names or OPS}
    signed = tf.gather(tf.constant([op.signed for op in ops.values()] + [False]), index)
    negate = signed & stateless.coin(seed, 'sign')
    argument = tf.where(negate, -argument, argument)

    def branch(name, op):
        if name == 'Cutout':
            return lambda: op.function(image, argument, _centre(image, seed))
        return lambda: op.function(image, argument)

    result = tf.switch_case(index, [branch(name, op) for name, op in ops.items()]
                            + [lambda: tf.identity(image)])
    result.set_shape(image.shape)
    return result


def _centre(image, seed):
    return (stateless.integers(seed, 'cutout row', high=tf.shape(image)[0]),
            stateless.integers(seed, 'cutout column', high=tf.shape(image)[1]))


def autoaugment(image, seed, policy=POLICY_V0):
    """One random sub-policy applied to an image of input.augment.image_ops; another one.

    The graph has the operations of the policy and no others; one that is not to be used is the
    one after the last.
    """
    names = sorted({name for pair in policy for name, _, _ in pair})
    table = np.array([[(names.index(name), probability, _argument(name, level, AUTOAUGMENT_REACH))
                       for name, probability, level in pair] for pair in policy], np.float32)
    chosen = tf.gather(tf.constant(table), stateless.integers(seed, 'policy', high=len(policy)))
    for step in range(table.shape[1]):
        index, probability, argument = tf.unstack(chosen[step])
        step_seed = stateless.fold(seed, f'policy step {step}')
        used = stateless.coin(step_seed, 'use', probability)
        index = tf.where(used, tf.cast(index, tf.int32), len(names))
        image = apply_op(image, index, argument, step_seed, names)
    return image


def randaugment(image, num_layers, magnitude, seed):
    """`num_layers` operations drawn uniformly out of OPS, each at level `magnitude`.

    image: as in input.augment.image_ops. Each drawn operation is always applied: the probability
    the original draws for it is never used.
    """
    arguments = tf.constant(
        [_argument(name, float(magnitude), RANDAUGMENT_REACH) for name in OPS], tf.float32)
    for layer in range(num_layers):
        layer_seed = stateless.fold(seed, f'layer {layer}')
        index = stateless.integers(layer_seed, 'operation', high=len(OPS))
        image = apply_op(image, index, tf.gather(arguments, index), layer_seed)
    return image
