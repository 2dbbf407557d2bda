"""Crop windows: the training crop has the distribution of TensorFlow's own op; fixed windows."""

import json
import os

import input_params
import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

from input.images import crop

DRAWS = 4000
# two-sample Kolmogorov-Smirnov, alpha 1e-4
KS_BOUND = 2.225 * np.sqrt(2 / DRAWS)
TPU = dict(area=(0.08, 1.0), aspect=(3 / 4, 4 / 3), attempts=10)
SLIM = dict(area=(0.05, 1.0), aspect=(0.75, 1.33), attempts=100)
GOLDENS = os.path.join(program.ROOT, 'test', 'goldens', 'common')


def draw(function, count=DRAWS):
    """int [count, 4]: windows of `function(index)`, drawn one after the other."""
    with tf.Graph().as_default(), input_params.session() as session:
        dataset = tf.data.Dataset.range(count).map(
            tf.autograph.experimental.do_not_convert(function)).batch(count)
        return session.run(tf.data.make_one_shot_iterator(dataset).get_next())


def reference(height, width, area, aspect, attempts):
    """Windows of tf.image.sample_distorted_bounding_box."""
    def one(index):
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.constant([height, width, 3]), tf.constant([[[0.0, 0.0, 1.0, 1.0]]]), seed=5,
            min_object_covered=0.1, aspect_ratio_range=aspect, area_range=area,
            max_attempts=attempts, use_image_if_no_bounding_boxes=True)
        return tf.concat([begin[:2], size[:2]], 0)
    return draw(one)


def ours(height, width, **rule):
    """Windows of crop.distorted for consecutive positions of the stream."""
    return draw(lambda index: crop.distorted(
        tf.constant(height), tf.constant(width), tf.stack([tf.constant(11, tf.int64), index]),
        **rule))


def distance(one, other):
    """Kolmogorov-Smirnov distance of two samples."""
    grid = np.union1d(one, other)
    return max(abs(np.searchsorted(np.sort(one), grid, 'right') / len(one)
                   - np.searchsorted(np.sort(other), grid, 'right') / len(other)))


def marginals(windows, height, width):
    """Sizes, area, aspect ratio, offsets and how they go together."""
    top, left, rows, columns = windows.T.astype(float)
    return {'rows': rows, 'columns': columns, 'area': rows * columns, 'aspect': columns / rows,
            'top': top, 'left': left, 'top within': top / np.maximum(height - rows, 1),
            'left within': left / np.maximum(width - columns, 1),
            'bottom': top + rows, 'right': left + columns}


@pytest.mark.parametrize('rule', [TPU, SLIM], ids=['tpu', 'slim'])
@pytest.mark.parametrize('height, width', [(375, 500), (530, 220), (56, 75), (8, 8), (12, 90)])
def test_distribution_is_that_of_the_op(height, width, rule):
    got, wanted = ours(height, width, **rule), reference(height, width, **rule)
    wanted = marginals(wanted, height, width)
    for name, values in marginals(got, height, width).items():
        assert distance(values, wanted[name]) < KS_BOUND, name
    top, left, rows, columns = got.T
    assert (top >= 0).all() and (left >= 0).all() and (rows > 0).all() and (columns > 0).all()
    assert (top + rows <= height).all() and (left + columns <= width).all()


def test_the_test_has_power():
    """An aspect ratio that is off by a little is noticed."""
    wrong = dict(TPU, aspect=(0.7, 4 / 3))
    got = marginals(ours(375, 500, **wrong), 375, 500)['aspect']
    wanted = marginals(reference(375, 500, **TPU), 375, 500)['aspect']
    assert distance(got, wanted) > KS_BOUND


def test_a_crop_is_a_function_of_its_seed():
    first, again = ours(375, 500, **TPU), ours(375, 500, **TPU)
    assert (first == again).all()
    assert len({tuple(row) for row in first}) > 0.99 * DRAWS


def test_impossible_crop_is_the_whole_image():
    windows = ours(4, 400, **TPU)
    assert (windows == [0, 0, 4, 400]).all()


def test_resized_crop_has_torchvisions_distribution():
    windows = draw(lambda index: crop.resized(
        tf.constant(375), tf.constant(500), tf.stack([tf.constant(3, tf.int64), index]),
        (0.08, 1.0), (3 / 4, 4 / 3)))
    random = np.random.RandomState(1)
    wanted = np.array([torchvision(random, 375, 500) for _ in range(DRAWS)])
    wanted = marginals(wanted, 375, 500)
    for name, values in marginals(windows, 375, 500).items():
        assert distance(values, wanted[name]) < KS_BOUND, name


def torchvision(random, height, width):
    """RandomResizedCrop.get_params, from its documentation."""
    for _ in range(10):
        area = height * width * random.uniform(0.08, 1)
        ratio = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
        columns, rows = int(round(np.sqrt(area * ratio))), int(round(np.sqrt(area / ratio)))
        if 0 < columns <= width and 0 < rows <= height:
            return (random.randint(0, height - rows + 1), random.randint(0, width - columns + 1),
                    rows, columns)
    rows = min(height, int(round(width / (3 / 4))))
    columns = min(width, int(round(height * (4 / 3))))
    return (height - rows) // 2, (width - columns) // 2, rows, columns


def test_evaluation_windows_equal_the_originals():
    with open(os.path.join(GOLDENS, 'preprocessing.json'), encoding='utf-8') as stream:
        golden = json.load(stream)
    sizes = {row['name']: row['size_wh'] for row in golden['files']}
    with tf.Graph().as_default(), input_params.session() as session:
        height, width = tf.placeholder(tf.int32, []), tf.placeholder(tf.int32, [])
        windows, checked = {}, 0
        for key, (top, left, side) in golden['eval_crop_windows_offset_y_offset_x_size'].items():
            rule, size, name = key.split('/')
            if rule != 'padding32':
                continue
            if size not in windows:
                windows[size] = crop.padded_center(height, width, int(size))
            feed = {width: sizes[name][0], height: sizes[name][1]}
            got = session.run(windows[size], feed).tolist()
            assert got == [top, left, side, side], key
            checked += 1
        slim = crop.central_fraction(height, width, 0.875)
        for name, window in golden['slim_central_crop_0.875_y_x_h_w'].items():
            feed = {width: sizes[name][0], height: sizes[name][1]}
            assert session.run(slim, feed).tolist() == window, name
    assert checked >= 30
