"""Processes that train one model_dir together: who goes first, and one stopping step for all.

A rank that stops alone leaves the others waiting in an all-reduce. Rank 0 decides: it writes down
after which session.run all stop before it starts that run, and no rank can finish a run without
rank 0, so all have read it in time. Another rank that gets a signal asks rank 0 for it. Rank 0 also
says when a training begins, after it has saved and evaluated the one before.

Files of a run that was killed may lie there, and ranks start in any order. So each rank above 0
leaves a word that no process before has used; what it waits for is rank 0's answer to that word,
given when the model_dir is in order and nothing old is left to be read.
"""

import hashlib
import os
import tempfile
import time
import uuid

import tensorflow.compat.v1 as tf

from common import signals, storage
from estimator.devices import watch
from estimator.hooks.preemption import Preemption

FOLDER = '.ranks'


def meet(model_dir, rank, size):
    """Returns in rank 0 when all ranks of the launch are there, in the others when it has answered.

    Rank 0 calls it once model_dir is in order, the others before they look into it. LostError: not
    all of them did so within watch.START.
    """
    if size == 1:
        return
    files = _Files(model_dir, rank)
    advice = (f'--model_dir={model_dir} must be one folder that all ranks see. End what still '
              'runs, then start all of them again.')
    if rank:
        word = f'{rank} {uuid.uuid4().hex}'

        def missing():
            if word in files.read('met').splitlines():
                return []
            if files.read(f'here-{rank}') != word:      # not yet, or rank 0 has cleared it
                files.write(f'here-{rank}', word)
            return ['rank 0']
        watch.wait_for(missing, advice)
        return
    others = range(1, size)
    for name in ['met', 'turn', 'stop', 'ask'] + [f'here-{other}' for other in others]:
        files.write(name, '')
    watch.wait_for(
        lambda: [f'rank {other}' for other in others if not files.read(f'here-{other}')], advice)
    files.write('met', '\n'.join(files.read(f'here-{other}') for other in others))


class _Files:
    """Small files by which the ranks of a model_dir tell each other something."""

    def __init__(self, model_dir, rank):
        self._folder, self._rank = _folder_of(model_dir), rank
        os.makedirs(self._folder, exist_ok=True)

    def write(self, name, text):
        """Replaces a file at once."""
        path = os.path.join(self._folder, name)
        with open(f'{path}.{self._rank}', 'w') as stream:     # several may ask at once
            stream.write(text)
        os.replace(f'{path}.{self._rank}', path)

    def read(self, name):
        """Content of a file, '' without it."""
        try:
            with open(os.path.join(self._folder, name)) as stream:
                return stream.read()
        except OSError:
            return ''


class Together(Preemption):
    """The signals of a run of several ranks, which agree through the files of model_dir/.ranks."""

    def __init__(self, model_dir, rank):
        self._files, self._rank = _Files(model_dir, rank), rank
        self._other = None      # name of the signal another rank got

    @property
    def signal(self):
        """Name of the signal that asked this or another rank to stop, or None."""
        return super().signal or self._other

    def begin(self, until):
        """Rank 0 lets the others begin the training to a step; they wait until it has begun."""
        if self._rank == 0:
            self._files.write('stop', '')
            self._files.write('turn', str(until))
        while self._files.read('turn') != str(until):
            time.sleep(watch.LOOK)

    def hook(self):
        """A session hook that ends a training of all ranks after the same run."""
        return _StopTogether(self)

    def last_run(self, run):
        """After the `run`-th run: the one after which all stop, or None."""
        if self._rank == 0:
            if self._files.read('stop') == '' and (super().signal or self._files.read('ask')):
                self._files.write('stop', str(run + 1))
        elif super().signal:
            self._files.write('ask', super().signal)
        last = self._files.read('stop')
        return int(last) if last else None

    def stopped(self):
        """Notes that a signal, perhaps another rank's, has ended the training."""
        self._other = self._files.read('ask') or 'a signal to another rank'


def _folder_of(model_dir):
    """Where the ranks meet; those of one host that train at an address, in a folder of the host."""
    if not storage.is_address(model_dir):
        return os.path.join(model_dir, FOLDER)
    name = hashlib.sha256(storage.absolute(model_dir).encode()).hexdigest()[:16]
    return os.path.join(tempfile.gettempdir(), f'ranks-{os.getuid()}-{name}')


class _StopTogether(tf.train.SessionRunHook):
    def __init__(self, together):
        self._together = together

    def begin(self):
        self._run = 0

    def after_run(self, run_context, run_values):
        signals.set_unsaved(True)
        self._run += 1
        last = self._together.last_run(self._run)
        if last is not None and self._run >= last:
            self._together.stopped()
            run_context.request_stop()
