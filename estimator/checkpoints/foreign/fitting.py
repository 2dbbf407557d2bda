"""Whether the tensors of a file fit a network, as which published weights, and where not."""

import collections
import re

import numpy as np

from estimator.checkpoints.foreign import names, published

Fit = collections.namedtuple('Fit', 'wrong distance row rows arguments notes')
Fit.__doc__ = """One reading of a file: wrong: mismatches, as lines; distance: sorts readings, the
nearest first; row: published.Published, whose values have what the reading needs; rows:
names.Mappings; arguments: of network.build, with num_classes; notes: sentences."""


def fits(network, dialect, source, overrides):
    """Every Fit of an opened file as one of the weights published for a network, nearest first.

    overrides: arguments of network.build that a user insists on. Where nothing fits, the network's
    other published forms are tried as well (`finegrain` of MobileNetV2, ...).
    """
    found = _as_published(network, dialect, source, overrides, {})
    forms = [form for form in network.alternatives if not set(form) & set(overrides)]
    while found[0].wrong and forms:
        other = _as_published(network, dialect, source, overrides, forms.pop(0))
        found = found if other[0].wrong else other
    return found


def _as_published(network, dialect, source, overrides, form):
    found = []
    for row in published.candidates(dialect.name, network.name):
        row = row._replace(values=dict(row.values, **form))
        arguments = {name: value for name, value in row.values.items() if name in network.defaults}
        apart = sum(arguments.get(name, network.defaults[name]) != value
                    for name, value in overrides.items())
        rows, arguments, notes = _mapped(network, dialect, source, dict(arguments, **overrides))
        wrong = mismatches(network, dialect, rows, arguments, source)
        found.append(Fit(wrong, (len(wrong), apart), row, rows, arguments, notes))
    return sorted(found, key=lambda fit: fit.distance)


def _mapped(network, dialect, source, arguments):
    """(rows, arguments with num_classes, notes) of a network for the keys and classes of a file."""
    plan = network.plan(network.options(**arguments))
    rows = names.rows(plan, dialect, source.tensors)
    head = plan[1].classifier
    held = [row.key for row in rows if row.variable.startswith(f'{head}/')]
    classes = network.num_classes
    if any(key in source.tensors for key in held):
        bias = source.tensors.get(held[-1])
        if bias is not None and len(bias.shape) == 1:
            classes = bias.shape[0]
        return rows, dict(arguments, num_classes=classes), ()
    rows = [row for row in rows if row.key not in held]
    return rows, dict(arguments, num_classes=classes), (
        'it has no classifier: the checkpoint is a backbone to start training from',)


def mismatches(network, dialect, rows, arguments, source):
    """Lines that say where a file and the network disagree; empty when every tensor has a place."""
    shapes, lines = network.variables(**arguments), []
    for row in rows:
        ours = shapes[row.variable]
        if row.key not in source.tensors:
            lines.append(f'{row.variable}: the file has no {row.key}')
        elif not _fits(source.tensors[row.key].shape, ours, row):
            tensor = source.tensors[row.key]
            lines.append(f'{row.variable} {ours}: {tensor.name or row.key} is '
                         f'{list(tensor.shape)} in the file')
    if dialect is not None:
        used = {row.key for row in rows}
        lines += [f'{tensor.name or key} {list(tensor.shape)}: in the file, not in the network'
                  for key, tensor in source.tensors.items()
                  if key not in used and not re.search(dialect.ignored or '$^', key)]
    return lines


def _fits(theirs, ours, row):
    if row.through:
        return len(theirs) == 2 and theirs[0] == row.through[0] and (
            int(np.prod(theirs, dtype=np.int64)) == int(np.prod(row.through, dtype=np.int64)))
    if row.axes:
        if len(theirs) != len(row.axes):
            return False
        theirs = [theirs[axis] for axis in row.axes]
    return _bare(theirs) == _bare(ours)


def _bare(shape):
    """Without leading ones: a dense kernel [c, n] is that of a 1x1 convolution [1, 1, c, n]."""
    shape = list(shape)
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape
