"""What is wrong with the data, found by reading it outside the graph that failed."""

import os
import re
import sys

import tensorflow.compat.v1 as tf

from common import signals
from common.errors import DataError, first_line
from input import labels, progress
from input.sources.file_readers import BAD_FILE
from input.sources.readers import VERIFY

# How errors name the operation of a step that asks the input pipeline for a batch.
_INPUT = re.compile('GetNext|RemoteCall')
ADVICE = ('To go on without a few bad ones, pass --max_bad_records=N; to list every one, type:')


class ImageCheck:
    """Decodes images in a small session: `check(encoded)` is None or the reason of a failure."""

    def __enter__(self):
        with tf.Graph().as_default():
            self._encoded = tf.placeholder(tf.string, [])
            image = tf.image.decode_image(self._encoded, channels=3, expand_animations=False)
            self._shape = tf.shape(image)
            self._session = tf.Session(config=tf.ConfigProto(device_count={'GPU': 0}))
        return self

    def __exit__(self, *error):
        self._session.close()

    def __call__(self, encoded):
        if not encoded:
            return 'the image is empty'
        try:
            self._session.run(self._shape, {self._encoded: encoded})
        except tf.errors.OpError as error:
            return first_line(error)
        return None


def comes_from_input(exception):
    """Whether an error of a step was raised by the input pipeline, not by the network."""
    return bool(_INPUT.search(f'{getattr(exception.op, "type", "")} {exception.message}'))


def explain(exception, readers, rule):
    """Finds the record behind an error of the pipeline; other errors are not looked into.

    The search shows its progress, and a signal ends it (common.signals). Decoder messages carry the
    size of the image, so that first only images of that size are decoded; if that finds nothing,
    all are.

    Args:
        exception: a tf.errors.OpError raised by a step or an evaluation.
        readers: readers of the splits to look through.
        rule: the labels.LabelRule.

    Returns:
        file, record, reason and what to type, or None when the data is sound.
    """
    if not comes_from_input(exception):
        return None
    named = re.search(f'{BAD_FILE}(.*)', exception.message or '')
    if named:
        return (f'{named.group(1).rstrip()}. To go on without a few bad ones, pass '
                '--max_bad_records=N; or remove it')
    size = re.search(r'size (\d+)', exception.message or '')
    sizes = [int(size.group(1))] if size else []
    total = sum(reader.count for reader in readers)
    try:
        for wanted in sizes + [None]:
            with progress.bar('looking for the bad record', total, 'records', sys.stderr) as bar:
                found = _scan(readers, rule, wanted, bar)
            if found:
                return found
    except DataError as error:
        return str(error)
    return None


def _scan(readers, rule, size, bar):
    """The first bad record; with `size`, only images of that many bytes are decoded."""
    with ImageCheck() as check:
        for reader in readers:
            for path, record, data in reader.examples():
                bar.update(1)
                if signals.received():
                    return (f'a record cannot be used; {signals.received()} ended the search '
                            f'for it at {path}, record {record}')
                reason = _fault(reader, path, record, data, rule, size, check)
                if reason:
                    return (f'{path}, record {record}: {reason}. {ADVICE} '
                            f'{VERIFY} {os.path.dirname(path)}')
    return None


def _fault(reader, path, record, data, rule, size, check):
    encoded, label = reader.image_and_label(path, record, data)
    reason = labels.explain(rule, label)
    if reason or (size is not None and len(encoded) != size):
        return reason
    reason = check(encoded)
    return f'the image cannot be decoded: {reason}' if reason else None
