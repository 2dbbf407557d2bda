"""TFRecord framing and Example serialisation against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from input import crc32c, tfrecord

VALUES = {'image/encoded': bytes(range(256)) * 3, 'image/class/label': 300, 'image/height': 1,
          'image/class/text': 'Käse'.encode(), 'negative': -5}


def test_crc32c_of_the_standard():
    assert crc32c.crc32c(b'123456789') == 0xE3069283
    assert crc32c.crc32c(bytes(32)) == 0x8A9136AA    # RFC 3720, B.4
    assert crc32c.crc32c(b'\xff' * 32) == 0x62A8AB43


@pytest.mark.parametrize('size', [0, 63, 64, 255, 256, 257, 8191, 100003])
def test_crc32c_by_table_equals_byte_by_byte(size):
    data = np.random.RandomState(size).bytes(size)
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    assert crc32c.crc32c(data) == state ^ 0xFFFFFFFF


def test_example_is_what_tensorflow_parses():
    example = tf.train.Example.FromString(tfrecord.encode_example(VALUES))
    feature = example.features.feature
    assert set(feature) == set(VALUES)
    for name, value in VALUES.items():
        kind = feature[name].int64_list if isinstance(value, int) else feature[name].bytes_list
        assert list(kind.value) == [value]


def test_decode_reads_what_tensorflow_writes():
    feature = {
        'a': tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 300, -7])),
        'b': tf.train.Feature(bytes_list=tf.train.BytesList(value=[b'x', b''])),
        'none': tf.train.Feature()}
    data = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    found = tfrecord.decode_example(data)
    assert (found['a'], found['b'], found['none']) == ([1, 300, -7], [b'x', b''], [])
    for broken in (data[:-3], b'\xff\xff', b'no example'):
        with pytest.raises(ValueError):
            tfrecord.decode_example(broken)


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
