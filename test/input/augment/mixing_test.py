"""mixup, CutMix, random erasing and colour distortion: exact arithmetic and distributions."""

import input_params
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from input.augment import color, erasing, mixing


def _seed(position=0):
    return tf.stack([tf.constant(5, tf.int64), tf.cast(position, tf.int64)])


def _stream(function, number):
    """Results of function(seed) for `number` positions, through a tf.data map."""
    with tf.Graph().as_default(), input_params.session() as session:
        dataset = tf.data.Dataset.range(number).map(
            tf.autograph.experimental.do_not_convert(lambda position: function(_seed(position))))
        return session.run(tf.data.make_one_shot_iterator(dataset.batch(number)).get_next())


def _distance(first, second):
    """Kolmogorov-Smirnov distance of two samples."""
    edges = np.sort(np.concatenate([first, second]))
    parts = [np.searchsorted(np.sort(sample), edges, 'right') / len(sample)
             for sample in (first, second)]
    return np.abs(parts[0] - parts[1]).max()


def _uniform(values, low, high):
    """Whether the values look uniform in [low, high]."""
    assert values.min() >= low - 1e-5 and values.max() <= high + 1e-5
    expected = low + (high - low) * (np.arange(len(values)) + .5) / len(values)
    return _distance(values, expected) < 1.63 / np.sqrt(len(values))


def test_beta():
    number = 20000
    with tf.Graph().as_default(), input_params.session() as session:
        for alpha in (.02, .2, 1., 4.):
            draws = session.run(mixing.beta(alpha, [number], _seed()))
            assert draws.dtype == np.float32 and (draws >= 0).all() and (draws <= 1).all()
            expected = np.random.RandomState(1).beta(alpha, alpha, number)
            inner = [np.clip(np.float32(sample), .001, .999) for sample in (draws, expected)]
            assert _distance(*inner) < 1.63 * np.sqrt(2 / number), alpha
            variance = 1 / (4 * (2 * alpha + 1))
            assert abs(draws.mean() - .5) < 4 * np.sqrt(variance / number)
            assert abs(draws.var() - variance) < .05 * variance


def _batch(number=6, size=20):
    images = np.broadcast_to(np.arange(1, number + 1)[:, None, None, None],
                             [number, size, size, 3]).astype(np.float32)
    return images, np.eye(number, dtype=np.float32)


def _mixed(function, alpha, seeds):
    images, targets = _batch()
    with tf.Graph().as_default(), input_params.session() as session:
        position = tf.placeholder(tf.int64, [])
        result = function(tf.constant(images), tf.constant(targets), alpha, _seed(position))
        return [session.run(result, {position: at}) for at in seeds]


def test_mixup():
    images, targets = _batch()
    for mixed, soft in _mixed(mixing.mixup, .2, range(8)):
        weight = np.diag(soft)
        assert (weight >= .5).all() and len(set(weight.tolist())) > 3
        np.testing.assert_allclose(
            soft, weight[:, None] * targets + (1 - weight)[:, None] * targets[::-1], atol=1e-6)
        expected = weight * images[:, 0, 0, 0] + (1 - weight) * images[::-1][:, 0, 0, 0]
        np.testing.assert_allclose(mixed, expected[:, None, None, None] + 0 * mixed, rtol=1e-5)


def test_cutmix():
    images, _ = _batch()
    kept = []
    for mixed, soft in _mixed(mixing.cutmix, 1., range(150)):
        own = mixed == images
        assert (own == own[:1]).all() and (own | (mixed == images[::-1])).all()
        np.testing.assert_allclose(np.diag(soft), own.mean(), atol=1e-6)
        np.testing.assert_allclose(soft.sum(1), 1, atol=1e-6)
        rows, columns = np.where(~own[0, :, :, 0])
        if rows.size:
            box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
            assert box == rows.size
        kept.append(own.mean())
    assert len(set(kept)) > 40 and .5 < np.mean(kept) < .75


def test_with_both_each_batch_gets_one():
    both = _mixed(lambda *a: mixing.mix(a[0], a[1], a[2], 1., a[3]), .2, range(60))
    ups, cuts = _mixed(mixing.mixup, .2, range(60)), _mixed(mixing.cutmix, 1., range(60))
    chosen = [(mixed == up[0]).all() for (mixed, _), up in zip(both, ups)]
    assert 15 < sum(chosen) < 45
    for result, up, cut, is_up in zip(both, ups, cuts, chosen):
        assert all((got == want).all() for got, want in zip(result, up if is_up else cut))


@pytest.mark.parametrize('function', [mixing.mixup, mixing.cutmix])
def test_same_seed_same_batch(function):
    first, second, other = _mixed(function, 1., [4, 4, 5])
    assert (first[0] == second[0]).all() and (first[1] == second[1]).all()
    assert (first[0] != other[0]).any()
    images, targets = _batch()
    off = _mixed(function, 0., [0])[0]
    assert (off[0] == images).all() and (off[1] == targets).all()


def test_random_erasing():
    number, height, width = 2000, 40, 60
    erased = _stream(lambda seed: erasing.random_erasing(
        tf.ones([height, width, 3]), .25, seed), number) == 0
    assert (erased.all(-1) == erased.any(-1)).all()
    erased = erased[..., 0]
    happened = erased.any((1, 2))
    assert abs(happened.mean() - .25) < 4 * np.sqrt(.25 * .75 / number)
    shapes = [(m.any(1).sum(), m.any(0).sum()) for m in erased[happened]]
    areas = np.array([rows * columns for rows, columns in shapes])
    assert (areas == erased[happened].sum((1, 2))).all()
    part = areas / (height * width)
    assert part.min() > .015 and part.max() < .36 and .13 < part.mean() < .2
    aspects = np.array([rows / columns for rows, columns in shapes])
    assert aspects.min() > .25 and aspects.max() < 3.9 and abs(np.log(aspects).mean()) < .15
    assert (erased[happened].mean(0)[5:-5, 5:-5] > .03).all()


def test_distort_color_fast():
    number = 1500
    grey, tinted = np.full((1, 1, 3), .5, np.float32), np.float32([[[.5, .4, .4]]])

    def draw(seed):
        return (color.distort_color_fast(tf.constant(grey), seed),
                color.distort_color_fast(tf.constant(tinted), seed),
                color.distort_color_fast(tf.constant(grey * 2), seed),
                color.distort_color_fast(tf.constant(grey * 0), seed))

    grey, tinted, white, black = _stream(draw, number)
    shift = grey[:, 0, 0, 0] - .5
    assert _uniform(shift, -32 / 255, 32 / 255)
    top, low = tinted[:, 0, 0, 0], tinted[:, 0, 0, 1]
    np.testing.assert_allclose(top, .5 + shift, atol=1e-5)
    factor = (top - low) / top / (.1 / (.5 + shift))
    assert _uniform(factor, .5, 1.5)
    assert abs(np.corrcoef(factor, shift)[0, 1]) < .1
    assert white.max() <= 1 and black.min() >= 0
