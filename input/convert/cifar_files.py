"""The binary version of CIFAR-10: records of one label byte and 3 x 32 x 32 pixel bytes."""

import glob
import os

import numpy as np

from common.errors import DataError

SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE
BATCHES = (('train', 'data_batch_*.bin'), ('validation', 'test_batch.bin'))


def _batches(folder, pattern):
    return sorted(glob.glob(os.path.join(glob.escape(folder), pattern)))


def folder_of(root):
    """The folder that holds the binary files: `root` or the one in the archive; None without."""
    for folder in (root, os.path.join(root, 'cifar-10-batches-bin')):
        if any(_batches(folder, pattern) for _, pattern in BATCHES):
            return folder
    if os.path.isfile(os.path.join(root, 'data_batch_1')):
        raise DataError(f"{root} holds CIFAR's Python files; the binary version "
                        '(cifar-10-binary.tar.gz) is needed')
    return None


def read(folder):
    """(class names, {split: [(path, label, row)]}).

    Raises:
        DataError: a truncated file, a label without a name, no batches.meta.txt.
    """
    meta = os.path.join(folder, 'batches.meta.txt')
    try:
        with open(meta, encoding='utf-8') as stream:
            classes = [line.strip() for line in stream if line.strip()]
    except OSError as error:
        raise DataError(f'{meta} cannot be read: it names the classes') from error
    splits = {}
    for split, pattern in BATCHES:
        rows = [row for path in _batches(folder, pattern) for row in _rows(path, len(classes))]
        splits.update({split: rows} if rows else {})
    return classes, splits


def _rows(path, classes):
    data = np.fromfile(path, np.uint8)
    if not data.size or data.size % RECORD:
        raise DataError(f'{path} has {data.size} bytes, which is no multiple of {RECORD}: '
                        'truncated, or no CIFAR-10 file. Download it again')
    labels = data[::RECORD].tolist()
    for row, label in enumerate(labels):
        if label >= classes:
            raise DataError(f'{path}, record {row}: label {label}, but batches.meta.txt names '
                            f'{classes} classes')
    return [(path, label, row) for row, label in enumerate(labels)]


def pixels(path, row):
    """Image `row` of a file, uint8 [32, 32, 3]."""
    data = np.fromfile(path, np.uint8, RECORD, offset=row * RECORD)
    return np.ascontiguousarray(data[1:].reshape(3, SIDE, SIDE).transpose(1, 2, 0))
