"""Where the examples of one split lie, and how a graph reads them: TFRecords.

A reader has shards (units of shuffling and of dealing out to workers) and gives, in a graph, the
raw examples of a shard. A raw example is (origin string, record int64, payload string, label
int64); `parse` turns payload and label into (encoded image string, stored label int64).
"""

import itertools
import os
from collections import namedtuple

import tensorflow.compat.v1 as tf

from common import storage
from common.errors import DataError
from input.records import example, tfrecord

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
        return self._of([self.shards[index] for index in indices])

    def _of(self, shards):
        return TFRecordReader(shards, self.layout)

    def _stream(self, path):
        """The payloads of a file, in a graph."""
        return tf.data.TFRecordDataset(path, buffer_size=1 << 20)

    def first(self, shard, count):
        """Yields (path, record, payload) of the first records of a shard, outside any graph."""
        return first_records(shard.path, count)

    def limit(self, count):
        """The same reader over the first `count` examples."""
        shards = []
        for shard in self.shards:
            shards.append(shard._replace(count=min(shard.count, count)))
            count -= shards[-1].count
        return self._of(shards)

    def mean_bytes(self):
        """Mean size of an example in bytes."""
        return sum(storage.size(shard.path) for shard in self.shards) / max(self.count, 1)

    def read(self, index):
        """Raw examples of the shard whose number is the int64 scalar `index`."""
        path = tf.gather(tf.constant([shard.path for shard in self.shards]), index)
        size = tf.gather(tf.constant([shard.count for shard in self.shards], tf.int64), index)
        stream = self._stream(path).take(size).prefetch(READ_AHEAD)
        same = tf.data.Dataset.from_tensors((path, tf.constant(-1, tf.int64))).repeat()
        # A map that only puts its arguments in another order runs no graph.
        return tf.data.Dataset.zip((tf.data.Dataset.range(1 << 62), stream, same)).map(
            lambda record, data, same: (same[0], record, data, same[1]))

    def place(self, shard, record):
        """(path, record) of an example by the number of its shard and its own in there."""
        return self.shards[shard].path, record

    def name(self, path, record):
        """Name of the image file that a record was made from, or None where it does not say."""
        try:
            values = example.decode_example(tfrecord.read_record(path, record))
        except (OSError, ValueError, tfrecord.BadRecord):
            return None
        found = values.get('image/filename') or values.get('file_name')
        return os.fsdecode(bytes(found[0])) if found and not isinstance(found[0], int) else None

    def label_counts(self):
        """{stored label: examples} where that is known without reading them all, else {}."""
        return {}

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
            yield from self.first(shard, shard.count)

    def image_and_label(self, path, record, data):
        """(encoded bytes, stored label) of what `examples` yields; DataError where one lacks."""
        try:
            return example.image_and_label(example.decode_example(data), self.layout)
        except ValueError as error:
            raise DataError(f'{path}, record {record}: {error}') from error

    def sample(self, count=None):
        """About count (512) of (path, record, payload): the first of evenly spread shards."""
        shards = self.shards[::-(-len(self.shards) // SAMPLE_SHARDS)]
        for shard in shards:
            wanted = min(shard.count, -(-(count or SAMPLE_RECORDS) // len(shards)))
            yield from self.first(shard, wanted)
