"""Which files of a directory are the shards of a split: by dataset.json or by name."""

import fnmatch
import os
import re
from collections import namedtuple

from common import labels_file, storage
from common.errors import DataError
from input.records import dataset_json
from input.sources.readers import VERIFY

# splits(name): list of (path, number of records or None), empty when there is no such split.
Facts = namedtuple('Facts', 'splits num_classes class_names label_offset origin notes')

# Ours and the TPU converter's; imagenet_to_gcs.py's sub-directories; slim's small converters.
PATTERNS = ('{split}-*', '{split}/{split}-*', '{split}/*-of-*', '*_{split}.tfrecord',
            '*_{split}_*.tfrecord*', '*-{split}.tfrecord*', '{split}.tfrecord*',
            '{split}/*.tfrecord*')
SIDE_FILES = ('.json', '.txt', '.csv', '.md', '.part', '.tmp', '.gz', '.lock')


def matching(path, split):
    """Sorted shards of a split: the files of the first pattern that has any."""
    for pattern in PATTERNS:
        folder, name = os.path.split(os.path.join(path, pattern.format(split=split)))
        if not storage.is_folder(folder):
            continue
        found = [os.path.join(folder, entry) for entry in storage.names(folder)
                 if fnmatch.fnmatchcase(entry, name) and not entry.endswith(SIDE_FILES)]
        for entry in found:
            storage.refuse_odd(entry)
        found = [entry for entry in found if storage.is_file(entry)]
        if found:
            return found
    return []


def described(path):
    """Facts of a directory with a dataset.json, else None.

    Raises:
        DataError: it is unreadable, or a shard it lists is missing or of another size.
    """
    content = dataset_json.read(path)
    if content is None:
        return None

    def splits(split):
        rows = []
        for row in content['splits'].get(split, {'shards': ()})['shards']:
            shard = os.path.join(path, row['file'])
            _check_size(shard, row['bytes'], path)
            rows.append((shard, row['num_examples']))
        return rows
    return Facts(splits, content['num_classes'], content['class_names'], content['label_offset'],
                 dataset_json.FILE, [])


def _check_size(shard, size, path):
    storage.refuse_odd(shard)
    if not storage.is_file(shard):
        raise DataError(f'{shard} is missing, but dataset.json lists it. Convert or copy again, or '
                        f'type: {VERIFY} {path}')
    found = storage.size(shard)
    if found != size:
        raise DataError(f'{shard} has {found} bytes, dataset.json says {size}: truncated or '
                        f'changed. Copy it again, or type: {VERIFY} {path}')


def bare(path):
    """Facts of a directory that holds only shards, and perhaps slim's labels.txt."""
    listed = os.path.join(path, labels_file.FILE)
    names = labels_file.parse(storage.read_text(listed)) if storage.is_file(listed) else []
    names = names[1:] if names[:1] == ['background'] else names
    notes = [] if names or not storage.is_file(listed) else [
        f'{labels_file.FILE} names no class: none of its lines is NUMBER:NAME']

    def splits(split):
        found = matching(path, split)
        total = re.search(r'-of-(\d+)', os.path.basename(found[0])) if found else None
        if total and int(total.group(1)) != len(found):
            notes.append(f'{len(found)} of {int(total.group(1))} {split} shards are there')
        return [(shard, None) for shard in found]
    return Facts(splits, len(names) or None, names or None, None, None, notes)
