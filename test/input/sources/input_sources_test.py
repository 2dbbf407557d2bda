"""Sources: label rules 1000/1001, manifests, TFDS-prepared, folders, names of shards, limits."""

import json
import os

import input_params
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from input import DataError, Inputs, Serving


def opened(folder, native=1000, **changes):
    return Inputs(input_params.make(data_dir=str(folder), mode='benchmark', **changes),
                  'cifar', 16, native)


def imagenet(folder, low, high):
    """A few records with labels from low to high."""
    image = input_params.jpeg(1)
    rows = [input_params.example(image, label) for label in (low, 17, 500, high)]
    input_params.write(str(folder / 'train-00000-of-00001'), rows)
    return folder


def labels(inputs):
    return sorted(input_params.labels_of(inputs.train_input_fn(4), 1))


@pytest.mark.parametrize('low, high, native, changes, classes, expected', [
    (1, 1000, 1000, {}, 1000, [0, 16, 499, 999]),
    (1, 1000, 1001, {}, 1001, [1, 17, 500, 1000]),
    (0, 999, 1000, {}, 1000, [0, 17, 500, 999]),
    (0, 999, 1001, {}, 1001, [1, 18, 501, 1000]),
    (1, 990, 1000, {}, 1000, [0, 16, 499, 989]),
    (1, 1000, 1000, {'num_label_classes': 1001}, 1001, [1, 17, 500, 1000]),
    (1, 1000, 1001, {'num_label_classes': 1000}, 1000, [0, 16, 499, 999]),
    (1, 990, 1000, {'label_offset': 0}, 1000, [1, 17, 500, 990]),
], ids=str)
def test_imagenet_labels(tmp_path, low, high, native, changes, classes, expected):
    inputs = opened(imagenet(tmp_path, low, high), native, **changes)
    assert inputs.num_classes == classes and labels(inputs) == expected
    assert f'label offset {inputs.describe()["label_offset"]}' in inputs.summary()


def test_a_list_of_classes_without_numbers_is_said(tmp_path):
    imagenet(tmp_path, 0, 3)
    (tmp_path / 'labels.txt').write_bytes(b'cat\ndog\n\xff\x00')
    assert 'labels.txt names no class' in opened(tmp_path).summary()


def test_class_count_that_does_not_fit(tmp_path):
    imagenet(tmp_path, 1, 1000)
    (tmp_path / 'labels.txt').write_text(''.join(f'{row}:name {row}\n' for row in range(1000)))
    with pytest.raises(DataError, match='Pass 1000, or 1001'):
        opened(tmp_path, num_label_classes=10)
    with pytest.raises(DataError, match='network of run/params.json tells 10 apart'):
        opened(tmp_path, num_label_classes=10,
               sources=lambda: {'num_label_classes': 'run/params.json'})


def test_manifest_states_everything(tmp_path):
    path = input_params.shards(tmp_path, 'train', [3, 2], offset=1)
    shards = [{'file': os.path.basename(name), 'num_examples': count,
               'bytes': os.path.getsize(name)} for name, count in zip(path, (3, 2))]
    (tmp_path / 'dataset.json').write_text(json.dumps({
        'format': 1, 'name': 'five', 'num_classes': 9, 'label_offset': 1,
        'class_names': [f'c{row}' for row in range(9)],
        'splits': {'train': {'num_examples': 5, 'shards': shards}}}))
    inputs = opened(tmp_path, 1001)
    assert inputs.num_classes == 9 and inputs.class_names[0] == 'c0'
    assert sorted(input_params.labels_of(inputs.train_input_fn(5), 1)) == [0, 1, 2, 3, 4]
    assert 'dataset.json' in inputs.summary()
    wider = opened(tmp_path, 1001, num_label_classes=10)
    assert wider.class_names[:2] == ['background', 'c0'] and wider.num_classes == 10
    assert sorted(input_params.labels_of(wider.train_input_fn(5), 1)) == [1, 2, 3, 4, 5]


def test_tfds_prepared_directory(tmp_path):
    where = tmp_path / 'shapes' / '1.2.0'
    keys = ('image', 'label')
    input_params.shards(where, 'train', [4, 3], keys=keys,
                        pattern='shapes-{split}.tfrecord-{index:05d}-of-{total:05d}')
    input_params.shards(where, 'test', [3], keys=keys,
                        pattern='shapes-{split}.tfrecord-{index:05d}-of-{total:05d}')
    (where / 'dataset_info.json').write_text(json.dumps({'name': 'shapes', 'version': '1.2.0'}))
    (where / 'label.labels.txt').write_text('\n'.join(f'kind {row}' for row in range(7)) + '\n')
    for folder in (where, tmp_path / 'shapes'):
        inputs = opened(folder, 1001)
        assert (inputs.num_train_images, inputs.num_eval_images, inputs.num_classes) == (7, 3, 7)
        assert inputs.class_names[6] == 'kind 6' and 'TFDS layout' in inputs.summary()
    assert sorted(input_params.labels_of(inputs.train_input_fn(7), 1)) == list(range(7))


@pytest.mark.parametrize('pattern, splits', [
    ('cifar10_{split}.tfrecord', ('train', 'test')),
    ('flowers_{split}_{index:05d}-of-{total:05d}.tfrecord', ('train', 'validation')),
    ('{split}/{split}-{index:05d}-of-{total:05d}', ('train', 'validation')),
    ('{split}-{index:05d}-of-{total:05d}', ('train', 'val'))], ids=str)
def test_names_of_shards(tmp_path, pattern, splits):
    for split, count in zip(splits, (5, 3)):
        input_params.shards(tmp_path, split, [count], pattern=pattern)
    inputs = opened(tmp_path)
    assert (inputs.num_train_images, inputs.num_eval_images) == (5, 3)
    assert inputs.num_classes == 5


def tree(root, counts, image_format='JPEG'):
    """root/<class>/<image> with counts[class] images."""
    for name, count in counts.items():
        os.makedirs(os.path.join(str(root), name))
        for row in range(count):
            with open(os.path.join(str(root), name, f'{row}.{image_format.lower()}'), 'wb') as out:
                out.write(input_params.jpeg(row, image_format=image_format))


def test_folder_with_both_splits(tmp_path):
    tree(tmp_path / 'train', {'ant': 4, 'bee': 3, 'cat': 5})
    tree(tmp_path / 'val', {'ant': 1, 'cat': 2}, 'PNG')
    (tmp_path / 'train' / 'ant' / 'notes.txt').write_text('no image')
    inputs = opened(tmp_path, 1001, dataset='folder')
    assert (inputs.num_train_images, inputs.num_eval_images, inputs.num_classes) == (12, 3, 3)
    assert inputs.class_names == ['ant', 'bee', 'cat']
    stream = input_params.labels_of(inputs.train_input_fn(4), 6)
    assert sorted(stream[:12]) == sorted(stream[12:]) == [0] * 4 + [1] * 3 + [2] * 5
    assert stream[8:] == input_params.labels_of(inputs.train_input_fn(4, 8), 4)
    assert sorted(input_params.labels_of(inputs.eval_input_fn(2), None)) == [0, 2, 2]


def test_folder_holds_out_the_same_tenth(tmp_path):
    tree(tmp_path, {'ant': 20, 'bee': 10, 'one': 1})
    first, again = (opened(tmp_path, dataset='folder') for _ in range(2))
    assert (first.num_train_images, first.num_eval_images) == (28, 3)
    assert 'held out' in first.summary()
    held = [list(inputs._readers['eval'].examples()) for inputs in (first, again)]
    kept = {row[0] for row in first._readers['train'].examples()}
    assert held[0] == held[1] and not kept & {row[0] for row in held[0]}


def test_folder_errors(tmp_path):
    with pytest.raises(DataError, match='holds no images. Expected'):
        opened(tmp_path, dataset='folder')
    tree(tmp_path / 'train', {'ant': 4})
    tree(tmp_path / 'validation', {'bee': 1})
    with pytest.raises(DataError, match='training split lacks: bee'):
        opened(tmp_path, dataset='folder')


def test_limits_say_so(tmp_path):
    input_params.shards(tmp_path, 'train', [4, 4, 4])
    input_params.shards(tmp_path, 'validation', [4, 4])
    inputs = opened(tmp_path, num_train_images=6, num_eval_images=5)
    assert (inputs.num_train_images, inputs.num_eval_images) == (6, 5)
    assert '6 of 12' in inputs.summary()
    assert sorted(input_params.labels_of(inputs.eval_input_fn(2), None)) == list(range(5))
    assert sorted(input_params.labels_of(inputs.train_input_fn(6), 1)) == list(range(6))
    more = opened(tmp_path, num_train_images=1281167)
    assert more.num_train_images == 12 and 'only 12 examples' in more.summary()


def test_serving_sees_what_evaluation_sees(tmp_path):
    input_params.shards(tmp_path, 'train', [4])
    params = input_params.make(data_dir=str(tmp_path), mode='predict', input_image_size=24,
                               eval_split='train')
    network = dict(preprocessing='tpu_bilinear', image_size=40, native_classes=1000)
    inputs, serving = Inputs(params, **network), Serving(params, **network)
    evaluated = input_params.run(inputs.eval_input_fn(4))[0][0]['image']
    with tf.Graph().as_default(), tf.Session() as session:
        served = [session.run(serving.preprocess_for_serving(tf.constant(input_params.jpeg(row))))
                  for row in range(4)]
    assert np.abs(np.stack(served) - evaluated).max() < 1e-5
    assert inputs.image_size == serving.image_size == 24


def test_a_few_examples_for_an_export(tmp_path):
    """Of a data set with their classes, of each shard some; of plain images without."""
    input_params.shards(tmp_path / 'set', 'train', [3, 3, 3], offset=1)
    input_params.shards(tmp_path / 'set', 'validation', [2])

    def serving(**changes):
        return Serving(input_params.make(**changes), 'cifar', 16, 10)

    records = serving(data_dir=str(tmp_path / 'set'), label_offset=0, num_label_classes=10)
    encoded, classes, source = records.examples('train', 6)
    assert classes == [1, 2, 4, 5, 7, 8] and encoded[2] == input_params.jpeg(4)
    assert source == f'{tmp_path}/set (train)'
    assert records.examples('eval', 6)[1] == [0, 1]
    (tmp_path / 'photos').mkdir()
    for number in range(5):
        (tmp_path / 'photos' / f'{number}.jpg').write_bytes(input_params.jpeg(number))
    photos = serving(data_dir=str(tmp_path / 'photos'))
    assert photos.examples('eval', 2)[0] == [input_params.jpeg(0), input_params.jpeg(1)]
    assert photos.examples('train', 2)[0] == [input_params.jpeg(3), input_params.jpeg(4)]
    assert photos.examples('train', 2)[1] is None
    assert serving(dataset='synthetic').examples('eval', 2)[2] == Serving.RANDOM
    with pytest.raises(DataError, match='nowhere'):
        serving(data_dir=str(tmp_path / 'nowhere')).examples('eval', 2)
    with pytest.raises(DataError):
        serving(data_dir=str(tmp_path / 'photos'), dataset='tfrecord').examples('eval', 2)
