"""Finds out how a folder of images is laid out and lists its images.

Known layouts:
    class folders    root/<class>/...images
    split folders    root/{train,val,validation,validation_preprocess,test}/<class>/...images
    ImageNet         root/train/<synset>/*.JPEG and root/validation/*.JPEG, flat, with
                     synset_labels.txt: a synset a line in the order of the file names
    CIFAR-10         the binary files: input.folders.cifar
A root that holds nothing but one folder of such a kind stands for that folder.
"""

import os
import re
from collections import namedtuple

from common.errors import DataError
from input.folders import cifar, listing

# An image: path below the root, class index, row in the file (None: the file is the image).
Item = namedtuple('Item', 'path label row')
# splits: {'train': [Item], ...}; texts: readable class names; notes: what the user should know.
ImageTree = namedtuple('ImageTree', 'layout root classes texts splits label_offset ignored notes')

CIFAR, IMAGENET, BY_SPLIT = 'CIFAR-10 binary files', 'ImageNet', 'split folders'
WITH_SPLITS = (IMAGENET, BY_SPLIT)
SPLIT_FOLDERS = {'train': 'train', 'val': 'validation', 'valid': 'validation',
                 'validation': 'validation', 'validation_preprocess': 'validation',
                 'test': 'test'}
LABEL_FILES = ('synset_labels.txt', 'imagenet_2012_validation_synset_labels.txt')
SYNSET = re.compile(r'n\d{8}$')


def scan(root, exclude=None, validation_labels=None, split_folders=None):
    """The ImageTree of a folder.

    Args:
        root: the folder.
        exclude: a folder to pass over (the output, should it lie inside).
        validation_labels: file with a class a line for a flat validation folder.
        split_folders: {folder name: split}, instead of SPLIT_FOLDERS.

    Raises:
        DataError: not there, empty, or laid out in no known way.
    """
    if not os.path.isdir(root):
        state = 'no folder' if os.path.exists(root) else 'missing'
        raise DataError(f'--input_dir={root} is {state}. Pass the folder of the class folders')
    lister = listing.Lister(root, exclude)
    binaries = cifar.files_of(root)
    if binaries:
        return _cifar(lister, binaries)
    folders, files = lister.entries(root)
    names = split_folders or SPLIT_FOLDERS
    splits = {name: names[name.lower()] for name in folders if name.lower() in names}
    labels = validation_labels or listing.first_file(root, list(splits) + ['.'], LABEL_FILES)
    if _has_splits(lister, splits, labels):
        return _split_folders(lister, splits, labels)
    if len(folders) == 1 and not splits:
        inner = os.path.join(root, folders[0])
        inside = {name.lower() for name in lister.entries(inner)[0]}
        if inside & set(names) or cifar.files_of(inner):
            return scan(inner, exclude, validation_labels, split_folders)
    return _class_folders(lister, folders, files)


def _has_splits(lister, splits, labels):
    """Whether folders named train, val ... are splits and not classes of that name."""
    nested = any(lister.entries(os.path.join(lister.root, name))[0] for name in splits)
    return nested or bool(labels and 'validation' in splits.values())


def _cifar(lister, files):
    classes = cifar.class_names(files)
    splits = {split: [Item(os.path.relpath(path, lister.root), label, row) for path in paths
                      for row, label in enumerate(cifar.labels(path, len(classes)))]
              for split, paths in files.items()}
    return _tree(lister, CIFAR, classes, splits, 0, ['raw pixels are written as PNG, without loss'])


def _class_folders(lister, folders, files):
    if not folders:
        held = f'{len(files)} files and no class folders' if files else 'no images'
        raise DataError(f'{lister.root} holds {held}. Expected {lister.root}/<class>/<images>, '
                        'train/<class>/..., or the binary files of CIFAR-10')
    images, notes = _images_of(lister, '', folders)
    if files:
        notes.append(f'files beside the class folders are passed over: {_some(files, 3)}')
    classes = sorted(images)
    return _tree(lister, 'class folders', classes, {'train': _items(images, classes)}, 0, notes)


def _images_of(lister, prefix, folders):
    """({class: paths} of the folders that hold any, notes about the empty ones)."""
    images = {name: lister.images(os.path.join(lister.root, prefix, name)) for name in folders}
    empty = [name for name in folders if not images[name]]
    where = f' of {prefix}' if prefix else ''
    notes = [f'class folders{where} without an image: {_some(empty)}'] if empty else []
    return {name: paths for name, paths in images.items() if paths}, notes


def _items(images, classes):
    return [Item(path, label, None) for label, name in enumerate(classes)
            for path in images.get(name, ())]


def _some(names, limit=5):
    return ', '.join(names[:limit]) + (f' ... ({len(names)})' if len(names) > limit else '')


def _split_folders(lister, found, labels):
    """Split folders; a flat validation folder takes its classes from the label file."""
    chosen, notes = _choose(found)
    folders, flat = {}, {}
    for split, name in chosen.items():
        inside, files = lister.entries(os.path.join(lister.root, name))
        if inside:
            folders[split] = (name, inside)
        elif files:
            flat[split] = (name, lister.image_names(
                [file for file in files if file not in LABEL_FILES]))
    flat_labels = {split: _read_labels(lister, split, *flat[split], labels) for split in flat}
    images = {}
    for split, (name, inside) in folders.items():
        images[split], more = _images_of(lister, name, inside)
        notes += more
    names = images.get('train') or set().union(*images.values(), *flat_labels.values())
    classes = sorted(names)
    _check_known(classes, images.get('validation', ()), chosen.get('validation'))
    splits = {split: _items(found, classes) for split, found in images.items()}
    index = {name: label for label, name in enumerate(classes)}
    for split, (name, files) in flat.items():
        splits[split] = [
            Item(os.path.join(name, file), _class_of(label, index, labels, line), None)
            for line, (file, label) in enumerate(zip(files, flat_labels[split]), 1)]
    imagenet = bool(classes) and all(SYNSET.match(name) for name in classes)
    layout = IMAGENET if imagenet else BY_SPLIT
    return _tree(lister, layout, classes, splits, int(imagenet), notes)


def _check_known(classes, found, folder):
    extra = sorted(set(found) - set(classes))
    if extra:
        raise DataError(f'{folder}/ has classes that the training split lacks: {_some(extra)}. '
                        'Name the class folders alike')


def _choose(found):
    """({split: folder}, notes): test stands in for a missing validation split."""
    chosen, notes = {}, []
    for name in sorted(found):
        chosen.setdefault(found[name], name)
    doubled = [name for name in found if chosen[found[name]] != name]
    if doubled:
        raise DataError(f'folders {_some(sorted(found))}: two of them are the same split. '
                        'Keep one')
    test = chosen.pop('test', None)
    if test and 'validation' not in chosen:
        chosen['validation'] = test
        notes.append(f'{test}/ becomes the validation split')
    elif test:
        notes.append(f'{test}/ is left out, because {chosen["validation"]}/ is there')
    return chosen, notes


def _read_labels(lister, split, name, files, path):
    """Class of each file of a flat folder."""
    folder = os.path.join(lister.root, name)
    if split != 'validation' or not path:
        raise DataError(f'{folder} holds {len(files)} files and no class folders. Sort them into '
                        'class folders, or pass --validation_labels=FILE with a class a line in '
                        'the order of the file names')
    try:
        with open(path, encoding='utf-8') as stream:
            labels = [line.strip() for line in stream if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path} cannot be read: {error}') from error
    if len(labels) != len(files):
        raise DataError(f'{path} has {len(labels)} labels, {folder} has {len(files)} images. '
                        'One line an image, in the order of the file names')
    if all(label.isdigit() for label in labels):
        raise DataError(f'{path} holds numbers. Names of the class folders are needed, because '
                        "ImageNet's own numbering is not that of the sorted folders")
    return labels


def _class_of(label, index, path, line):
    if label not in index:
        raise DataError(f'{path}, line {line}: {label} is no class folder of the training split')
    return index[label]


def _tree(lister, layout, classes, splits, label_offset, notes):
    if not any(splits.values()):
        raise DataError(f'{lister.root} holds no images ({len(classes)} class folders, all empty)')
    if len(classes) < 2:
        raise DataError(f'{lister.root} holds one class only ({classes[0]}); a classifier needs '
                        'two. Is the folder one level too high or too low?')
    broken = [name for name in classes if len(name.splitlines()) > 1]
    if broken:
        raise DataError(f'{lister.root} has a class name of several lines: {broken[0]!r}. Rename '
                        'the folder')
    if lister.passed_over:
        notes.append(f'{len(lister.passed_over)} files are no images by their names and are passed '
                     f'over: {_some(lister.passed_over, 3)}')
    texts = listing.readable_names(lister.root)
    return ImageTree(layout, lister.root, classes, [texts.get(name, name) for name in classes],
                  splits, label_offset, lister.ignored, notes)
