"""AutoAugment's operations against an independent numpy form, and bit by bit against the
original's results where those are at hand."""

import math
import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from input.augment import image_ops


def _picture(height=37, width=52):
    """Gradients with noise, a flat channel part, full range."""
    draws = np.random.RandomState(7)
    y, x = np.mgrid[:height, :width]
    planes = [x * 255 / (width - 1), 40 + y * 3 + draws.randint(0, 20, (height, width)),
              draws.randint(90, 160, (height, width))]
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def _blend(start, image, factor):
    start, image = np.float32(start), image.astype(np.float32)
    return np.clip(start + np.float32(factor) * (image - start), 0, 255).astype(np.uint8)


def _grey(image):
    weighted = (image / np.float32(255)) @ np.float32([.2989, .587, .114])
    return (weighted * 255 + .5).astype(np.uint8)[..., None]


def _smooth(image):
    total = 4.0 * image[1:-1, 1:-1]
    for row in range(3):
        for column in range(3):
            total = total + image[row:row + image.shape[0] - 2, column:column + image.shape[1] - 2]
    result = image.astype(float)
    result[1:-1, 1:-1] = np.floor(total / 13 + 1e-9)
    return result


def _equalized(image):
    result = np.empty_like(image)
    for channel in range(3):
        counts = np.bincount(image[..., channel].ravel(), minlength=256)
        step = (counts.sum() - counts[counts > 0][-1]) // 255
        if step == 0:
            result[..., channel] = image[..., channel]
            continue
        table = (np.concatenate([[0], np.cumsum(counts)[:-1]]) + step // 2) // step
        result[..., channel] = np.clip(table, 0, 255)[image[..., channel]]
    return result


def _stretched(image):
    low, high = image.min((0, 1)).astype(np.float32), image.max((0, 1)).astype(np.float32)
    scale = np.float32(255) / (high - low)
    return np.clip(image * scale - low * scale, 0, 255).astype(np.uint8)


def _moved(image, matrix):
    """(result, certain): certain where the source is not on the edge between two pixels."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    source = np.einsum('ij,jhw->ihw', matrix, np.stack([x, y, np.ones_like(x)]).astype(float))
    nearest = np.floor(source + .5).astype(int)
    inside = ((nearest >= 0) & (nearest < np.array([width, height])[:, None, None])).all(0)
    result = np.full_like(image, 128)
    result[inside] = image[nearest[1][inside], nearest[0][inside]]
    return result, (np.abs(source - np.floor(source) - .5) > 1e-3).all(0)


def _turned(image, degrees):
    height, width = image.shape[:2]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    turn = np.array([[cos, -sin], [sin, cos]])
    return _moved(image, np.concatenate([turn, (middle - turn @ middle)[:, None]], 1))


def _cut(image, centre, size):
    result = image.copy()
    result[max(0, centre[0] - size):centre[0] + size,
           max(0, centre[1] - size):centre[1] + size] = 128
    return result


def _cases(image):
    """(operation, arguments, expected result, mask of the pixels to compare or None)."""
    keep = image.astype(int)
    yield 'auto_contrast', (0.,), _stretched(image), None
    yield 'equalize', (0.,), _equalized(image), None
    yield 'invert', (0.,), 255 - image, None
    for bits, mask in [(0., 128), (1., 128), (4., 240), (8., 255), (12., 255)]:
        yield 'posterize', (bits,), image & mask, None
    for threshold, acts in [(0., 0), (128., 128), (200., 200), (256., 0), (384., 128)]:
        yield 'solarize', (threshold,), np.where(keep < acts, keep, 255 - keep), None
    yield 'solarize_add', (110.,), np.where(keep < 128, np.minimum(keep + 110, 255), keep), None
    for factor in (0., .1, 1., 1.9):
        yield 'color', (factor,), _blend(_grey(image), image, factor), None
        yield 'contrast', (factor,), _blend(image.size // 3 // 256, image, factor), None
        yield 'brightness', (factor,), _blend(0, image, factor), None
        yield 'sharpness', (factor,), _blend(_smooth(image), image, factor), None
    for degrees in (30., -30., 7.5):
        yield ('rotate', (degrees,)) + _turned(image, degrees)
    for level in (.3, -.15):
        yield ('shear_x', (level,)) + _moved(image, np.array([[1, level, 0], [0, 1, 0]]))
        yield ('shear_y', (level,)) + _moved(image, np.array([[1, 0, 0], [level, 1, 0]]))
    for pixels in (10., -7.25):
        yield ('translate_x', (pixels,)) + _moved(image, np.array([[1, 0, pixels], [0, 1, 0]]))
        yield ('translate_y', (pixels,)) + _moved(image, np.array([[1, 0, 0], [0, 1, pixels]]))
    for centre, size in [((20, 30), 8), ((2, 50), 10)]:
        yield 'cutout', (float(size), centre), _cut(image, centre, size), None


def test_operations():
    image = _picture()
    cases = list(_cases(image))
    with tf.Graph().as_default(), tf.Session() as session:
        pixels = tf.placeholder(tf.float32, [None, None, 3])
        results = [getattr(image_ops, name)(pixels, *arguments)
                   for name, arguments, _, _ in cases]
        assert all(result.dtype == tf.float32 for result in results)
        values = session.run(results, {pixels: image})
    for (name, arguments, expected, mask), value in zip(cases, values):
        assert value.shape == image.shape and (value == np.rint(value)).all(), name
        different = np.abs(value.astype(int) - expected) > (name in ('sharpness', 'color'))
        if mask is not None:
            assert mask.mean() > .8
            different &= mask[..., None]
        assert not different.any(), (name, arguments, different.sum())


def test_flat_picture():
    image = np.full((9, 8, 3), 77, np.uint8)
    with tf.Graph().as_default(), tf.Session() as session:
        for name in ('auto_contrast', 'equalize'):
            result = getattr(image_ops, name)(tf.constant(image, tf.float32), 0.)
            assert (session.run(result) == image).all()


def test_grey_is_that_of_tensorflow():
    image = np.random.RandomState(5).randint(0, 256, (600, 800, 3)).astype(np.uint8)
    with tf.Graph().as_default(), tf.Session() as session:
        ours = image_ops.color(tf.constant(image, tf.float32), tf.constant(0.))
        theirs = tf.image.rgb_to_grayscale(tf.constant(image))
        ours, theirs = session.run([ours, theirs])
    assert (ours == theirs).all()


def test_smoothing_adds_in_the_order_of_the_original():
    """A sum that is a multiple of 13 may come out a bit below it, and is truncated then."""
    image = np.random.RandomState(6).randint(0, 256, (90, 70, 3)).astype(np.float32)
    total = np.float32(0)
    for row in range(3):
        for column in range(3):
            weight = np.float32(5 if row == column == 1 else 1) / np.float32(13)
            total = total + weight * image[row:88 + row, column:68 + column]
    with tf.Graph().as_default(), tf.Session() as session:
        pixels = tf.placeholder(tf.float32, [None, None, 3])
        value = session.run(image_ops.sharpness(pixels, tf.constant(0.)), {pixels: image})
    assert (value[1:-1, 1:-1] == np.floor(total)).all()
    assert (value[0] == image[0]).all() and (value[:, -1] == image[:, -1]).all()


def test_halves_are_rounded_away_from_zero():
    """As the original's kernel does; -1/2 is outside."""
    image = np.random.RandomState(8).randint(0, 256, (224, 224, 3)).astype(np.float32)
    level = np.float32(.5)
    x, y = np.meshgrid(np.arange(224, dtype=np.float32), np.arange(224, dtype=np.float32))
    source = np.floor(x + level * y + np.float32(.5)).astype(int)
    inside = source < 224
    expected = np.where(inside[..., None],
                        image[y.astype(int), np.minimum(source, 223)], np.float32(128))
    with tf.Graph().as_default(), tf.Session() as session:
        argument = tf.placeholder(tf.float32, [])
        result = image_ops.shear_x(tf.constant(image), argument)
        assert (session.run(result, {argument: level}) == expected).all()
        back = session.run(image_ops.translate_x(tf.constant(image), argument), {argument: -.5})
    assert (back[:, 0] == 128).all() and (back[:, 1:] == image[:, 1:]).all()


@pytest.mark.skipif('GOLDENS_DIR' not in os.environ, reason='derived from photographs, not here')
def test_original_results():
    """Bit by bit, where the folder of all goldens is at hand."""
    goldens = np.load(os.path.join(os.environ['GOLDENS_DIR'], 'common', 'autoaugment_ops.npz'))
    with tf.Graph().as_default(), tf.Session() as session:
        pixels = tf.placeholder(tf.float32, [None, None, 3])
        for key in goldens.files:
            if key == 'input':
                continue
            words = key.replace('bits', '').replace('autocontrast', 'auto_contrast').split('_')
            if words[0] == 'cutout':
                centre = (int(words[1][1:]), int(words[2][1:]))
                result = image_ops.cutout(pixels, float(words[3][3:]), centre)
            elif hasattr(image_ops, '_'.join(words)):
                result = getattr(image_ops, '_'.join(words))(pixels, 0.)
            else:
                result = getattr(image_ops, '_'.join(words[:-1]))(pixels, float(words[-1]))
            value = session.run(result, {pixels: goldens['input']})
            assert (value == goldens[key]).all(), key
