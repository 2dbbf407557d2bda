"""The binary version of CIFAR-10: records of one label byte and 3 x 32 x 32 pixel bytes.

Known places: one folder with data_batch_*.bin and test_batch.bin, as in the archive, and
MindSpore's cifar-10-batches-bin for training beside cifar-10-verify-bin for evaluation.
"""

import glob
import os

import numpy as np

from common import storage
from common.errors import DataError

SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE
TRAIN_FOLDER, VERIFY_FOLDER = 'cifar-10-batches-bin', 'cifar-10-verify-bin'
# NOTE: the names of the data set itself, where no batches.meta.txt brings them.
CLASSES = ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship',
           'truck')


def _matching(folder, pattern):
    if storage.is_address(folder):
        return []       # a conversion reads local files
    return sorted(glob.glob(os.path.join(glob.escape(folder), pattern)))


def files_of(root):
    """{split: [path]} of the binary files in `root` or below it; {} when there are none."""
    inside = os.path.join(root, TRAIN_FOLDER)
    folder = inside if _matching(inside, '*.bin') else root
    beside = os.path.join(os.path.dirname(os.path.abspath(folder)), VERIFY_FOLDER)
    train = _matching(folder, 'data_batch_*.bin')
    test = _matching(folder, 'test_batch*.bin')
    if os.path.basename(os.path.abspath(root)) == VERIFY_FOLDER:
        train, test = [], _matching(root, '*.bin')
    elif train and not test:
        test = _matching(beside, '*.bin')
    found = {'train': train, 'validation': test}
    for path in train + test:
        storage.refuse_odd(path)
    if not any(found.values()) and os.path.isfile(os.path.join(root, 'data_batch_1')):
        raise DataError(f"{root} holds CIFAR's Python files; the binary version "
                        '(cifar-10-binary.tar.gz) is needed')
    return {split: paths for split, paths in found.items() if paths}


def class_names(files):
    """Names from the batches.meta.txt beside the files, else those of CIFAR-10."""
    for folder in sorted({os.path.dirname(path) for paths in files.values() for path in paths}):
        path = os.path.join(folder, 'batches.meta.txt')
        if storage.is_file(path):
            names = [line.strip() for line in storage.read_text(path).split('\n') if line.strip()]
            if names:
                return names
    return list(CLASSES)


def labels(path, classes):
    """Labels of the images of one file.

    Raises:
        DataError: a truncated file, a label without a name.
    """
    data = np.fromfile(path, np.uint8)
    if not data.size or data.size % RECORD:
        raise DataError(f'{path} has {data.size} bytes, which is no multiple of {RECORD}: '
                        'truncated, or no CIFAR-10 file. Download it again')
    found = data[::RECORD]
    if found.max() >= classes:
        row = int(np.argmax(found >= classes))
        raise DataError(f'{path}, record {row}: label {found[row]}, but there are names for '
                        f'{classes} classes')
    return found.tolist()


def pixels(path, row):
    """Image `row` of a file, uint8 [32, 32, 3]."""
    data = np.fromfile(path, np.uint8, RECORD, offset=row * RECORD)
    return np.ascontiguousarray(data[1:].reshape(3, SIDE, SIDE).transpose(1, 2, 0))
