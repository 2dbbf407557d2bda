"""Where the examples of one split lie, and how a graph reads them.

A reader has shards (units of shuffling and of dealing out to workers) and gives, in a graph, the
raw examples of a shard. A raw example is (origin string, record int64, payload string, label
int64); `parse` turns payload and label into (encoded image string, stored label int64).
"""

import itertools
import os
from collections import namedtuple

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import DataError
from input import example, storage, tfrecord

VERIFY = 'python convert_tfrecord.py --verify'

# Records each open file reads ahead in a thread of its own.
READ_AHEAD = 8
# Examples looked at when a data set is opened.
SAMPLE_SHARDS = 32
SAMPLE_RECORDS = 512

Shard = namedtuple('Shard', 'path count')


def first_records(path, count):
    """Yields (path, record, payload) of the first `count` records, checking each CRC.

    Raises:
        DataError: a damaged record.
    """
    for index, (_, payload) in enumerate(itertools.islice(tfrecord.read_records(path), count)):
        if isinstance(payload, tfrecord.BadRecord):
            raise DataError(f'{path}, record {index} is damaged: {payload}. Copy the file again, '
                            f'or type: {VERIFY} {os.path.dirname(path)}')
        yield path, index, payload


class TFRecordReader:
    """TFRecord files, one shard each."""

    def __init__(self, shards, layout):
        self.shards = [shard for shard in shards if shard.count]
        self.layout = layout
        self.count = sum(shard.count for shard in self.shards)

    def select(self, indices):
        """The same reader over some of the shards."""
        return TFRecordReader([self.shards[index] for index in indices], self.layout)

    def limit(self, count):
        """The same reader over the first `count` examples."""
        shards = []
        for shard in self.shards:
            shards.append(shard._replace(count=min(shard.count, count)))
            count -= shards[-1].count
        return TFRecordReader(shards, self.layout)

    def mean_bytes(self):
        """Mean size of an example in bytes."""
        return sum(storage.size(shard.path) for shard in self.shards) / max(self.count, 1)

    def read(self, index):
        """Raw examples of the shard whose number is the int64 scalar `index`."""
        path = tf.gather(tf.constant([shard.path for shard in self.shards]), index)
        size = tf.gather(tf.constant([shard.count for shard in self.shards], tf.int64), index)
        stream = tf.data.TFRecordDataset(path, buffer_size=1 << 20).take(size)
        stream = stream.prefetch(READ_AHEAD)
        return tf.data.Dataset.zip((tf.data.Dataset.range(1 << 62), stream)).map(
            lambda record, data: (path, record, data, tf.constant(-1, tf.int64)))

    def parse(self, data, label):
        """Payload to (encoded image, stored label); the label of the raw example is not used."""
        del label
        features = tf.parse_single_example(data, {
            self.layout.image: tf.FixedLenFeature([], tf.string),
            self.layout.label: tf.FixedLenFeature([], tf.int64)})
        return features[self.layout.image], features[self.layout.label]

    def examples(self):
        """Yields (path, record, payload) in order, outside any graph, checking each CRC.

        Raises:
            DataError: a damaged file.
        """
        for shard in self.shards:
            yield from first_records(shard.path, shard.count)

    def image_and_label(self, path, record, data):
        """(encoded bytes, stored label) of what `examples` yields; DataError where one lacks."""
        try:
            return example.image_and_label(example.decode_example(data), self.layout)
        except ValueError as error:
            raise DataError(f'{path}, record {record}: {error}') from error

    def sample(self):
        """A bounded number of (path, record, payload): the first ones of evenly spread shards."""
        shards = self.shards[::-(-len(self.shards) // SAMPLE_SHARDS)]
        for shard in shards:
            wanted = min(shard.count, SAMPLE_RECORDS // len(shards))
            yield from first_records(shard.path, wanted)


class FolderReader:
    """Image files with a class each; a shard is a run of files."""

    run = 128

    def __init__(self, paths, labels):
        self._paths = np.array([os.fsencode(path) for path in paths], dtype=object)
        self._labels = np.array(labels, np.int64)
        self._label_of = dict(zip(paths, self._labels))
        self.count = len(paths)
        self.shards = [Shard(os.fsdecode(self._paths[start]), min(self.run, self.count - start))
                       for start in range(0, self.count, self.run)]

    def _subset(self, rows):
        return FolderReader([os.fsdecode(path) for path in self._paths[rows]], self._labels[rows])

    def select(self, indices):
        """The same reader over some of the shards."""
        rows = [np.arange(index * self.run, min((index + 1) * self.run, self.count))
                for index in indices]
        return self._subset(np.concatenate(rows) if rows else np.arange(0))

    def limit(self, count):
        """The same reader over the first `count` examples."""
        return self._subset(np.arange(min(count, self.count)))

    def mean_bytes(self):
        """The payload of a raw example is only a path."""
        return 128

    def read(self, index):
        """Raw examples of one run; the list of files stays in Python, out of the graph."""
        def rows(number):
            some = slice(number * self.run, (number + 1) * self.run)
            return list(self._paths[some]), self._labels[some]
        paths, labels = tf.numpy_function(rows, [index], [tf.string, tf.int64])
        paths, labels = tf.ensure_shape(paths, [None]), tf.ensure_shape(labels, [None])
        return tf.data.Dataset.from_tensor_slices((paths, labels)).map(
            lambda path, label: (path, tf.constant(0, tf.int64), path, label))

    def parse(self, data, label):
        """Payload (a path) to (encoded image, label)."""
        return tf.io.read_file(data), label

    def examples(self):
        """Yields (path, 0, path) in order."""
        for path in self._paths:
            name = os.fsdecode(path)
            yield name, 0, name

    def sample(self):
        """The first examples."""
        return itertools.islice(self.examples(), SAMPLE_SHARDS)

    def image_and_label(self, path, record, data):
        """(encoded bytes, label) of what `examples` yields."""
        try:
            with open(data, 'rb') as stream:
                return stream.read(), int(self._label_of[path])
        except OSError as error:
            raise DataError(f'{path}, record {record}: {error}') from error
