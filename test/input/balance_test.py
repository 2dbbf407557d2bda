"""--balanced_sampling and --class_weights."""

import collections

import input_params
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import FlagError
from estimator.training import losses
from input import Inputs

SIZES = {'cat': 9, 'dog': 2, 'eel': 1}      # epochs of 12: 4 of each


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder of images of unequal classes."""
    place = tmp_path_factory.mktemp('uneven')
    for name, count in SIZES.items():
        (place / name).mkdir()
        for number in range(count):
            (place / name / f'{number}.png').write_bytes(
                input_params.jpeg(number, image_format='PNG'))
    return place


@pytest.fixture(scope='module')
def records(tmp_path_factory):
    """The same numbers of records, in two shards of labels from 1 on."""
    place = tmp_path_factory.mktemp('records')
    labels = np.repeat([1, 2, 3], list(SIZES.values()))
    for part in range(2):
        input_params.write(str(place / f'train-0000{part}-of-00002'), [
            input_params.example(input_params.jpeg(row), label)
            for row, label in enumerate(labels.tolist()) if row % 2 == part])
    return place


def opened(place, **changes):
    kind = 'folder' if (place / 'cat').exists() else 'tfrecord'
    values = dict(data_dir=str(place), dataset=kind, mode='train', holdout=0, num_label_classes=3)
    return Inputs(input_params.make(**dict(values, **changes)), 'cifar', 8, 1000)


@pytest.mark.parametrize('kind', ['folder', 'records'])
def test_every_epoch_has_as_many_of_each_class(kind, request):
    inputs = opened(request.getfixturevalue(kind), balanced_sampling=True)
    labels = np.reshape(input_params.labels_of(inputs.train_input_fn(4), 9), [3, 12])
    for epoch in labels:
        assert collections.Counter(epoch.tolist()) == {0: 4, 1: 4, 2: 4}
    assert (labels[0] != labels[1]).any()


def test_all_images_of_a_large_class_are_shown_within_some_epochs(folder):
    inputs = opened(folder, balanced_sampling=True)
    rows = input_params.run(inputs.train_input_fn(12), 4)
    seen = {image[:, :, 0].tobytes() for batch in rows
            for image, label in zip(batch[0]['image'], batch[1]['label']) if label == 0}
    assert len(seen) >= 9       # at least as many pictures as there are cats


@pytest.mark.parametrize('kind', ['folder', 'records'])
def test_a_run_goes_on_at_the_next_example(kind, request):
    inputs = opened(request.getfixturevalue(kind), balanced_sampling=True)
    whole = input_params.run(inputs.train_input_fn(2), 20)
    parts = input_params.run(inputs.train_input_fn(2, first_example=14), 13)
    for one, other in zip(whole[7:], parts):
        np.testing.assert_array_equal(one[1]['label'], other[1]['label'])
        np.testing.assert_array_equal(one[0]['image'], other[0]['image'])


@pytest.mark.parametrize('kind', ['folder', 'records'])
def test_balanced_weights_are_images_over_classes_times_images_of_the_class(kind, request):
    weights = opened(request.getfixturevalue(kind), class_weights='balanced').class_weights()
    np.testing.assert_allclose(weights, [12 / 27, 12 / 6, 12 / 3])
    assert np.dot(weights, list(SIZES.values())) == pytest.approx(12)


def test_given_weights_need_a_number_for_each_class(folder):
    assert opened(folder).class_weights() is None
    assert opened(folder, class_weights=(1., 2., 3.)).class_weights() == (1., 2., 3.)
    background = opened(folder, class_weights=(1., 2., 3.), num_label_classes=4)
    assert background.class_weights() == (1., 1., 2., 3.)
    with pytest.raises(FlagError, match='has 2 numbers and the data have 3 classes'):
        opened(folder, class_weights=(1., 2.)).class_weights()


def test_weights_of_labels_and_of_mixed_targets():
    with tf.Graph().as_default(), tf.Session() as session:
        hard = losses.weight_of(tf.constant([2, 0], tf.int64), (1., 2., 4.))
        soft = losses.weight_of(tf.constant([[.5, 0, .5], [0, 1., 0]]), (1., 2., 4.))
        values = session.run([hard, soft])
    np.testing.assert_allclose(values, [[4, 1], [2.5, 2]])
