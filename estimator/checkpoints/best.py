"""The best checkpoint of a run, kept apart in model_dir/archive."""

import contextlib
import functools
import math
import os

from common import files, labels_file, storage
from common.console import warn
from common.errors import CheckpointError
from common.files import write_text
from estimator.checkpoints import reading

OBJECTIVE, LOSS = 'top_1_accuracy', 'cross_entropy'
# What two evaluations must share to be compared, and how a message says it.
MEASURED_ON = {'eval_examples': '{:g} images', 'image_size': '{:g} pixels'}


def comparable(one, other):
    """Whether two evaluations, {name: value}, are of as many images of the same size.

    An evaluation that an earlier version has recorded does not say all of it.
    """
    return all(one[name] == other[name] for name in MEASURED_ON
               if isinstance(one.get(name), (int, float))
               and isinstance(other.get(name), (int, float)))


def measured(model_dir):
    """{name: number} of the evaluation that found the best checkpoint; {} without one."""
    return _numbers(os.path.join(model_dir, 'archive', 'best_eval.txt'))


def _measured_on(values):
    return ' of '.join(text.format(values[name]) for name, text in MEASURED_ON.items()
                       if name in values)


class BestKeeper:
    """Keeps the checkpoint with the best objective, as the TPU originals' archive_ckpt does.

    Files, under model_dir: `best_objective.txt` (the value), `best_eval.txt` and the checkpoint in
    `archive/`. NOTE: the original deletes the old archive before it copies the new one; here the
    copy is complete under a temporary name first, so a kill never loses the best checkpoint.
    NOTE: a tie goes to the lower loss, and to the older checkpoint where that ties too; the
    originals let the newer one win, however much worse its loss.
    """

    def __init__(self, model_dir):
        self._archive = os.path.join(model_dir, 'archive')
        self._objective = os.path.join(model_dir, 'best_objective.txt')
        self._recover()

    def _recover(self):
        if storage.is_address(self._archive):
            return
        old = self._archive + '.old'
        if os.path.isdir(old) and not os.path.isdir(self._archive):
            os.rename(old, self._archive)
        for leftover in (old, self._archive + '.new'):
            files.remove_tree(leftover)

    def _values(self):
        return measured(os.path.dirname(self._archive))

    def best(self):
        """(objective, loss, checkpoint prefix) of the best so far; Nones without one.

        The archive says so itself: best_eval.txt came with its checkpoint. best_objective.txt is
        read where an original wrote the archive.
        """
        kept = reading.newest(self._archive)
        if not kept:
            return None, None, None
        values = self._values()
        objective = values.get(OBJECTIVE)
        if objective is None:
            objective = _number(_text(self._objective))
        if objective is None:
            warn(f'{self._objective} and {self._archive}/best_eval.txt say nothing; the next '
                 'evaluation decides which checkpoint is kept')
        return objective, values.get(LOSS), kept

    def offer(self, prefix, metrics):
        """Archives a checkpoint unless a better one is kept. Returns whether it did.

        metrics: {name: value} with top_1_accuracy and cross_entropy. What is kept by an evaluation
        of other images, or of another size, moves to `earlier-N`. CheckpointError: the files of
        the checkpoint have been removed meanwhile; what is kept stays.
        """
        objective, loss = metrics[OBJECTIVE], metrics[LOSS]
        like = comparable(self._values(), metrics)
        saved, saved_loss, kept = self.best()
        if like and saved is not None and os.path.basename(kept) != os.path.basename(prefix):
            if saved > objective or saved == objective and not (
                    saved_loss is not None and loss < saved_loss):
                return False
        text = ''.join(f'{name} = {metrics[name]}\n' for name in sorted(metrics))
        self._archive_it(prefix, text, None if like else functools.partial(
            self._put_aside, metrics))
        write_text(self._objective, '%f' % objective)
        files.remove_tree(self._archive + '.old')
        return True

    def _put_aside(self, metrics):
        """Moves the best so far to `earlier-N`, with what says how to use it."""
        folder, values = os.path.dirname(self._archive), self._values()
        place = files.put_aside(folder, [os.path.basename(self._archive),
                                         os.path.basename(self._objective)])
        record = files.read_record(os.path.join(folder, 'params.json'))
        if record:
            if 'image_size' in values:      # what is recorded is the size of the new one
                record['input_image_size'] = int(values['image_size'])
            files.write_json(os.path.join(place, 'params.json'), record)
        names = os.path.join(folder, labels_file.FILE)
        if storage.is_file(names):
            files.copy(names, os.path.join(place, labels_file.FILE))
        warn(f'the best checkpoint was found on {_measured_on(values)} and this evaluation is of '
             f'{_measured_on(metrics)}: they are not compared. The best so far is in '
             f'{place}/archive now')

    def _archive_it(self, prefix, text, put_aside):
        """Puts a checkpoint in place of the one that is kept.

        put_aside: what keeps that one elsewhere, a function without arguments, or None. At an
        address no folder is renamed at once: there the file `checkpoint` decides which of the two
        counts until the other one is gone.
        """
        if storage.is_address(self._archive):
            if put_aside and not reading.damage(prefix):
                put_aside()
            _add(prefix, self._archive, text)
            kept = os.path.basename(prefix) + '.', 'checkpoint', 'best_eval.txt'
            for name in storage.names(self._archive):
                if not name.startswith(kept):
                    files.remove(os.path.join(self._archive, name))
            return
        fresh = self._archive + '.new'
        files.remove_tree(fresh)
        try:
            _add(prefix, fresh, text)
        except CheckpointError:
            files.remove_tree(fresh)
            raise
        if put_aside:
            put_aside()
        elif os.path.isdir(self._archive):
            os.rename(self._archive, self._archive + '.old')
        os.rename(fresh, self._archive)


def _add(prefix, folder, text):
    """Copies a checkpoint into a folder; then comes what names it, then what it is worth."""
    directory, base = os.path.split(prefix)
    files.make_folder(folder)
    for name in storage.names(directory):
        if name.startswith(base + '.'):
            with contextlib.suppress(FileNotFoundError):    # by the trainer, just now
                files.copy(os.path.join(directory, name), os.path.join(folder, name))
    if reading.damage(os.path.join(folder, base)) and not storage.exists(prefix + '.index'):
        raise CheckpointError(f'{prefix} has been removed meanwhile')
    write_text(os.path.join(folder, 'checkpoint'),
               f'model_checkpoint_path: "{base}"\nall_model_checkpoint_paths: "{base}"\n')
    write_text(os.path.join(folder, 'best_eval.txt'), text)


def _text(path):
    try:
        return storage.read_text(path, errors='replace')
    except FileNotFoundError:
        return ''


def _numbers(path):
    """{name: number} of the lines 'name = number' of a file; other lines are passed over."""
    rows = [line.partition(' = ') for line in _text(path).splitlines()]
    found = {name: _number(value) for name, _, value in rows}
    return {name: value for name, value in found.items() if value is not None}


def _number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
