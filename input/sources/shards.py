"""Which files of a directory are the shards of a split: by manifest or by name."""

import fnmatch
import json
import os
import re
from collections import namedtuple

from common import labels_file
from common.errors import DataError
from input.sources import records

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
        if not os.path.isdir(folder):
            continue
        found = [os.path.join(folder, entry) for entry in sorted(os.listdir(folder))
                 if fnmatch.fnmatchcase(entry, name) and not entry.endswith(SIDE_FILES)]
        found = [entry for entry in found if os.path.isfile(entry)]
        if found:
            return found
    return []


def manifest(path):
    """Facts of a directory with a dataset.json, else None.

    Raises:
        DataError: the manifest is unreadable, or a shard it lists is missing or of another size.
    """
    name = os.path.join(path, 'dataset.json')
    if not os.path.isfile(name):
        return None
    try:
        with open(name, encoding='utf-8') as stream:
            content = json.load(stream)
        tables = {split: [(row['file'], row['num_examples'], row.get('bytes'))
                          for row in value['shards']]
                  for split, value in content['splits'].items()}
        classes, offset = content['num_classes'], content['label_offset']
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'{name} is not a manifest of this project ({error!r}). Convert again, or '
                        'remove it to read the shards without it') from error

    def splits(split):
        rows = []
        for file, count, size in tables.get(split, []):
            shard = os.path.join(path, file)
            _check_size(shard, size, path)
            rows.append((shard, count))
        return rows
    return Facts(splits, classes, content.get('class_names'), offset, 'dataset.json', [])


def _check_size(shard, size, path):
    if not os.path.isfile(shard):
        raise DataError(f'{shard} is missing, but dataset.json lists it. Convert or copy again, or '
                        f'type: {records.VERIFY} {path}')
    found = os.path.getsize(shard)
    if size is not None and found != size:
        raise DataError(f'{shard} has {found} bytes, dataset.json says {size}: truncated or '
                        f'changed. Copy it again, or type: {records.VERIFY} {path}')


def bare(path):
    """Facts of a directory that holds only shards, and perhaps slim's labels.txt."""
    names = labels_file.read(path)
    names = names[1:] if names[:1] == ['background'] else names
    notes = []

    def splits(split):
        found = matching(path, split)
        total = re.search(r'-of-(\d+)', os.path.basename(found[0])) if found else None
        if total and int(total.group(1)) != len(found):
            notes.append(f'{len(found)} of {int(total.group(1))} {split} shards are there')
        return [(shard, None) for shard in found]
    return Facts(splits, len(names) or None, names or None, None, None, notes)
