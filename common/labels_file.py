"""labels.txt, slim's list of classes: "number:name" a line, beside records and checkpoints."""

import os

from common import storage
from common.files import write_text

FILE = 'labels.txt'


def write(folder, names, first=0):
    """Writes the names, numbered from `first`; white space inside a name becomes one blank."""
    rows = [f'{number}:{name}\n' for number, name in enumerate(_plain(names), first)]
    write_text(os.path.join(folder, FILE), ''.join(rows))


def _plain(names):
    return [' '.join(str(name).split()) for name in names]


def disagrees(folder, names):
    """Whether a folder's file has other names, or in another order; not where either has none."""
    listed = read(folder)
    return bool(names and listed and listed != _plain(names))


def read(folder):
    """Names in the order of their numbers; [] when there is no file."""
    path = os.path.join(folder, FILE)
    return parse(storage.read_text(path)) if storage.is_file(path) else []


def parse(text):
    """Names in the order of their numbers."""
    rows = [line.partition(':') for line in text.replace('\r\n', '\n').split('\n')]
    rows = [(int(number), name) for number, _, name in rows if number.strip().isdigit()]
    return [name for _, name in sorted(rows)]
