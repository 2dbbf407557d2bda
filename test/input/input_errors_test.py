"""Data that cannot be used: DataError (exit code 3) with file, record and what to type."""

import json
import os
import struct

import input_params
import pytest
import tensorflow.compat.v1 as tf

from input import DataError, Inputs
from input.sources import readers


def opened(folder, **changes):
    return Inputs(input_params.make(data_dir=str(folder), **changes), 'cifar', 16, 1000)


def refused(folder, *words, **changes):
    """Opening fails and the message has every word."""
    with pytest.raises(DataError) as caught:
        opened(folder, **changes)
    assert caught.value.exit_code == 3
    for word in words:
        assert word in str(caught.value), (word, str(caught.value))


def both(folder, train=(6, 6), evaluation=(4,)):
    """A folder with both splits; the paths of the train shards."""
    input_params.shards(folder, 'validation', evaluation)
    return input_params.shards(folder, 'train', train)


def failure(inputs, input_fn):
    """The tf.errors.OpError of running a pipeline."""
    with pytest.raises(tf.errors.OpError) as caught:
        input_params.run(input_fn, 8)
    return inputs.explain_failure(caught.value), str(caught.value)


def rewrite(path, change):
    """Replaces the content of a file by change(content)."""
    with open(path, 'rb') as stream:
        content = stream.read()
    with open(path, 'wb') as stream:
        stream.write(change(content))


def test_no_directory_no_files_no_examples(tmp_path):
    refused(tmp_path / 'nowhere', 'no such directory', 'nowhere', '--data_dir')
    for name in 'abcdefg':
        (tmp_path / name).write_text('x')
    refused(tmp_path, 'train-*', 'a, b, c, d, e', 'convert_tfrecord.py')
    input_params.write(str(tmp_path / 'train-00000-of-00001'), [])
    refused(tmp_path, '0 records')
    refused('', 'dataset', dataset='tfrecords')
    refused('', '--data_dir', dataset='tfrecord')


def test_missing_split_and_large_batch(tmp_path):
    input_params.shards(tmp_path, 'train', [3, 2])
    refused(tmp_path, '0 examples', '--eval_split', '--holdout_shards', '--mode=train')
    inputs = opened(tmp_path, mode='train')
    labels = input_params.labels_of(inputs.train_input_fn(8), 5)    # 8 epochs of 5 images
    assert sorted(labels) == sorted(8 * [0, 1, 2, 3, 4])
    with pytest.raises(DataError, match='no evaluation images'):
        inputs.eval_input_fn(2)
    held = opened(tmp_path, holdout_shards=1, train_batch_size=2)
    assert (held.num_train_images, held.num_eval_images) == (2, 3)
    refused(tmp_path, 'only 2 train shards', holdout_shards=2)


def test_wrong_keys(tmp_path):
    payload = input_params.example(b'', 0, 'picture', 'kind')
    input_params.write(str(tmp_path / 'train-00000-of-00001'), [payload] * 4)
    refused(tmp_path, 'train-00000-of-00001', 'record 0', 'kind, picture', 'image/encoded',
            mode='train')
    input_params.write(str(tmp_path / 'train-00000-of-00001'), [b'\xff\xff'] * 4)
    refused(tmp_path, 'record 0', 'not a tf.train.Example', '--verify', mode='train')


def test_record_without_a_key_in_the_middle(tmp_path):
    rows = [input_params.example(input_params.jpeg(row), row) for row in range(3)]
    rows.append(input_params.example(b'', 0, 'image/encoded', 'other'))
    path = input_params.write(str(tmp_path / 'train-00000-of-00001'), rows)
    refused(tmp_path, path, 'record 3', 'image/class/label', 'other', mode='train')


def test_label_out_of_range_is_found_at_start(tmp_path):
    paths = both(tmp_path)
    refused(tmp_path, paths[1], 'record 4', 'label 10', '0..9', '--num_label_classes=11',
            num_label_classes=10)
    refused(tmp_path, paths[0], 'record 0', 'label 0', '1..12', '--label_offset=0',
            label_offset=1, num_label_classes=12)


def test_label_out_of_range_beyond_the_sample_fails_in_the_graph(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, 'SAMPLE_RECORDS', 64)
    path = both(tmp_path, (80,), (4,))[0]
    inputs = opened(tmp_path, num_label_classes=64)
    told, message = failure(inputs, inputs.train_input_fn(40))
    assert path in message and 'label out of range' in message
    assert path in told and 'record 64' in told and 'label 64' in told


def test_truncated_and_corrupt_shards(tmp_path, monkeypatch):
    paths = both(tmp_path)
    rewrite(paths[1], lambda content: content[:-10])
    refused(tmp_path, paths[1], 'record 5', 'truncated', '--verify')
    paths = both(tmp_path)
    rewrite(paths[0], lambda content: content[:-40] + b'\0' + content[-39:])
    refused(tmp_path, paths[0], 'record 5 is damaged')
    monkeypatch.setattr(readers, 'SAMPLE_RECORDS', 4)
    inputs = opened(tmp_path)
    told, _ = failure(inputs, inputs.train_input_fn(4))
    assert paths[0] in told and 'record 5 is damaged' in told and '--verify' in told


def test_undecodable_image(tmp_path):
    paths = both(tmp_path)
    damaged(paths[0], 3)
    inputs = opened(tmp_path)
    told, _ = failure(inputs, inputs.train_input_fn(4))
    assert paths[0] in told and 'record 3' in told and 'cannot be decoded' in told
    assert '--verify' in told and '--max_bad_records' in told and 'Graph execution' not in told
    assert inputs.explain_failure(ValueError('other')) is None


def damaged(path, *records):
    """Rewrites a shard with some of its images cut in half."""
    rows = []
    for index, data in enumerate(tf.io.tf_record_iterator(path)):
        row = tf.train.Example.FromString(data).features.feature
        image = row['image/encoded'].bytes_list.value[0]
        label = row['image/class/label'].int64_list.value[0]
        image = image[:len(image) // 2] if index in records else image
        rows.append(input_params.example(image, label))
    input_params.write(path, rows)


def test_bad_records_are_replaced_and_counted(tmp_path):
    paths = both(tmp_path, (6, 6), (6,))
    damaged(paths[0], 3)
    damaged(paths[1], 0)
    damaged(str(tmp_path / 'validation-00000-of-00001'), 2, 4)
    inputs = opened(tmp_path, max_bad_records=2)
    labels = input_params.labels_of(inputs.train_input_fn(4), 6)
    for epoch in (labels[:12], labels[12:]):
        assert set(range(12)) - set(epoch) >= {3, 6}
    assert labels[8:] == input_params.labels_of(inputs.train_input_fn(4, 8), 4)
    evaluated = input_params.labels_of(inputs.eval_input_fn(4), None)
    assert sorted(evaluated) == [0, 1, 3, 5]
    damaged(str(tmp_path / 'validation-00000-of-00001'), *range(6))
    input_params.shards(tmp_path, 'val', [6], pattern='validation-00001-of-00001')
    some = opened(tmp_path, max_bad_records=6)
    assert sorted(input_params.labels_of(some.eval_input_fn(4), None)) == list(range(6))
    strict = opened(tmp_path, max_bad_records=1)
    told, message = failure(strict, strict.train_input_fn(4))
    assert '--max_bad_records' in message and 'cannot be decoded' in told


def test_manifest_that_does_not_fit(tmp_path):
    path = both(tmp_path)[0]
    content = {'format': 1, 'name': 'x', 'num_classes': 12, 'label_offset': 0,
               'class_names': [str(row) for row in range(12)], 'splits': {'train': {
                   'num_examples': 6, 'shards': [{'file': os.path.basename(path),
                                                  'num_examples': 6, 'bytes': 1}]}}}
    manifest = tmp_path / 'dataset.json'
    manifest.write_text(json.dumps(content))
    refused(tmp_path, path, 'dataset.json says 1', '--verify', mode='train')
    content['splits']['train']['shards'][0]['file'] = 'gone'
    manifest.write_text(json.dumps(content))
    refused(tmp_path, 'gone is missing', mode='train')
    manifest.write_text('{"splits": 3}')
    refused(tmp_path, 'damaged or not of this project')


def test_damaged_length_is_noticed(tmp_path):
    path = both(tmp_path)[0]
    rewrite(path, lambda content: struct.pack('<Q', 1 << 40) + content[8:])
    refused(tmp_path, path, 'record 0', 'truncated or its length is damaged')
