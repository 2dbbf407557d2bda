"""Finding, checking and reading checkpoints, those of the originals included."""

import collections
import os
import re

import tensorflow.compat.v1 as tf

from common import storage
from common.errors import CheckpointError, first_line

AVERAGE = '/ExponentialMovingAverage'
# What TensorFlow writes first at s3://, where it has no folder for what is not finished.
PART = re.compile(r'-\d+\.part-\d{5}-of-\d{5}\.')
# A warm start that leaves more than this share of the network uninitialised is a mistake.
MOST_SKIPPED = 0.1

Restore = collections.namedtuple('Restore', ['prefix', 'assignment', 'weights', 'report'])
Restore.__doc__ = """A warm start, decided before the graph is built.

prefix: checkpoint path; assignment: {name of a variable: name in the checkpoint};
weights: 'ema' or 'raw'; report: one line for the log.
"""


def resolve(path):
    """Checkpoint prefix from a directory, a prefix, or one of the checkpoint's files."""
    if storage.is_folder(path):
        found = newest(path)
        if found:
            return found
        raise CheckpointError(f'{path}: no checkpoint in this directory (it holds '
                              f'{storage.first_names(path)}). Train first, or give another.')
    prefix = re.sub(r'(\.index|\.meta|\.data-\d{5}-of-\d{5})$', '', path)
    if os.path.basename(path) == 'checkpoint':
        return resolve(os.path.dirname(path) or '.')
    if storage.exists(prefix + '.index'):
        return prefix
    if storage.exists(path):
        return path  # a V1 checkpoint is one file
    raise CheckpointError(f'{path}: no such checkpoint. Give a model_dir, a prefix such as '
                          'model.ckpt-1000, or one of its .index / .data files.')


def newest(directory):
    """Prefix of the newest checkpoint of a directory, or None; it may be damaged.

    What the file `checkpoint` names counts while it is there, else the .index files do.
    """
    state = listed(directory)
    if state and storage.exists(state[0] + '.index'):
        return state[0]
    return next(iter(indexed(directory)), None)


def listed(directory):
    """Prefixes the file `checkpoint` of a directory lists, newest first; [] without a sound one.

    In a folder that has checkpoints they are those of that folder: after it was copied the file
    may still name the ones it was copied from.
    """
    known = _named(directory)
    if indexed(directory):
        known = [os.path.join(directory, os.path.basename(prefix)) for prefix in known]
    return list(collections.OrderedDict.fromkeys(known))


def names_others(directory):
    """Whether the file `checkpoint` names any checkpoint of another folder."""
    where = storage.absolute if storage.is_address(directory) else os.path.realpath
    return any(where(os.path.dirname(prefix)) != where(directory) for prefix in _named(directory))


def _named(directory):
    """The file's own words, newest first."""
    try:
        state = tf.train.get_checkpoint_state(directory)
    except (tf.errors.OpError, ValueError):
        state = None
    if not state or not state.model_checkpoint_path:
        return []
    return [state.model_checkpoint_path] + list(reversed(state.all_model_checkpoint_paths))


def indexed(directory):
    """Prefixes of a directory's .index files, newest first."""
    found = [os.path.join(directory, name[:-len('.index')])
             for name in storage.names_or_none(directory)
             if name.endswith('.index') and not PART.search(name)]
    return sorted(found, key=lambda prefix: (step_of(prefix), prefix), reverse=True)


def every(directory):
    """Prefixes of all checkpoints of a directory, by step."""
    found = indexed(directory)
    if not found:
        raise CheckpointError(f'{directory}: no checkpoint in this directory. Give a model_dir, or '
                              '--init_checkpoint=FOLDER and a fresh --model_dir.')
    return sorted(found, key=step_of)


def step_of(prefix):
    """Global step in a checkpoint's name, 0 when there is none."""
    match = re.search(r'-(\d+)$', prefix or '')
    return int(match.group(1)) if match else 0


def shapes(prefix):
    """{variable name: shape as a list} of a checkpoint."""
    return _reader(prefix).get_variable_to_shape_map()


def _reader(prefix):
    try:
        return tf.train.NewCheckpointReader(prefix)
    except _unreadable() as error:
        raise CheckpointError(f'{prefix}: not a readable checkpoint ({first_line(error)}). Give '
                              'the prefix, not a single .data file of an incomplete copy.')


def _unreadable():
    """What TensorFlow 1.15 and 2.15 raise on a damaged file."""
    return tf.errors.OpError, ValueError, RuntimeError, IndexError


def damage(prefix):
    """What is wrong with a checkpoint, found by reading every tensor; None when it is whole."""
    try:
        reader = _reader(prefix)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except CheckpointError as error:
        return str(error)
    except _unreadable() as error:
        return first_line(error)
    return None


def write_list(directory, prefixes):
    """Writes the file `checkpoint`, without the folder, so that it can be moved; newest first."""
    names = [os.path.basename(prefix) for prefix in prefixes]
    if storage.is_address(directory):       # TensorFlow takes a name for one of the current folder
        names = [os.path.join(storage.absolute(directory), name) for name in names]
    tf.train.update_checkpoint_state(storage.absolute(directory), names[0], names[::-1])


def require_whole(prefix):
    """CheckpointError for a damaged checkpoint that the user named."""
    reason = damage(prefix)
    if reason:
        raise CheckpointError(f'{prefix} is damaged: {reason}. Give another checkpoint with '
                              '--init_checkpoint.')


def forget_folder(model_dir):
    """Names the checkpoints of a folder without the folder, so that it can be moved."""
    state = listed(model_dir)
    if state:
        write_list(model_dir, state)


def mismatches(prefix, variables):
    """Lines that say where a checkpoint and {name: shape} disagree; empty when it fits."""
    held = shapes(prefix)
    lines = []
    for name, shape in variables.items():
        if name not in held:
            lines.append(f'{name}: not in the checkpoint')
        elif list(held[name]) != list(shape):
            lines.append(f'{name}: {list(held[name])} in the checkpoint, {list(shape)} here')
    return lines


def not_of(prefix, what, wrong):
    """CheckpointError with the first mismatches of a checkpoint that cannot be resumed."""
    return CheckpointError(
        f'{prefix} does not belong to {what}: {len(wrong)} variables differ.\n  '
        + '\n  '.join(wrong[:5])
        + '\nGive another --model_dir, or start from its weights with --init_checkpoint='
        f'{prefix} and a fresh --model_dir.')


def has_averages(prefix):
    """Whether a checkpoint holds exponential moving averages of its weights."""
    return any(name.endswith(AVERAGE) for name in shapes(prefix))


def plan_restore(path, variables, exclude=()):
    """Decides a warm start of {name: shape} from a checkpoint.

    Averaged weights are taken where the checkpoint has them, whether this run averages or not.
    Variables of another shape (a head of another class count) and those under an `exclude` prefix
    keep their initial values. Raises CheckpointError when most of the network would, or when the
    checkpoint is damaged.
    """
    prefix = resolve(path)
    require_whole(prefix)
    held = shapes(prefix)
    use_averages = any(name.endswith(AVERAGE) for name in held)
    assignment, skipped = collections.OrderedDict(), []
    for name, shape in variables.items():
        source = name + AVERAGE if use_averages and name + AVERAGE in held else name
        if name.startswith(tuple(exclude or ()) or ('\n',)):
            skipped.append(f'{name} (excluded)')
        elif source not in held:
            skipped.append(f'{name} (not in the checkpoint)')
        elif list(held[source]) != list(shape):
            skipped.append(f'{name} ({list(held[source])} there, {list(shape)} here)')
        else:
            assignment[name] = source
    lost = [s for s in skipped if not s.endswith('(excluded)')]
    if len(lost) > MOST_SKIPPED * len(variables):
        raise CheckpointError(
            f'{prefix} is not a checkpoint of this network: {len(lost)} of {len(variables)} '
            'variables cannot be restored.\n  ' + '\n  '.join(lost[:5]) +
            '\nCheck --model_name and --depth_multiplier.')
    weights = 'ema' if use_averages else 'raw'
    report = (f'Restored {len(assignment)} of {len(variables)} variables ({weights} weights) '
              f'from {prefix}')
    if skipped:
        report += '; skipped ' + ', '.join(skipped[:6])
        report += f' and {len(skipped) - 6} more' if len(skipped) > 6 else ''
    return Restore(prefix, assignment, weights, report)


def initialize(restore, renamed=lambda name: name):
    """Lets the current graph's variables start from a Restore.

    renamed: name of a network's variable -> name of the one that starts from its value.
    """
    by_name = {v.name.split(':')[0]: v for v in tf.global_variables()}
    sources = {source: by_name[renamed(name)] for name, source in restore.assignment.items()}
    tf.train.init_from_checkpoint(restore.prefix, sources)
