"""TFRecord framing and Example serialisation against TensorFlow's own."""

import glob
import hashlib
import os
import re

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from input.records import example, tfrecord

VALUES = {'image/encoded': bytes(range(256)) * 3, 'image/class/label': 300, 'image/height': 1,
          'image/class/text': 'Käse'.encode(), 'negative': -5}


def test_example_is_what_tensorflow_parses():
    parsed = tf.train.Example.FromString(example.encode_example(VALUES))
    feature = parsed.features.feature
    assert set(feature) == set(VALUES)
    for name, value in VALUES.items():
        kind = feature[name].int64_list if isinstance(value, int) else feature[name].bytes_list
        assert list(kind.value) == [value]


@pytest.mark.parametrize('size', [0, 1, 127, 128, 16383, 16384, 1 << 21])
def test_an_example_in_pieces_is_the_whole_one(size, tmp_path):
    values = dict(VALUES, **{'image/encoded': bytes(size)})
    before, after = (example.entries({name: values[name] for name in values if chosen(name)})
                     for chosen in ('image/encoded'.__gt__, 'image/encoded'.__lt__))
    start = example.start(before, 'image/encoded', size, len(after))
    whole = example.encode_example(values)
    assert whole == start + bytes(size) + after
    assert whole == tf.train.Example.FromString(whole).SerializeToString(deterministic=True)
    paths = [str(tmp_path / name) for name in ('whole', 'pieces')]
    for path, record in zip(paths, [(whole,), (start, bytes(size), after)]):
        with tfrecord.Writer(path) as writer:
            writer.write(*record)
    contents = [open(path, 'rb').read() for path in paths]
    assert contents[0] == contents[1] and len(contents[0]) == writer.bytes
    assert writer.sha256 == hashlib.sha256(contents[0]).hexdigest()


def test_a_record_that_is_written_bit_by_bit_is_whole(tmp_path, monkeypatch):
    path, written = str(tmp_path / 'shard'), os.writev
    monkeypatch.setattr(os, 'writev', lambda handle, pieces: written(handle, [pieces[0][:5]]))
    with tfrecord.Writer(path) as writer:
        writer.write(b'some', b'thing')
        writer.write(b'else')
    assert [payload for _, payload in tfrecord.read_records(path)] == [b'something', b'else']


def test_decode_reads_what_tensorflow_writes():
    feature = {
        'a': tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 300, -7])),
        'b': tf.train.Feature(bytes_list=tf.train.BytesList(value=[b'x', b''])),
        'none': tf.train.Feature()}
    data = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    found = example.decode_example(data)
    assert (found['a'], found['b'], found['none']) == ([1, 300, -7], [b'x', b''], [])
    short = bytes([data[0], data[1] - 1]) + data[2:]     # its last entry runs past its features
    for broken in (data[:-3], b'\xff\xff', b'no example', short):
        with pytest.raises(ValueError):
            example.decode_example(broken)


def test_files_are_interchangeable_with_tensorflow(tmp_path):
    records = [b'', b'a', bytes(1000), np.random.RandomState(0).bytes(70000)]
    ours, theirs = str(tmp_path / 'ours'), str(tmp_path / 'theirs')
    with tfrecord.Writer(ours) as writer:
        for record in records:
            writer.write(record)
    with tf.python_io.TFRecordWriter(theirs) as writer:
        for record in records:
            writer.write(record)
    with open(ours, 'rb') as left, open(theirs, 'rb') as right:
        assert left.read() == right.read()
    assert [payload for _, payload in tfrecord.read_records(theirs)] == records


def test_one_module_knows_the_framing_and_one_the_examples():
    root = os.path.dirname(os.path.abspath(tfrecord.__file__))
    knowing = {'framing': set(), 'example': set()}
    for path in glob.glob(os.path.join(root, '**', '*.py'), recursive=True):
        with open(path, encoding='utf-8') as stream:
            text = stream.read()
        if re.search(r"'<Q|tf_record_iterator", text):
            knowing['framing'].add(os.path.basename(path))
        if re.search(r'Example\.FromString|>> 3', text):
            knowing['example'].add(os.path.basename(path))
    assert knowing == {'framing': {'tfrecord.py'}, 'example': {'example.py'}}


@pytest.mark.parametrize('position', [3, 9])
def test_damaged_framing_is_said_with_its_place(position, tmp_path):
    path = str(tmp_path / 'shard')
    with tfrecord.Writer(path) as writer:
        for size in (10, 20, 30):
            writer.write(bytes(size))
    assert tfrecord.count_records(path) == 3
    with open(path, 'r+b') as stream:
        stream.seek(26 + position)
        stream.write(b'\x55')
    with pytest.raises(tfrecord.BadRecord, match=r'record 1 \(byte 26\)'):
        tfrecord.count_records(path)
