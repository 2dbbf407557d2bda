"""A foreign file to a checkpoint of ours: what it holds, what fits where, and writing it."""

import collections
import os
import re

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import CheckpointError, FlagError
from common.files import make_folder
from estimator.checkpoints.foreign import files, fitting, names, published

# What helps where layers are known by their order only.
_BY_NAME = (' Folded batch norm leaves layers without names, known by their order alone; the '
            'SavedModel or the checkpoint has the names.')
ORDERED = {'TFLite': _BY_NAME + ' Kernels that CondConv mixes for each image cannot be read from '
                                'TFLite; its SavedModel, checkpoint and frozen graph can.',
           'folded graph': _BY_NAME}
FIRST = 8       # mismatches named in an error

Found = collections.namedtuple(
    'Found', 'path source dialect row rows arguments values notes doubt', defaults=[''])
Found.__doc__ = """What `examine` found in a file, and what the network must be to hold it.

source: tensors.Opened under canonical keys; dialect: names.Dialect, None for the originals' own
names; row: published.Published, None for those; rows: names.Mappings that lead to our variables;
arguments: of network.build, with num_classes; values: flags the network needs; notes: sentences
for the report; doubt: another reading of the same keys and shapes, to be said aloud.
"""


def examine(network, path, wanted=None, overrides=()):
    """The Found weights of a file for a network.

    wanted: --import_as, or None; overrides: arguments of network.build that a user insists on.
    Raises CheckpointError (the file is damaged, or of another network), FlagError (--import_as).
    """
    source = files.open_file(path)
    if not source.tensors:
        raise CheckpointError(f'{path} ({source.kind}) holds no weights. Give the file that does.')
    if names.dialect_of(source.tensors) is None:
        source = names.unwrapped(source)
    dialect = names.dialect_of(source.tensors)
    if dialect is None:
        return _own_names(network, path, source, dict(overrides))
    renamed = names.canonical(dialect, source.tensors)
    source = source._replace(tensors={key: source.tensors[name]._replace(name=name)
                                      for key, name in renamed.items()})
    fits = fitting.fits(network, dialect, source, dict(overrides))
    if fits[0].wrong:
        raise _other_network(path, network, dialect, fits[0])
    possible = [fit.row for fit in fits if not fit.wrong]
    fits = [fit for fit in fits if fit.distance == fits[0].distance]
    chosen, said = published.named([fit.row for fit in fits], path, wanted)
    if wanted and not said:
        raise FlagError(f'--import_as={wanted}: {path} fits {network.name} as '
                        f'{" or ".join(fit.row.name for fit in fits)}.')
    _, _, row, rows, arguments, notes = next(fit for fit in fits if fit.row == chosen[0])
    notes = tuple(source.notes) + notes + ((f'{row.name} is named by {said}',) if said else ())
    doubt = '' if said else _doubt(path, row, possible)
    values = dict({**row.values, **source.values, **published.trained_as(path),
                   **published.carded(path)[1]},
                  num_label_classes=arguments['num_classes'])
    values = {name: value for name, value in values.items() if value is not None}
    return Found(path, source, dialect, row, rows, arguments, values, notes, doubt)


def _doubt(path, row, rows):
    """That several networks have these keys and shapes, and how to name another; or ''."""
    others = [other for other in rows if other.values != row.values]
    if not others:
        return ''
    said = [f'{one.name} ({", ".join(f"{k} {v}" for k, v in sorted(one.values.items()))})'
            for one in [row] + others]
    return (f'{path} is taken as {said[0]}; the same keys and shapes are those of '
            f'{" and ".join(said[1:])}. If it is that: --import_as={others[0].name}')


def _own_names(network, path, source, arguments):
    """Found of a file whose tensors have the variables' names, whatever scopes lie around."""
    best = None
    carded, flags = published.carded(path)
    arguments = dict({name: value for name, value in carded.items() if name in network.defaults},
                     **arguments)
    for form in [{}] + list(network.alternatives):
        form = dict(form, **arguments)
        shapes = network.variables(**form)
        keys = _found_below(shapes, source.tensors)
        rows = [names.Mapping(name, keys.get(name, name), None, None) for name in shapes]
        bias = keys.get(rows[-1].variable)
        classes = source.tensors[bias].shape[-1] if bias else network.num_classes
        form['num_classes'] = classes
        wrong = fitting.mismatches(network, None, rows, form, source)
        if best is None or len(wrong) < len(best[0]):
            best = wrong, rows, form
    wrong, rows, form = best
    if wrong:
        near = f'{len(wrong)} of {len(rows)} variables do not fit'
        raise CheckpointError(
            f'{path} ({source.kind}) does not hold {network.name}: {near}.\n  ' +
            '\n  '.join(wrong[:FIRST]) + '\nCheck --model_name.')
    values = dict({key: value for key, value in form.items() if key != 'num_classes'}, **flags,
                  num_label_classes=form['num_classes'])
    return Found(path, source, None, None, rows, form, values, tuple(source.notes))


def _found_below(shapes, tensors):
    """{variable: key} for keys that end in the variable's name, below any scope."""
    found = {}
    for key in tensors:
        for start in [0] + [match.end() for match in re.finditer('/', key)]:
            if key[start:] in shapes:
                found.setdefault(key[start:], key)
                break
    return found


def _other_network(path, network, dialect, fit):
    wrong, row = fit.wrong, fit.row
    hint = ''
    known = [other for other in published.PUBLISHED if other.dialect == dialect.name]
    found, said = published.named(known, path)
    others = sorted({other.network for other in found} - {network.name}) if said else ()
    if others:
        hint = f' By {said} it is {found[0].name}: --model_name={" or ".join(others)}.'
    name = f' as {row.name}' if row.name else ''
    return CheckpointError(
        f'{path} ({dialect.name}) does not hold {network.name}{name}: {len(wrong)} tensors do not '
        'fit.\n  ' +
        '\n  '.join(wrong[:FIRST]) + f'\nCheck --model_name.{hint}{ORDERED.get(dialect.name, "")}')


def write(network, found, arguments, folder):
    """Writes model.ckpt-0 of a Found file in a folder; returns (prefix, counts for the report).

    arguments: of network.build as the flags have settled them. Raises CheckpointError when they
    ask for another shape than the file has, or when a tensor holds no numbers.
    """
    wrong = fitting.mismatches(network, found.dialect, found.rows, arguments, found.source)
    if wrong:
        raise CheckpointError(
            f'{found.path} does not hold {network.name} with {arguments["num_classes"]} classes: '
            f'{len(wrong)} tensors do not fit.\n  ' + '\n  '.join(wrong[:FIRST]) +
            '\nCheck --model_name, --num_label_classes and --depth_multiplier.')
    shapes, arrays, counts = network.variables(**arguments), {}, collections.Counter()
    for row in found.rows:
        array = found.source.tensors[row.key].read()
        if not np.all(np.isfinite(array)):
            raise CheckpointError(f'{found.path}: {row.key} holds NaN or infinity. The file is '
                                  'damaged, or its training failed.')
        arrays[row.variable] = arranged(array, row, shapes[row.variable])
        counts['reordered' if row.through else 'transposed' if row.axes else 'as they are'] += 1
    make_folder(folder)
    prefix = save(arrays, os.path.join(folder, 'model.ckpt'))
    left_out = sorted(set(found.source.tensors) - {row.key for row in found.rows})
    return prefix, {'variables': len(shapes), 'imported': len(arrays), **counts,
                    'left_out': len(left_out), 'left_out_keys': left_out[:20]}


def arranged(array, row, shape):
    """The array of a Mapping in our shape and order."""
    if row.through:
        array = array.reshape(row.through)
    if row.axes:
        array = array.transpose(row.axes)
    return np.ascontiguousarray(array, np.float32).reshape(shape)


def save(arrays, path, step=0):
    """Writes {variable: array} and a global step as checkpoint path-step; returns its prefix."""
    prefix = f'{path}-{step}'
    with tf.Graph().as_default(), tf.Session() as session:
        feeds = {tf.placeholder(tf.float32, array.shape): array for array in arrays.values()}
        tensors = list(feeds) + [tf.constant(step, tf.int64)]
        session.run(tf.raw_ops.SaveV2(
            prefix=prefix, tensor_names=list(arrays) + ['global_step'],
            shape_and_slices=[''] * len(tensors), tensors=tensors), feeds)
    tf.train.update_checkpoint_state(os.path.dirname(path), prefix, [prefix])
    return prefix
