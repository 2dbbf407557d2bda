"""A tree of image files with one folder a class, read without conversion."""

import os
import zlib
from collections import namedtuple

from common.errors import DataError
from input.sources.readers import FolderReader

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.gif', '.bmp')
HELD_OUT = 0.1

Tree = namedtuple('Tree', 'train evaluation classes notes')


def _subfolders(path):
    return sorted(entry.name for entry in os.scandir(path)
                  if entry.is_dir() and not entry.name.startswith('.'))


def _images(path):
    """{class: [path relative to the root of the split]} of one split."""
    found = {}
    for name in _subfolders(path):
        rows = []
        for where, folders, entries in os.walk(os.path.join(path, name)):
            folders.sort()
            rows += [os.path.relpath(os.path.join(where, entry), path) for entry in entries
                     if entry.lower().endswith(EXTENSIONS) and not entry.startswith('.')]
        found[name] = sorted(rows, key=_scatter)
    return found


def _scatter(name):
    """A fixed order that has nothing to do with names: a hash of the relative path."""
    return zlib.crc32(name.replace(os.sep, '/').encode('utf-8', 'surrogateescape')), name


def _reader(path, images, classes):
    """Reader over one split, classes mixed."""
    rows = [(name, classes.index(label)) for label in images for name in images[label]]
    rows.sort(key=lambda row: _scatter(row[0]))
    return FolderReader([os.path.join(path, name) for name, _ in rows],
                        [label for _, label in rows])


def scan(path, train_names, eval_names):
    """The Tree of root/<class>/<image> or root/<split>/<class>/<image>.

    With one split only, a tenth of each class (at least one image where there are two) is held
    out for evaluation, chosen by a hash of its path, so always the same.

    Raises:
        DataError: no image, or a class in the evaluation split that training does not have.
    """
    there = _subfolders(path)
    train_at = next((name for name in train_names if name in there), None)
    eval_at = next((name for name in eval_names if name in there), None)
    root = os.path.join(path, train_at) if train_at else path
    if eval_at and not train_at:
        root = os.path.join(path, eval_at)
    images = _images(root)
    classes = [name for name in images if images[name]]
    if not classes:
        first = ', '.join(sorted(os.listdir(root))[:5]) or 'nothing'
        raise DataError(f'{root}: no image in any sub-folder; expected one folder a class with '
                        f'{", ".join(EXTENSIONS)} files; first entries there: {first}')
    empty = sorted(set(images) - set(classes))
    notes = [f'folders without images: {", ".join(empty[:5])}'] if empty else []
    images = {name: images[name] for name in classes}
    if not eval_at:
        held, kept = {}, {}
        for name, rows in images.items():
            cut = max(1, round(len(rows) * HELD_OUT)) if len(rows) > 1 else 0
            held[name], kept[name] = rows[:cut], rows[cut:]
        notes.append('no validation folder: a tenth of each class is held out for evaluation')
        return Tree(_reader(root, kept, classes), _reader(root, held, classes), classes, notes)
    if not train_at:
        return Tree(None, _reader(root, images, classes), classes, notes)
    return Tree(_reader(root, images, classes),
                _evaluation(os.path.join(path, eval_at), classes), classes, notes)


def _evaluation(path, classes):
    images = {name: rows for name, rows in _images(path).items() if rows}
    unknown = sorted(set(images) - set(classes))
    if unknown:
        raise DataError(f'{path}: no such class in the train folder: {", ".join(unknown[:5])}. '
                        'Name the class folders alike')
    return _reader(path, images, classes)
