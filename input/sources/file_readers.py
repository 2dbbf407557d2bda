"""Readers of other files than TFRecords: a tree of images, CIFAR-10's binary files."""

import itertools
import os

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import DataError
from input.folders import cifar
from input.images import checks
from input.sources.readers import SAMPLE_SHARDS, Shard, TFRecordReader

# How the error of a graph begins that met a file it cannot use; the file and the reason follow.
BAD_FILE = 'unusable image file '


class FolderReader:
    """Image files with a class each; a shard is a run of files."""

    run = 128

    def __init__(self, paths, labels, rules=checks.Rules()):
        self._rules = rules
        self._paths = np.array([os.fsencode(path) for path in paths], dtype=object)
        self._labels = np.array(labels, np.int64)
        self._label_of = dict(zip(paths, self._labels))
        self.count = len(paths)
        self.shards = [Shard(os.fsdecode(self._paths[start]), min(self.run, self.count - start))
                       for start in range(0, self.count, self.run)]

    def _subset(self, rows):
        return FolderReader([os.fsdecode(path) for path in self._paths[rows]], self._labels[rows],
                            self._rules)

    def select(self, indices):
        """The same reader over some of the shards."""
        rows = [np.arange(index * self.run, min((index + 1) * self.run, self.count))
                for index in indices]
        return self._subset(np.concatenate(rows) if rows else np.arange(0))

    def limit(self, count):
        """The same reader over the first `count` examples."""
        return self._subset(np.arange(min(count, self.count)))

    def labels(self):
        """The labels of each shard, as arrays."""
        return [self._labels[start:start + self.run] for start in range(0, self.count, self.run)]

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

    def place(self, shard, record):
        """(path, 0) of an image by the number of its run and its own in there."""
        return os.fsdecode(self._paths[shard * self.run + record]), 0

    def name(self, path, record):
        """None: the path itself is the file."""

    def label_counts(self):
        """{label: images}."""
        return dict(zip(*(found.tolist() for found in np.unique(self._labels,
                                                                return_counts=True))))

    def parse(self, data, label):
        """Payload (a path) to (encoded image, label); what is no image fails with its path."""
        def content(path):
            name = os.fsdecode(path)
            try:
                return self._content(name)
            except DataError as error:
                raise ValueError(f'{BAD_FILE}{error}') from error
        encoded = tf.numpy_function(content, [data], tf.string)
        return tf.ensure_shape(encoded, []), label

    def _content(self, path):
        """The file as the graph decodes it; DataError with the path."""
        try:
            with open(path, 'rb') as stream:
                return checks.readable(stream.read(), self._rules)
        except (OSError, checks.BadImage) as error:
            raise DataError(f'{path}: {error}') from error

    def examples(self):
        """Yields (path, 0, path) in order."""
        for path in self._paths:
            name = os.fsdecode(path)
            yield name, 0, name

    def sample(self, count=SAMPLE_SHARDS):
        """The first examples."""
        return itertools.islice(self.examples(), count)

    def image_and_label(self, path, record, data):
        """(encoded bytes, label) of what `examples` yields; DataError for a bad file."""
        return self._content(data), int(self._label_of[path])


class CifarReader(TFRecordReader):
    """CIFAR-10's binary files, one shard each; the image of a raw example is PNG."""

    def __init__(self, paths, shards=None):
        super().__init__(shards or [Shard(path, os.path.getsize(path) // cifar.RECORD)
                                    for path in paths], None)

    def _of(self, shards):
        return CifarReader(None, shards)

    def name(self, path, record):
        """None: its images never had files."""

    def _stream(self, path):
        return tf.data.FixedLengthRecordDataset(path, cifar.RECORD)

    def parse(self, data, label):
        """Payload (label and pixels) to (encoded image, stored label)."""
        del label
        values = tf.io.decode_raw(data, tf.uint8)
        side = cifar.SIDE
        pixels = tf.transpose(tf.reshape(values[1:], [3, side, side]), [1, 2, 0])
        return tf.image.encode_png(pixels), tf.cast(values[0], tf.int64)

    def first(self, shard, count):
        """Yields (path, record, payload) of the first records of a file."""
        with open(shard.path, 'rb') as stream:
            for record in range(count):
                yield shard.path, record, stream.read(cifar.RECORD)

    def image_and_label(self, path, record, data):
        """(encoded bytes, stored label) of what `examples` yields."""
        pixels = cifar.pixels(path, record)
        return checks.encode_png(pixels).encoded, data[0]
