"""--test_flip in evaluation and prediction."""

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

from estimator import mirror

pytestmark = pytest.mark.usefixtures('shallow')


def test_the_mean_of_both_sides():
    kernel = np.random.RandomState(0).normal(size=[4 * 4 * 3, 5]).astype('f')
    pixels = np.random.RandomState(1).normal(size=[6, 4, 4, 3]).astype('f')

    def build(images):
        flat = tf.reshape(images, [-1, 4 * 4 * 3])
        return tf.matmul(flat, kernel), {'features': flat}

    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 4, 4, 3])
        logits, endpoints = mirror.both_ways(build, images)
        assert logits.shape.as_list() == [None, 5]
        joint, sides, features = session.run(
            [tf.nn.softmax(logits), [tf.nn.softmax(build(side)[0]) for side in (
                images, images[:, :, ::-1])], endpoints['features']], {images: pixels})
    np.testing.assert_allclose(joint, np.mean(sides, 0), atol=1e-6)
    np.testing.assert_allclose(
        features, (pixels + pixels[:, :, ::-1]).reshape(6, -1) / 2, atol=1e-6)


def test_evaluation_both_ways(tmp_path, capsys):
    _, plain = program.run(tmp_path, train_steps=2, num_label_classes=5,
                           batch_norm_momentum=0.1)     # statistics of these images
    _, both = program.run(tmp_path, mode='eval', num_label_classes=5, test_flip=True)
    assert both['eval_examples'] == 10
    assert 0 < abs(both['cross_entropy_raw'] - plain['cross_entropy_raw']) < 0.5
    assert 'top-5' not in capsys.readouterr().out       # of five classes all are among five
