"""Stored labels to classes of the model: offset, background class, names."""

from collections import namedtuple

from common.errors import DataError

# classes: of the data set; offset: what a stored label starts at; origin: where offset came from.
LabelRule = namedtuple('LabelRule', 'classes offset origin num_classes background')

IMAGENET = 1000


def sample(readers):
    """(path, record, stored label) of a bounded number of examples of each reader."""
    return [(path, record, reader.image_and_label(path, record, data)[1])
            for reader in readers for path, record, data in reader.sample()]


def _classes_of_bare(low, high, wanted, native):
    """Number of classes of a data set that brings no metadata."""
    if wanted:
        return wanted - 1 if low >= 1 and high == wanted - 1 else wanted
    if native in (IMAGENET, IMAGENET + 1) and 0.9 * IMAGENET < high <= IMAGENET:
        return IMAGENET
    return high + (0 if low >= 1 else 1)


def _offset_of(source, low, high, seen, classes):
    """(offset, origin) where nobody states it."""
    labels = f'labels {low}..{high} of {seen} records'
    if low == 0:
        return 0, labels
    if high >= classes:
        return 1, labels
    if source.layout == 'slim' and classes == IMAGENET:
        return 1, f'{labels}; ImageNet records start at 1'
    return 0, labels


def resolve(source, rows, params, native):
    """The LabelRule of a source.

    Args:
        source: sources.Source.
        rows: what `sample` returned.
        params: Params; label_offset and num_label_classes, both None when not given.
        native: number of classes the network has by itself.

    Raises:
        DataError: labels out of range, or a class count that does not fit.
    """
    stored = [label for _, _, label in rows]
    low, high, seen = min(stored), max(stored), len(stored)
    wanted = params.num_label_classes
    classes = source.num_classes or _classes_of_bare(low, high, wanted, native)
    offset, origin = source.label_offset, source.origin
    if offset is None:
        offset, origin = _offset_of(source, low, high, seen, classes)
    if params.label_offset is not None:
        offset, origin = params.label_offset, '--label_offset'
    num_classes = wanted or (native if (classes, native) == (IMAGENET, IMAGENET + 1) else classes)
    if num_classes - classes not in (0, 1):
        record = params.sources().get('num_label_classes', '')
        raise DataError(f'{source.where}: the data set has {classes} classes; ' + (
            f'the network of {record} tells {num_classes} apart. Give data with all of them, in '
            'the order of its labels.txt' if record.endswith(('params.json', 'model.json')) else
            f'--num_label_classes={num_classes} does not fit. Pass {classes}, or {classes + 1} to '
            'keep class 0 for the background, or leave it out'))
    return LabelRule(classes, offset, origin, num_classes, num_classes - classes)


def check(rule, rows):
    """Raises DataError for the first sampled record whose label is out of range."""
    for path, record, label in rows:
        reason = explain(rule, label)
        if reason:
            raise DataError(f'{path}, record {record}: {reason}')


def explain(rule, label):
    """Why a stored label is wrong, or None."""
    low, high = rule.offset, rule.offset + rule.classes - 1
    if low <= label <= high:
        return None
    hints = []
    if label in (low - 1, high + 1):
        hints.append(f'--label_offset={rule.offset + label - (high if label > high else low)}')
    if label > high:
        hints.append(f'--num_label_classes={label - low + 1}')
    advice = f'Pass {" or ".join(hints)} if the data is right' if hints else 'Convert it again'
    return (f'label {label} is out of range: labels run {low}..{high} ({rule.classes} classes, '
            f'label offset {rule.offset} from {rule.origin}). {advice}')


def names(rule, class_names):
    """Class names in the order of the model's classes, or None."""
    if not class_names:
        return None
    return ['background'] * rule.background + list(class_names)
