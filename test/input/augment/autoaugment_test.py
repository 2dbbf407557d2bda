"""Levels and policy against the original's numbers, and the frequencies of what is drawn."""

import collections
import json
import math
import os

import input_params
import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

from input.augment import autoaugment

FOLDER = os.path.join(program.ROOT, 'test', 'goldens', 'common')
REACHES = {'autoaugment_cutout100_translate250': autoaugment.AUTOAUGMENT_REACH,
           'randaugment_cutout40_translate100': autoaugment.RANDAUGMENT_REACH}


def _golden():
    with open(os.path.join(FOLDER, 'autoaugment_ops.json')) as file:
        return json.load(file)


def _image(size=24):
    """Noise with a gradient, whole numbers, float32 [size, size, 3]."""
    noise = np.random.RandomState(7).randint(0, 60, (size, size, 3))
    return (noise + np.arange(size)[:, None, None] * 7).clip(0, 255).astype(np.float32)


def test_levels_and_policy():
    golden = _golden()
    for key, reach in REACHES.items():
        for name in autoaugment.OPS:
            levels = dict(golden['level_to_arg'][key][name],
                          **{'15': golden['level_to_arg'][f'{key}_level15'][name]})
            for level, expected in levels.items():
                argument = autoaugment.level_to_arg(name, float(level), reach)
                if not expected:
                    assert argument is None
                else:
                    assert argument == pytest.approx(expected[0], rel=1e-12), (name, level)
    assert json.loads(json.dumps(autoaugment.POLICY_V0)) == golden['policy_v0']


def _stream(function, number, seed=3):
    """[number, ...] results of function(seed tensor) through a tf.data map, as in training."""
    with tf.Graph().as_default(), input_params.session() as session:
        dataset = tf.data.Dataset.range(number).map(
            tf.autograph.experimental.do_not_convert(
                lambda position: function(tf.stack([tf.constant(seed, tf.int64), position]))))
        return session.run(tf.data.make_one_shot_iterator(dataset.batch(number)).get_next())


def _near(count, number, probability):
    """Within four standard deviations of a binomial count."""
    return abs(count - number * probability) <= 4 * math.sqrt(
        number * probability * (1 - probability)) + 1e-9


def test_real_operations_run_in_a_pipeline():
    image = _image()
    names = list(autoaugment.OPS)
    arguments = [autoaugment.level_to_arg(name, 9, autoaugment.Reach(4, 8)) or 0.
                 for name in names]

    number = 20 * len(names)

    def everything(seed):
        seed = tf.stack([seed[0], seed[1] % number])
        index = tf.cast(seed[1] % len(names), tf.int32)
        argument = tf.gather(tf.constant(arguments, tf.float32), index)
        return (autoaugment.apply_op(tf.constant(image), index, argument, seed),
                autoaugment.autoaugment(tf.constant(image), seed),
                autoaugment.randaugment(tf.constant(image), 2, 10, seed))

    results = _stream(everything, 2 * number)
    for result in results:
        assert (result[:number] == result[number:]).all()
    ops, policies, layers = [result[:number] for result in results]
    assert len({bytes(result) for result in layers}) > 100
    assert len({bytes(result) for result in policies}) > 40
    distinct = [len({bytes(result) for result in ops[index::len(names)]})
                for index in range(len(names))]
    for name, count in zip(names, distinct):
        signed = autoaugment.OPS[name].signed
        assert count > 10 if name == 'Cutout' else count == (2 if signed else 1), name


def test_frequencies(monkeypatch):
    number = 3200

    def marks(position):
        """Leaves the position of the operation, and the sign of its argument, in the image."""
        return lambda image, argument, *_: image + tf.cast(
            tf.where(argument < 0, position + 100, position + 1), tf.float32)

    fake = collections.OrderedDict(
        (name, op._replace(function=marks(position)))
        for position, (name, op) in enumerate(autoaugment.OPS.items()))
    monkeypatch.setattr(autoaugment, 'OPS', fake)
    blank = tf.zeros
    policy = ((('Invert', .3, 0), ('Equalize', 0., 0)), (('Rotate', 1., 9), ('Solarize', 0., 0)))

    def draw(seed):
        return (autoaugment.randaugment(blank([1, 1, 3]), 1, 10, seed)[0, 0, 0],
                autoaugment.autoaugment(blank([1, 1, 3]), seed, policy)[0, 0, 0],
                autoaugment.autoaugment(blank([1, 1, 3]), seed)[0, 0, 0])

    random, chosen, original = _stream(draw, number)
    for position, op in enumerate(fake.values()):
        positive, negative = (random == position + 1).sum(), (random == position + 100).sum()
        assert _near(positive + negative, number, 1 / 16)
        assert _near(negative, positive + negative, .5 if op.signed else 0.)
    counts = collections.Counter(chosen.tolist())
    assert set(counts) == {0, 3, 4, 103}
    assert _near(counts[3], number, .15) and _near(counts[0], number, .35)
    assert _near(counts[4], number, .25) and _near(counts[103], number, .25)
    untouched = np.mean([np.prod([1 - probability for _, probability, _ in pair])
                         for pair in autoaugment.POLICY_V0])
    assert _near((original == 0).sum(), number, untouched)
