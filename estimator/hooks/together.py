"""Processes that train one model_dir together: who goes first, and one stopping step for all.

A rank that stops alone leaves the others waiting in an all-reduce. Rank 0 decides: it writes down
after which session.run all stop before it starts that run, and no rank can finish a run without
rank 0, so all have read it in time. Another rank that gets a signal asks rank 0 for it. Rank 0 also
says when a training begins, after it has saved and evaluated the one before.
"""

import hashlib
import os
import tempfile
import time

import tensorflow.compat.v1 as tf

from common import signals, storage
from estimator.hooks.preemption import Preemption

FOLDER = '.ranks'
LOOK = 0.2      # seconds


class Together(Preemption):
    """The signals of a run of several ranks, which agree through the files of model_dir/.ranks."""

    def __init__(self, model_dir, rank):
        self._folder, self._rank = _folder_of(model_dir), rank
        self._other = None      # name of the signal another rank got
        os.makedirs(self._folder, exist_ok=True)
        if rank == 0:
            for name in ('turn', 'stop', 'ask'):
                self._write(name, '')

    @property
    def signal(self):
        """Name of the signal that asked this or another rank to stop, or None."""
        return super().signal or self._other

    def begin(self, until):
        """Rank 0 lets the others begin the training to a step; they wait until it has begun."""
        if self._rank == 0:
            self._write('stop', '')
            self._write('turn', str(until))
        while self._read('turn') != str(until):
            time.sleep(LOOK)

    def hook(self):
        """A session hook that ends a training of all ranks after the same run."""
        return _StopTogether(self)

    def last_run(self, run):
        """After the `run`-th run: the one after which all stop, or None."""
        if self._rank == 0:
            if self._read('stop') == '' and (super().signal or self._read('ask')):
                self._write('stop', str(run + 1))
        elif super().signal:
            self._write('ask', super().signal)
        last = self._read('stop')
        return int(last) if last else None

    def stopped(self):
        """Notes that a signal, perhaps another rank's, has ended the training."""
        self._other = self._read('ask') or 'a signal to another rank'

    def _write(self, name, text):
        path = os.path.join(self._folder, name)
        with open(f'{path}.{self._rank}', 'w') as stream:     # several may ask at once
            stream.write(text)
        os.replace(f'{path}.{self._rank}', path)

    def _read(self, name):
        try:
            with open(os.path.join(self._folder, name)) as stream:
                return stream.read()
        except OSError:
            return ''


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
