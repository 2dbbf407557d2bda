"""Directories prepared by tensorflow-datasets, read without that library; and preparing them.

NOTE: `tfds.load` with SkipDecoding gives the same encoded bytes, but not the shard a record came
from nor a resumable order, so the library is used to prepare a data set and its TFRecords are
read like any others.
"""

import json
import os

from common import postponed, storage
from common.errors import DataError, first_line
from input.sources import shards

INFO = 'dataset_info.json'


def _latest(path):
    """The directory with dataset_info.json: `path` or its highest version below."""
    if storage.is_file(os.path.join(path, INFO)):
        return path
    below = [os.path.join(path, name) for name in storage.names(path)
             if storage.is_file(os.path.join(path, name, INFO))]
    return max(below, key=_version) if below else None


def _version(path):
    parts = os.path.basename(path).split('.')
    return tuple(int(part) if part.isdigit() else -1 for part in parts)


def facts(path):
    """files.Facts of a TFDS-prepared directory, else None."""
    where = _latest(path)
    if where is None:
        return None
    name = _described_name(os.path.join(where, INFO))
    names = _label_names(where)

    def splits(split):
        start = f'{name}-{split}.tfrecord'
        return [(os.path.join(where, entry), None) for entry in storage.names(where)
                if entry.startswith(start)]
    return shards.Facts(splits, len(names) or None, names or None, 0, 'TFDS layout', [])


def _described_name(path):
    try:
        return json.loads(storage.read_text(path)).get('name', '*')
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f'{path} is damaged ({error!r}). Prepare the data set again') from error


def _label_names(where):
    path = os.path.join(where, 'label.labels.txt')
    if not storage.is_file(path):
        return []
    return [line for line in storage.read_text(path).split('\n') if line.strip()]


def prepare(name, data_dir):
    """Prepares `tfds:NAME` unless that is done already; returns its directory.

    Raises:
        DataError: the library is missing, the name unknown, or the download failed.
    """
    try:
        postponed.now()
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataError(f'--dataset=tfds:{name} needs tensorflow-datasets ({error}): '
                        'pip install -r requirements.txt') from error
    _stay_offline()
    try:
        builder = tfds.builder(name, data_dir=data_dir)
        if not os.path.isfile(os.path.join(str(builder.data_dir), INFO)):
            builder.download_and_prepare()
        return str(builder.data_dir)
    except Exception as error:
        reason = first_line(error).rstrip('.')
        manual = os.path.join(data_dir or os.path.join('~', 'tensorflow_datasets'), 'downloads',
                              'manual')
        hint = ('put ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, as tars, into '
                if name.startswith('imagenet2012') else 'files to fetch by hand belong into ')
        raise DataError(f'tfds:{name}: {reason}. Check the name; {hint}{manual}') from error


def _stay_offline():
    """Without this, version 3.2.1 asks a public bucket for 97 s when there is no network."""
    from tensorflow_datasets.core.utils import gcs_utils
    gcs_utils.is_gcs_disabled = lambda: True    # 3.2.1
    gcs_utils._is_gcs_disabled = True           # 4.9.4
