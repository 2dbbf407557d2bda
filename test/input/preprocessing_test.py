"""Preprocessing styles against an independent numpy implementation and, where they are at hand,
against the originals' arrays (GOLDENS_DIR=folder with common/preprocessing.npz and images)."""

import io
import json
import os

import input_params
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from input import DataError, Serving, preprocess, preprocessing

GOLDENS = os.path.join(os.path.dirname(__file__), '..', 'goldens', 'common')
ORIGINALS = {'mnasnet_bilinear': 'tpu_bilinear', 'efficientnet_bicubic': 'tpu_bicubic',
             'slim_inception': 'inception', 'ascend_inception': 'inception_ascend'}
SIZE = 32


def bilinear(image, height, width):
    """TF1 legacy sampling: source = target * scale, no half-pixel centres."""
    image = image.astype(np.float64)
    for axis, size in ((0, height), (1, width)):
        at = np.arange(size) * (image.shape[axis] / size)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, image.shape[axis] - 1)
        part = (at - low).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        image = image.take(low, axis) * (1 - part) + image.take(high, axis) * part
    return image


def bicubic(image, height, width):
    """Keys' kernel with a = -0.75, offsets rounded to 1/1024, borders repeated."""
    image = image.astype(np.float64)
    for axis, size in ((0, height), (1, width)):
        at = np.arange(size) * np.float32(image.shape[axis] / size)
        low = np.floor(at).astype(int)
        part = np.rint((at - low) * 1024) / 1024
        total = 0
        for step in (-1, 0, 1, 2):
            x = np.abs(part - step)
            near = (1.25 * x - 2.25) * x * x + 1
            far = ((-0.75 * x + 3.75) * x - 6) * x + 3
            weight = np.where(x <= 1, near, far)
            rows = image.take(np.clip(low + step, 0, image.shape[axis] - 1), axis)
            total = total + rows * weight.reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        image = total
    return image


def evaluate(payloads, names, size=SIZE, params=None):
    """{style: [image for each payload]} of the evaluation path, denormalised to 0..255."""
    params = params or input_params.make()
    with tf.Graph().as_default(), input_params.session() as session:
        encoded = tf.placeholder(tf.string, [])
        made = {name: preprocessing.eval_image(encoded, size, params,
                                               preprocessing.get_style(name)) for name in names}
        rows = [session.run(made, {encoded: payload}) for payload in payloads]
    return {name: [row[name] * np.array(preprocessing.get_style(name).std)
                   + np.array(preprocessing.get_style(name).mean) for row in rows]
            for name in names}


def train(payload, name, count, size=SIZE, params=None):
    """float32 [count, size, size, 3]: training images of one payload at positions 0..count-1."""
    params = params or input_params.make()
    style = preprocessing.get_style(name)
    with tf.Graph().as_default(), input_params.session() as session:
        dataset = tf.data.Dataset.range(count).map(tf.autograph.experimental.do_not_convert(
            lambda position: preprocessing.train_image(
                tf.constant(payload), size, tf.stack([tf.constant(7, tf.int64), position]),
                params, style))).batch(count)
        return session.run(tf.data.make_one_shot_iterator(dataset).get_next())


def pixels(payload):
    """uint8 [height, width, 3] of a PNG."""
    from PIL import Image
    return np.array(Image.open(io.BytesIO(payload)).convert('RGB'))


@pytest.mark.parametrize('size', [(40, 60), (97, 51), (20, 24)], ids=str)
def test_evaluation_equals_numpy(size):
    payload = input_params.jpeg(1, size, 'PNG')
    image = pixels(payload)
    height, width = image.shape[:2]
    got = evaluate([payload], ['tpu_bilinear', 'tpu_bicubic', 'tpu_bicubic_127', 'inception',
                               'inception_ascend'])
    side = int(SIZE / (SIZE + 32) * min(height, width))
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    square = image[top:top + side, left:left + side]
    top, left = int((height - height * 0.875) / 2), int((width - width * 0.875) / 2)
    centre = image[top:height - top, left:width - left]
    wanted = {'tpu_bilinear': bilinear(square, SIZE, SIZE),
              'tpu_bicubic': bicubic(square, SIZE, SIZE),
              'tpu_bicubic_127': bicubic(square, SIZE, SIZE),
              'inception': bilinear(centre, SIZE, SIZE),
              'inception_ascend': bilinear(centre, SIZE, SIZE)}
    for name, values in wanted.items():
        assert np.abs(got[name][0] - values).max() < 2e-3, name


def test_torch_evaluation_is_pils_resize_and_centre_crop():
    from PIL import Image
    payload = input_params.jpeg(3, (300, 170), 'PNG')
    image = Image.open(io.BytesIO(payload))
    resized = np.array(image.resize((int(64 * 300 / 170), 64), Image.BILINEAR)).astype(float)
    left = int(round((resized.shape[1] - 56) / 2))
    got = evaluate([payload], ['torch'], 56)['torch'][0]
    assert np.abs(got - resized[4:60, left:left + 56]).max() < 1.01
    assert np.abs(got - resized[4:60, left:left + 56]).mean() < 0.3


def test_every_payload_becomes_three_channels():
    kinds = [('JPEG', 'RGB'), ('JPEG', 'L'), ('JPEG', 'CMYK'), ('PNG', 'L'), ('PNG', 'RGBA'),
             ('PNG', 'P'), ('GIF', 'P'), ('BMP', 'RGB'), ('BMP', 'L'), ('BMP', 'RGBA')]
    payloads = [input_params.jpeg(5, (40, 48), *kind) for kind in kinds]
    for images in evaluate(payloads, ['tpu_bilinear', 'inception', 'torch', 'cifar']).values():
        for kind, image in zip(kinds, images):
            assert image.shape == (SIZE, SIZE, 3) and np.isfinite(image).all(), kind
            assert image.std() > 5, kind
        assert np.abs(images[0] - images[7]).mean() < 6


def test_fused_window_equals_decoding_the_whole_image():
    """JPEG without chroma subsampling: the window is exact."""
    from PIL import Image
    stream = io.BytesIO()
    Image.open(io.BytesIO(input_params.jpeg(2, (90, 70), 'PNG'))).save(
        stream, 'JPEG', quality=95, subsampling=0)
    with tf.Graph().as_default(), input_params.session() as session:
        whole = session.run(tf.image.decode_jpeg(stream.getvalue(), channels=3))
    side = int(SIZE / (SIZE + 32) * 70)
    top, left = (70 - side + 1) // 2, (90 - side + 1) // 2
    wanted = bilinear(whole[top:top + side, left:left + side], SIZE, SIZE)
    got = evaluate([stream.getvalue()], ['tpu_bilinear'])['tpu_bilinear'][0]
    assert np.abs(got - wanted).max() < 2e-3


@pytest.mark.parametrize('name', sorted(preprocessing.STYLES))
def test_training_is_a_function_of_the_position(name):
    payload = input_params.jpeg(4, (60, 44))
    first = train(payload, name, 12)
    assert (first == train(payload, name, 12)).all() and np.isfinite(first).all()
    assert first.shape == (12, SIZE, SIZE, 3)
    # 25 windows of the digits are all there is; two of 12 draws may meet.
    assert len({image.tobytes() for image in first}) >= (9 if name == 'digits' else 11)
    style = preprocessing.get_style(name)
    levels = first * np.array(style.std) + np.array(style.mean)
    assert 40 < levels.mean() < 215 and levels.min() > -100 and levels.max() < 355


def test_cifar_training_window_and_flip():
    payload = input_params.jpeg(6, (SIZE, SIZE), 'PNG')
    padded = np.pad(pixels(payload), [(4, 4), (4, 4), (0, 0)], 'constant').astype(float)
    seen = set()
    for image in train(payload, 'cifar', 400):
        image = image * preprocessing.CIFAR_STD + np.array(preprocessing.CIFAR_MEAN)
        found = [(top, left, flip) for top in range(9) for left in range(9) for flip in (0, 1)
                 if np.abs(padded[top:top + SIZE, left:left + SIZE][:, ::1 - 2 * flip]
                           - image).max() < 1e-2]
        assert len(found) == 1
        seen.add(found[0])
    assert {row[0] for row in seen} == {row[1] for row in seen} == set(range(9))
    flips = np.mean([row[2] for row in seen])
    assert 0.35 < flips < 0.65


def test_bad_crop_becomes_the_evaluation_crop():
    payload = input_params.jpeg(8, (600, 4), 'PNG')
    wanted = evaluate([payload], ['tpu_bicubic_127'])['tpu_bicubic_127'][0]
    for image in train(payload, 'tpu_bicubic_127', 3) * 128 + 127:
        assert min(np.abs(image - wanted).max(), np.abs(image[:, ::-1] - wanted).max()) < 1e-3


def test_grayscale_keeps_three_equal_channels():
    got = evaluate([input_params.jpeg(9, (40, 40))], ['tpu_bicubic_127'],
                   params=input_params.make(use_grayscale=True))['tpu_bicubic_127'][0]
    assert np.abs(got - got[:, :, :1]).max() < 1e-4 and got.std() > 5


def test_names():
    assert preprocessing.get_style('mobilenet_v2') is preprocessing.STYLES['inception']
    assert set(preprocessing.ALIASES.values()) <= set(preprocessing.STYLES)
    with pytest.raises(DataError, match='did you mean tpu_bicubic'):
        preprocessing.get_style('tpu_bicubik')


@pytest.mark.skipif('GOLDENS_DIR' not in os.environ, reason='GOLDENS_DIR is not set')
def test_evaluation_equals_the_originals_arrays():
    common = os.path.join(os.environ['GOLDENS_DIR'], 'common')
    arrays = np.load(os.path.join(common, 'preprocessing.npz'))
    payloads = []
    for name in arrays['file_names']:
        with open(os.path.join(common, 'images', str(name)), 'rb') as stream:
            payloads.append(stream.read())
    got = evaluate(payloads, list(ORIGINALS.values()), 224)
    with open(os.path.join(GOLDENS, 'preprocessing.json'), encoding='utf-8') as stream:
        statistics = json.load(stream)['per_image']
    for original, style in ORIGINALS.items():
        wanted = arrays[original].astype(np.float64)
        unit = 127.5 if 'inception' in original else 1.0
        shift = 127.5 if 'inception' in original else 0.0
        assert np.abs(np.stack(got[style]) - (wanted * unit + shift)).max() < 1e-3, original
        for row, image in zip(statistics[original], got[style]):
            assert abs((image.mean() - shift) / unit - row['mean']) < 1e-4
            assert abs(image.std() / unit - row['std']) < 1e-4


@pytest.mark.parametrize('name', sorted(preprocessing.STYLES))
def test_client_code_does_what_the_evaluation_does(name, tmp_path):
    """input/preprocess.py, which is copied beside exports; PNG, which all decoders read alike."""
    params = input_params.make(preprocessing_name=name, use_grayscale=name == 'torch')
    serving = Serving(params, name, SIZE, 10)
    numbers = json.loads(json.dumps(serving.describe()))
    with tf.Graph().as_default(), input_params.session() as session:
        encoded = tf.placeholder(tf.string, [])
        made = serving.preprocess_for_serving(encoded)
        for value, size in ((1, (70, 45)), (2, (33, 90)), (3, (40, 40))):
            data = input_params.jpeg(value, size, 'PNG')
            (tmp_path / 'x.png').write_bytes(data)
            ours = preprocess.load(str(tmp_path / 'x.png'), numbers)
            theirs = session.run(made, {encoded: data})
            assert ours.shape == (1, SIZE, SIZE, 3)
            assert np.abs(ours[0] - theirs).max() * max(numbers['std']) < 0.02, size
