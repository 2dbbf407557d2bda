"""What is wrong with the data, found by reading it outside the graph that failed."""

import os
import re

import tensorflow.compat.v1 as tf

from input import labels, records
from input.errors import DataError


class ImageCheck:
    """Decodes images in a small session: `check(encoded)` is None or the reason of a failure."""

    def __enter__(self):
        with tf.Graph().as_default():
            self._encoded = tf.placeholder(tf.string, [])
            image = tf.image.decode_image(self._encoded, channels=3, expand_animations=False)
            self._shape = tf.shape(image)
            config = tf.ConfigProto(device_count={'GPU': 0})
            self._session = tf.Session(config=config)
        return self

    def __exit__(self, *error):
        self._session.close()

    def __call__(self, encoded):
        if not encoded:
            return 'the image is empty'
        try:
            self._session.run(self._shape, {self._encoded: encoded})
        except tf.errors.OpError as error:
            return error.message.strip().split('\n')[0][:200]
        return None


def explain(exception, readers, rule):
    """Finds the record behind an error of the pipeline.

    Args:
        exception: a tf.errors.OpError raised by a step or an evaluation.
        readers: readers of the splits to look through.
        rule: the labels.LabelRule.

    Returns:
        file, record, reason and what to type, or None when the data looks sound.
    """
    message = str(exception)
    asserted = re.search(r"\[file\]\s*\[(.*?)\]\s*\[record\]\s*\[(\d+)\]", message)
    if asserted is None:
        asserted = re.search(r"file\W+(/?[^\n']*?)['\]]*\s+\W*record\W+(\d+)", message)
    size = re.search(r'(?:data )?size (\d+)', message)
    try:
        if size:
            found = _scan(readers, rule, int(size.group(1)))
            if found:
                return found
        if isinstance(exception, tf.errors.DataLossError) or 'truncated record' in message:
            return _framing(readers)
        return _scan(readers, rule, None)
    except DataError as error:
        return str(error)
    finally:
        del asserted


def _framing(readers):
    """Reads everything once, checking each CRC; DataError names the damaged file."""
    for reader in readers:
        for _ in reader.examples():
            pass


def _scan(readers, rule, size):
    """The first bad record; with `size`, only images of that many bytes are decoded."""
    with ImageCheck() as check:
        for reader in readers:
            for path, record, data in reader.examples():
                reason = _fault(reader, path, record, data, rule, size, check)
                if reason:
                    return _advice(path, record, reason)
    return None


def _fault(reader, path, record, data, rule, size, check):
    encoded, label = reader.image_and_label(path, record, data)
    reason = labels.explain(rule, label)
    if reason or (size is not None and len(encoded) != size):
        return reason
    reason = check(encoded)
    return f'the image cannot be decoded: {reason}' if reason else None


def _advice(path, record, reason):
    return (f'{path}, record {record}: {reason}. To list every bad record, type: {records.VERIFY} '
            f'{os.path.dirname(path)}; to go on without a few, pass --max_bad_records=N')
