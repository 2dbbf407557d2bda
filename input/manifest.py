"""dataset.json and labels.txt: what a folder of TFRecords holds.

dataset.json: {"format": 1, "name", "num_classes", "label_offset", "class_names", "splits":
{split: {"num_examples", "fingerprint", "shards": [{"file", "num_examples", "bytes", "sha256"}]}}}.
It is written last, so a folder that has one is complete. labels.txt: "id:name" a line, id as
stored in the records.
"""

import json
import os

from input.errors import DataError

FILE = 'dataset.json'
LABELS = 'labels.txt'
FORMAT = 1


def sync_folder(path):
    """Makes renames in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path, text):
    """Writes a file under a temporary name, flushes it to the disk, renames it."""
    temporary = f'{path}.tmp'
    with open(temporary, 'w', encoding='utf-8', errors='surrogateescape') as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def read(folder):
    """Content of dataset.json, or None when there is none.

    Raises:
        DataError: it is there and is no manifest.
    """
    path = os.path.join(folder, FILE)
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding='utf-8') as stream:
            content = json.load(stream)
        for split in content['splits'].values():
            for row in split['shards']:
                _ = row['file'], row['num_examples'], row['bytes'], row['sha256']
        _ = content['num_classes'], content['label_offset'], content['class_names']
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'{path} is damaged or no manifest of this project ({error!r}). Convert '
                        'again into an empty folder') from error
    return content


def write(folder, name, class_names, label_offset, splits):
    """Writes labels.txt, then dataset.json.

    Args:
        splits: {split: {"num_examples", "fingerprint", "shards"}}.
    """
    rows = [f'{label}:{text}\n' for label, text in enumerate(class_names, label_offset)]
    write_text(os.path.join(folder, LABELS), ''.join(rows))
    content = {'format': FORMAT, 'name': name, 'num_classes': len(class_names),
               'label_offset': label_offset, 'class_names': class_names, 'splits': splits}
    write_text(os.path.join(folder, FILE), json.dumps(content, indent=1) + '\n')
    sync_folder(folder)
