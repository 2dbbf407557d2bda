"""Label smoothing in both forms, soft targets, stability, top-k with ties."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import FlagError
from estimator.training import losses


def _expected(logits, target):
    shifted = logits - logits.max(1, keepdims=True)
    return -(target * (shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))).sum(1)


def _evaluate(*arguments, **given):
    with tf.Graph().as_default(), tf.Session() as session:
        loss = losses.cross_entropy(*[tf.constant(a) if isinstance(a, np.ndarray) else a
                                      for a in arguments], **given)
        assert loss.dtype == tf.float32
        return session.run(loss)


def test_cross_entropy():
    draws = np.random.RandomState(0)
    logits = draws.normal(0, 3, (5, 7)).astype(np.float32)
    labels = np.array([0, 6, 2, 2, 5])
    hard = np.eye(7, dtype=np.float32)[labels]
    soft = (.3 * hard + .7 * hard[::-1]).astype(np.float32)
    np.testing.assert_allclose(_evaluate(logits, labels, 7), _expected(logits, hard), rtol=1e-5)
    smooth = hard * .9 + .1 / 7
    np.testing.assert_allclose(
        _evaluate(logits, labels, 7, .1), _expected(logits, smooth), rtol=1e-5)
    mindspore = np.where(hard > 0, .9, .1 / 6)
    np.testing.assert_allclose(
        _evaluate(logits, labels, 7, .1, 'mindspore'), _expected(logits, mindspore), rtol=1e-5)
    np.testing.assert_allclose(
        _evaluate(logits, soft, 7, .1), _expected(logits, soft * .9 + .1 / 7), rtol=1e-5)
    np.testing.assert_allclose(
        _evaluate(logits, hard, 7, .1, 'mindspore'),
        _evaluate(logits, labels, 7, .1, 'mindspore'), rtol=1e-6)
    with tf.Graph().as_default(), tf.Session():
        original = tf.losses.softmax_cross_entropy(hard, logits, label_smoothing=.1).eval()
    np.testing.assert_allclose(_evaluate(logits, labels, 7, .1).mean(), original, rtol=1e-5)
    with pytest.raises(FlagError, match='mindspore'):
        _evaluate(logits, labels, 7, .1, 'torch')


def test_half_precision_is_stable():
    logits = np.array([[6e4, -6e4, 0], [-6e4, 6e4, 0]], np.float16)
    loss = _evaluate(logits, np.array([0, 0]), 3, .1)
    assert np.isfinite(loss).all() and loss[1] > 1e4


def test_top_k():
    logits = np.array([[1, 5, 5, 0], [2, 2, 2, 2], [0, 1, 2, 3], [np.nan, 1, 2, 3]], np.float32)
    labels = np.array([2, 3, 0, 0], np.int64)
    with tf.Graph().as_default(), tf.Session() as session:
        hits = [losses.top_k_hits(tf.constant(logits), tf.constant(labels), k) for k in (1, 3, 4)]
        one, three, four = [value.tolist() for value in session.run(hits)]
    assert one == [True, True, False, False]
    assert three == [True, True, False, False]
    assert four == [True, True, True, False]
