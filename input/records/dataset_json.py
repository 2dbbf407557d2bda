"""dataset.json and labels.txt: what a folder of TFRecords holds.

dataset.json: {"format": 1, "name", "num_classes", "label_offset", "class_names", "splits":
{split: {"num_examples", "fingerprint", "shards": [{"file", "num_examples", "bytes", "sha256"}]}}}.
It is written last, so a folder that has one is complete. labels.txt: "id:name" a line, id as
stored in the records.
"""

import json
import os

from common import labels_file, storage
from common.errors import DataError
from common.files import sync_folder, write_text

FILE = 'dataset.json'
FORMAT = 1


def read(folder):
    """Content of dataset.json, or None when there is none.

    Raises:
        DataError: it is there and damaged.
    """
    path = os.path.join(folder, FILE)
    storage.refuse_odd(path)
    if not storage.is_file(path):
        return None
    try:
        content = json.loads(storage.read_text(path))
        _check(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError,
            RecursionError) as error:
        raise DataError(f'{path} is damaged or not of this project ({error!r}). Convert again into '
                        'an empty folder, or remove it to read the shards without it') from error
    return content


def _check(content):
    """Raises ValueError, KeyError or TypeError unless every fact is there and of its type."""
    counts = [content['num_classes'], content['label_offset']]
    for split in content['splits'].values():
        counts.append(split['num_examples'])
        for row in split['shards']:
            counts += [row['num_examples'], row['bytes']]
            if os.path.basename(row['file']) != row['file']:
                raise ValueError(f'file {row["file"]!r}')
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError('a count is no whole number')
    names = content['class_names']
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError('class_names is no list of names')


def write(folder, name, class_names, label_offset, splits):
    """Writes labels.txt, then dataset.json.

    Args:
        splits: {split: {"num_examples", "fingerprint", "shards"}}.
    """
    labels_file.write(folder, class_names, label_offset)
    content = {'format': FORMAT, 'name': name, 'num_classes': len(class_names),
               'label_offset': label_offset, 'class_names': class_names, 'splits': splits}
    write_text(os.path.join(folder, FILE), json.dumps(content, indent=1) + '\n')
    sync_folder(folder)
