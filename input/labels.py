"""Stored labels to classes of the model: offset, background class, names."""

from collections import namedtuple

from input.errors import DataError

# classes: of the data set; offset: what a stored label starts at; origin: where offset came from.
LabelRule = namedtuple('LabelRule', 'classes offset origin num_classes background')

IMAGENET = 1000


def sniff(reader):
    """(smallest, largest stored label, number seen, are these all) of a bounded sample."""
    low, high, seen = None, None, 0
    for path, record, data in reader.sample():
        label = reader.image_and_label(path, record, data)[1]
        low = label if low is None else min(low, label)
        high = label if high is None else max(high, label)
        seen += 1
    return low, high, seen, seen == reader.count


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


def resolve(source, sample, params, native):
    """The LabelRule of a source.

    Args:
        source: sources.Source.
        sample: what `sniff` returned.
        params: label_offset and num_label_classes, both None when not given.
        native: number of classes the network has by itself.

    Raises:
        DataError: labels out of range, or a class count that does not fit.
    """
    low, high, seen, _ = sample
    wanted = params.num_label_classes
    classes = source.num_classes or _classes_of_bare(low, high, wanted, native)
    offset, origin = source.label_offset, source.origin
    if offset is None:
        offset, origin = _offset_of(source, low, high, seen, classes)
    if params.label_offset is not None:
        offset, origin = params.label_offset, '--label_offset'
    num_classes = wanted or (native if (classes, native) == (IMAGENET, IMAGENET + 1) else classes)
    if num_classes - classes not in (0, 1):
        raise DataError(
            f'{source.where}: the data set has {classes} classes; --num_label_classes='
            f'{num_classes} does not fit. Pass {classes}, or {classes + 1} to keep class 0 for '
            'the background, or leave it out')
    return LabelRule(classes, offset, origin, num_classes, num_classes - classes)


def check(rule, reader):
    """Raises DataError for the first sampled record whose label is out of range."""
    for path, record, data in reader.sample():
        label = reader.image_and_label(path, record, data)[1]
        reason = explain(rule, label)
        if reason:
            raise DataError(f'{path}, record {record}: {reason}')


def explain(rule, label):
    """Why a stored label is wrong, or None."""
    low, high = rule.offset, rule.offset + rule.classes - 1
    if low <= label <= high:
        return None
    other = 1 - rule.offset if rule.offset in (0, 1) else 0
    hint = (f'--label_offset={other}' if other <= label <= other + rule.classes - 1
            else f'--num_label_classes={max(label - rule.offset + 1, 1)}')
    return (f'label {label} is out of range: labels run {low}..{high} ({rule.classes} classes, '
            f'label offset {rule.offset} from {rule.origin}). Pass {hint} if the data is right')


def names(rule, class_names):
    """Class names in the order of the model's classes, or None."""
    if not class_names:
        return None
    return ['background'] * rule.background + list(class_names)
