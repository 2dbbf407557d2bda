"""The embedded sample set: 1,797 real handwritten digits.

Optical Recognition of Handwritten Digits (its test set) by E. Alpaydin and C. Kaynak, Bogazici
University, 1998; UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, licensed
CC BY 4.0. digits.csv.gz is the copy that scikit-learn ships: a row an image, 64 pixels in 0..16
and the digit. Here the scans are scaled to 0..255, enlarged to 32x32 and stored as JPEG.
"""

import gzip
import os
import shutil
import tempfile

import numpy as np

from common import console
from common.errors import DataError
from input.convert.conversion import Options, convert
from input.records import dataset_json

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'digits.csv.gz')
NUM_TRAIN = 1437    # the first rows; the remaining 360 validate
SIDE = 32
# A recipe for two CPU cores: small images, few steps, statistics that follow quickly.
RECIPE = {
    'input_image_size': 64,
    'preprocessing_name': 'digits',
    'train_batch_size': 32,
    'eval_batch_size': 120,
    'train_epochs': 16,
    'steps_per_eval': 10000,
    'optimizer': 'momentum',
    'learning_rate': 0.03,
    'lr_schedule': 'cosine',
    'lr_warmup_epochs': 1,
    'weight_decay': 1e-5,
    'label_smoothing': 0.0,
    'dropout_rate': 0.0,
    'moving_average_decay': 0.99,
    'moving_average_order': 'after',
    'batch_norm_momentum': 0.9,
    'log_step_count_steps': 50,
    'num_label_classes': 10,
}


def load():
    """(images uint8 [1797, 8, 8], labels int64 [1797])."""
    with gzip.open(SOURCE, 'rt') as stream:
        table = np.loadtxt(stream, delimiter=',', dtype=np.int64)
    return (table[:, :64] * 255 // 16).astype(np.uint8).reshape(-1, 8, 8), table[:, 64]


def default_directory():
    """Below the user's cache folder."""
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return os.path.join(cache, 'small-classifiers', 'digits')


def prepare(directory=None, say=console.say):
    """Converts the digits to TFRecords unless that is done; returns their folder.

    Two processes may call this at once: each converts aside, the first renames its result.

    Raises:
        DataError: the folder cannot be written, or holds something else.
    """
    directory = os.path.abspath(directory or default_directory())
    if os.path.exists(os.path.join(directory, dataset_json.FILE)):
        return directory
    aside = None
    try:
        there = os.listdir(directory) if os.path.isdir(directory) else []
        if dataset_json.FILE in there:      # another process has just put it there
            return directory
        if there:
            raise DataError(f'{directory} holds no {dataset_json.FILE} but other things: '
                            'pass another --data_dir for the digits, or convert what is there')
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        aside = tempfile.mkdtemp(prefix='.digits-', dir=os.path.dirname(directory))
        _convert(aside)
        _settle(os.path.join(aside, 'records'), directory)
    except OSError as error:
        raise DataError(f'{directory} cannot be written ({error.strerror}): pass --data_dir=DIR, '
                        'or set XDG_CACHE_HOME') from error
    finally:
        if aside:
            shutil.rmtree(aside, ignore_errors=True)
    say(f'embedded digits (1,797 scans, UCI, CC BY 4.0) converted to {directory}')
    return directory


def _convert(aside):
    """Class folders of PNG files, then the converter as anyone would run it."""
    from PIL import Image
    for row, (scan, label) in enumerate(zip(*load())):
        split = 'train' if row < NUM_TRAIN else 'validation'
        folder = os.path.join(aside, 'digits', split, str(label))
        os.makedirs(folder, exist_ok=True)
        large = Image.fromarray(scan).resize((SIDE, SIDE), Image.BICUBIC)
        large.save(os.path.join(folder, f'{row:04d}.png'))
    convert(Options(os.path.join(aside, 'digits'), os.path.join(aside, 'records'), workers=1),
            say=lambda line: None)


def _settle(made, directory):
    """Renames, unless another process was faster."""
    try:
        os.rename(made, directory)
    except OSError:
        if not os.path.exists(os.path.join(directory, dataset_json.FILE)):
            raise
