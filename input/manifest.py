"""dataset.json and labels.txt: what a folder of TFRecords holds.

dataset.json: {"format": 1, "name", "num_classes", "label_offset", "class_names", "splits":
{split: {"num_examples", "fingerprint", "shards": [{"file", "num_examples", "bytes", "sha256"}]}}}.
It is written last, so a folder that has one is complete. labels.txt: "id:name" a line, id as
stored in the records.
"""

import json
import os

from common import labels_file
from common.errors import DataError
from common.files import sync_folder, write_text

FILE = 'dataset.json'
FORMAT = 1


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
    labels_file.write(folder, class_names, label_offset)
    content = {'format': FORMAT, 'name': name, 'num_classes': len(class_names),
               'label_offset': label_offset, 'class_names': class_names, 'splits': splits}
    write_text(os.path.join(folder, FILE), json.dumps(content, indent=1) + '\n')
    sync_folder(folder)
