"""Which checkpoint is used: to train on from, and to evaluate, predict or export."""

import os
import re

from common import files, storage
from common.console import warn
from common.errors import CheckpointError
from estimator.checkpoints import reading

# What a save leaves behind that was killed: TensorFlow writes under these names, then renames.
UNFINISHED = re.compile(r'-\d+(_temp_[0-9a-f]+|\.data-\d{5}-of-\d{5}\.tempstate\d+'
                        r'|\.index\.tempstate\d+)$')


def latest_good(model_dir):
    """Newest whole checkpoint of a directory to train on from, or None; only its writer may call.

    Damaged newer ones are named. The file `checkpoint` is written again where it is missing,
    unreadable or wrong: the .index files beside it are the truth.
    """
    state, found = reading.listed(model_dir), reading.indexed(model_dir)
    if not found and not state and not _data_files(model_dir):
        return None
    known = state + [prefix for prefix in found if prefix not in state]
    for position, prefix in enumerate(known):
        reason = reading.damage(prefix)
        if reason is None:
            kept = [prefix] + [other for other in known[position + 1:]
                               if storage.exists(other + '.index')]
            if position or not state:
                said = '' if state else f"{model_dir}/checkpoint is missing or unreadable; "
                warn(f'{said}continuing from {prefix}, the newest whole checkpoint')
                reading.write_list(model_dir, kept)
            elif found and reading.names_others(model_dir):
                warn(f'{model_dir}/checkpoint names checkpoints of another folder, as after a '
                     f'copy; continuing from {prefix}')
                reading.write_list(model_dir, kept)
            return prefix
        warn(f'checkpoint {prefix} is damaged: {reason}')
    raise CheckpointError(f'{model_dir}: every checkpoint in it is damaged. Remove them to start '
                          'again, or give another --model_dir.')


def _data_files(model_dir):
    return [name for name in storage.names_or_none(model_dir)
            if re.search(r'\.data-\d{5}-of-\d{5}$', name)]


def remove_unfinished(model_dir):
    """Removes what killed saves left; only the writer of a model_dir may."""
    for name in storage.names(model_dir):
        if UNFINISHED.search(name) or reading.PART.search(name):
            path = os.path.join(model_dir, name)
            (files.remove_tree if storage.is_folder(path) else files.remove)(path)


def run_folder(path):
    """The folder of the run a checkpoint is of, by its folder or prefix: that one, or above
    archive/."""
    folder = storage.absolute(path if storage.is_folder(path) else os.path.dirname(path))
    return os.path.dirname(folder) if os.path.basename(folder) == 'archive' else folder


def chosen(model_dir, init_checkpoint):
    """(prefix, why) of the checkpoint that eval, predict and export use.

    --init_checkpoint; without it the best of model_dir (archive/); without one its newest whole
    one. Raises CheckpointError when there is none, or when the one asked for is damaged.
    """
    if init_checkpoint:
        prefix = reading.resolve(init_checkpoint)
        reading.require_whole(prefix)
        return prefix, '--init_checkpoint'
    if not storage.is_folder(model_dir):
        raise CheckpointError(
            f'{model_dir}: no such folder, so no checkpoint. Give --model_dir of a trained '
            'network or --init_checkpoint, or train one first.')
    best = reading.newest(os.path.join(model_dir, 'archive'))
    if best and reading.damage(best) is None:
        return best, f'the best of {model_dir}'
    for prefix in [reading.resolve(model_dir)] + reading.indexed(model_dir):
        reason = reading.damage(prefix)
        if reason is None:
            return prefix, f'the newest of {model_dir}'
        warn(f'checkpoint {prefix} is damaged: {reason}')
    raise CheckpointError(f'{model_dir}: every checkpoint in it is damaged. Give another one with '
                          '--init_checkpoint.')
