"""Data sets by --dataset: where the examples of both splits are, and what is known about them."""

import os
from collections import namedtuple

from common import storage
from common.errors import DataError
from input.folders import cifar
from input.records import example
from input.sources import counts, digits, folder, shards, tfds
from input.sources.readers import VERIFY, Shard, TFRecordReader, first_records

# where: what the log calls it; layout: key layout of TFRecords or None; train and evaluation:
# readers or None; label_offset None: to be sniffed; origin: who stated it; notes: said in the log.
Source = namedtuple(
    'Source', 'where layout train evaluation num_classes class_names label_offset origin notes')

# split -> names under which data sets keep it
SPLIT_NAMES = {'validation': ('validation', 'val', 'test'), 'train': ('train',)}


def dataset_of(params):
    """--dataset, or what it is when it was not given."""
    return params.dataset or ('tfrecord' if params.data_dir else 'digits')


def open_source(params):
    """The Source of --dataset and --data_dir, or None for 'synthetic'.

    Raises:
        DataError: nothing usable there.
    """
    kind, _, name = dataset_of(params).partition(':')
    openers = {
        'tfrecord': lambda: open_tfrecords(name or params.data_dir, params),
        'folder': lambda: open_folder(name or params.data_dir, params),
        'tfds': lambda: open_tfrecords(tfds.prepare(name, params.data_dir), params),
        'digits': lambda: open_digits(params),
        'synthetic': lambda: None,
    }
    if kind not in openers or (kind == 'tfds' and not name):
        raise DataError(f'--dataset={params.dataset} is unknown; known: tfrecord, folder, '
                        'tfds:NAME, digits, synthetic')
    return openers[kind]()


def open_digits(params):
    """The embedded digits, converted on first use."""
    return open_tfrecords(digits.prepare(params.data_dir), params)


def _need_directory(path):
    if not path:
        raise DataError('no data: pass --data_dir=DIR')
    storage.refuse_odd(path)
    if not storage.is_folder(path):
        raise DataError(f'no such directory: {path}. Check --data_dir')


def open_folder(path, params):
    """Source of a tree of images, or of CIFAR-10's binary files."""
    _need_directory(path)
    if storage.is_address(path):
        raise DataError(f'{path}: image files are read from local folders only. Convert them with '
                        'convert_tfrecord.py where they are; TFRecords are read from addresses')
    tree, train, evaluation, notes = folder.open_tree(
        path, params.train_split, params.eval_split, params.holdout, params.max_pixels)
    return Source(path, None, train, evaluation, len(tree.classes), tree.texts, 0, 'folders', notes)


def open_tfrecords(path, params):
    """Source of a directory of TFRecords: ours (dataset.json), TFDS-prepared, or bare shards."""
    _need_directory(path)
    if cifar.files_of(path):
        return open_folder(path, params)
    facts = shards.described(path) or tfds.facts(path) or shards.bare(path)
    train = _shards(facts, params.train_split)
    evaluation = _shards(facts, params.eval_split)
    notes = list(facts.notes)
    if params.holdout_shards:
        if params.holdout_shards >= len(train):
            raise DataError(f'--holdout_shards={params.holdout_shards}, but {path} has only '
                            f'{len(train)} train shards')
        evaluation, train = train[:params.holdout_shards], train[params.holdout_shards:]
        notes.append(f'evaluation on the first {params.holdout_shards} train shards')
    some = next((shard for shard in train + evaluation if shard.count), None)
    if some is None:
        _nothing(path, params, train + evaluation)
    layout = _key_layout(some.path)
    offset, origin = facts.label_offset, facts.origin
    if offset is None and layout.name == 'tfds':
        offset, origin = 0, 'TFDS layout'
    return Source(path, layout.name, _reader(train, layout), _reader(evaluation, layout),
                  facts.num_classes, facts.class_names, offset, origin, notes)


def _reader(shards, layout):
    return TFRecordReader(shards, layout) if shards else None


def _shards(facts, split):
    for name in SPLIT_NAMES.get(split, (split,)):
        known = facts.splits(name)
        if known:
            paths = [path for path, _ in known]
            numbers = [number for _, number in known]
            if None in numbers:
                numbers = counts.of_files(paths)
            return [Shard(*row) for row in zip(paths, numbers)]
    return []


def _key_layout(path):
    """The KeyLayout of the first record of a file; DataError when it has none."""
    _, _, payload = next(first_records(path, 1))
    try:
        return example.key_layout(example.decode_example(payload))
    except ValueError as error:
        raise DataError(f'{path}, record 0: {error}. Convert the images with convert_tfrecord.py, '
                        f'or type: {VERIFY} {os.path.dirname(path)}') from error


def _nothing(path, params, shards):
    found = (f'{len(shards)} files hold 0 records' if shards
             else f'no file matches {params.train_split}-* or {params.eval_split}-*')
    folders = any(storage.is_folder(os.path.join(path, name)) for name in storage.names(path)[:5])
    hint = '. For folders of images pass --dataset=folder' if folders and not shards else ''
    raise DataError(f'{path}: {found}{hint}; first entries there: {storage.first_names(path)}. '
                    'Check --data_dir, --train_split and --eval_split, or make the records with '
                    'convert_tfrecord.py')
