"""A validation split for images that have none: the same for the converter and --dataset=folder."""

import hashlib
import os

from common.errors import DataError

DEFAULT = 0.1


def with_validation(tree, fraction, seed=0):
    """(layouts.ImageTree with a validation split where it has train only, note or None).

    Args:
        tree: an ImageTree.
        fraction: part of each class to hold out; None: DEFAULT; 0: none.
        seed: of the choice.

    Raises:
        DataError: a split would be empty.
    """
    if set(tree.splits) != {'train'}:
        return tree, '--holdout is not used: there is a validation split' if fraction else None
    if fraction == 0:
        return tree, 'no validation split, and --holdout=0 makes none'
    part = DEFAULT if fraction is None else fraction
    items = tree.splits['train']
    train, held = hold_out(items, part, seed)
    if not train or not held:
        raise DataError(f'--holdout={part:g} of {len(items)} images leaves one split empty; choose '
                        'another fraction (0: no validation split)')
    note = (f'no validation split: {len(held):,} of {len(items):,} images are held out for it '
            f'({part:.3g} of each class, chosen by seed {seed}; --holdout=FRACTION, 0 for none)')
    lost = sorted({item.label for item in held} - {item.label for item in train})
    if lost:
        names = ', '.join(tree.classes[label] for label in lost[:5])
        note += (f'; classes without a training image now, because they have one only: {names}'
                 + (f' ... ({len(lost)})' if len(lost) > 5 else ''))
    return tree._replace(splits={'train': train, 'validation': held}), note


def hold_out(items, fraction, seed):
    """(train, validation): a part of every class, chosen by the seed and the images' own paths.

    Images that are added or removed, of new classes too, move others at the margin only: what was
    trained on is not held out from a later run, but for one image or so a class.
    The rounding is carried from class to class, so the whole has the fraction even where classes
    are smaller than one over it; of several images at least one is held out.
    """
    by_class = {}
    for item in items:
        by_class.setdefault(item.label, []).append(item)
    train, validation, due = [], [], max(0.5, 1 - len(items) * fraction + 1e-9)
    for label in sorted(by_class):
        rows = by_class[label]
        due += len(rows) * fraction
        count = min(int(due), len(rows) - 1 if len(rows) > 1 else int(due))
        due -= count
        held = set(sorted(rows, key=lambda item: _draw(seed, item))[:count])
        for item in rows:
            (validation if item in held else train).append(item)
    return train, validation


def _draw(seed, item):
    name = f'{seed}:{item.path.replace(os.sep, "/")}:{item.row}'
    return hashlib.sha256(name.encode('utf-8', 'surrogateescape')).digest()
