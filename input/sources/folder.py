"""A tree of images, or CIFAR-10's binary files, read without conversion."""

import os
import zlib

from input.folders import holdout, layouts
from input.images import checks
from input.sources.file_readers import CifarReader, FolderReader


def open_tree(path, train_split, eval_split, fraction, max_pixels):
    """(ImageTree, train reader or None, evaluation reader or None, notes).

    Args:
        path: the folder, laid out as input.folders.layouts knows.
        train_split, eval_split: names of the split folders.
        fraction: part of the images to hold out where there is no validation split, or None.
        max_pixels: images of more are refused.

    Raises:
        DataError: no image, or a class in the evaluation split that training does not have.
    """
    tree = layouts.scan(path, split_folders=_names(train_split.lower(), eval_split.lower()))
    splits = 'train', 'train' if train_split.lower() == eval_split.lower() else 'validation'
    if tree.layout == layouts.CIFAR:
        readers = [_cifar(tree, split) for split in splits]
        return (tree, *readers, [])
    tree, note = holdout.with_validation(tree, fraction)
    rules = checks.Rules(max_pixels, upright=tree.layout != layouts.IMAGENET)
    readers = [_images(tree, split, rules) for split in splits]
    return (tree, *readers, tree.notes + [note] * bool(note))


def _names(train_split, eval_split):
    """{folder name: split}: what the flags name displaces the usual names of that split."""
    names = dict(layouts.SPLIT_FOLDERS)
    for name, split in (train_split, 'train'), (eval_split, 'validation'):
        if names.get(name) != split and (split == 'train' or name != train_split):
            names = {usual: 'test' if of == split else of for usual, of in names.items()}
            names[name] = split
    return names


def _images(tree, split, rules):
    """Reader over one split, classes mixed by a hash of the paths."""
    rows = sorted((_scatter(item.path), item) for item in tree.splits.get(split, ()))
    if not rows:
        return None
    return FolderReader([os.path.join(tree.root, item.path) for _, item in rows],
                        [item.label for _, item in rows], rules)


def _scatter(name):
    """A fixed order that has nothing to do with names: a hash of the relative path."""
    return zlib.crc32(name.replace(os.sep, '/').encode('utf-8', 'surrogateescape'))


def _cifar(tree, split):
    items = tree.splits.get(split, ())
    paths = sorted({item.path for item in items})
    return CifarReader([os.path.join(tree.root, path) for path in paths]) if paths else None
