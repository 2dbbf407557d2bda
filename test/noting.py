"""main.py, which also notes what it trains on and the weights it ends with, for the tests.

    python test/noting.py NOTES {SIGNAL@RUN or nothing} flags of main.py...

NOTES.npz holds every variable by name and 'labels' [runs, batch]. What a process other than the
first one writes by itself is readable for its owner only.
"""

import os
import runpy
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from common import console, signals

signals.install()
console.silence_import()

import numpy as np
import tensorflow.compat.v1 as tf

console.configure()
tf.disable_v2_behavior()
tf.enable_resource_variables()

from estimator.devices import strategies
from estimator.hooks import published


class Notes(tf.train.SessionRunHook):
    """Notes labels and weights; sends this process a signal after one of its runs."""

    def __init__(self, path, fault):
        self._path, self._labels = path, []
        name, _, run = fault.partition('@')
        self._fault = (getattr(signal, name), int(run)) if run else (None, None)

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(published.group('inputs')['label'])

    def after_run(self, run_context, run_values):
        self._labels.append(run_values.results)
        number, run = self._fault
        if len(self._labels) == run:
            os.kill(os.getpid(), number)

    def end(self, session):
        variables = tf.global_variables()
        values = dict(zip([v.op.name for v in variables], session.run(variables)))
        np.savez(self._path, labels=np.array(self._labels), **values)


def main(path, fault, words):
    """Runs main.py with one hook more."""
    notes, train = Notes(path, fault), strategies.train

    def noted(estimator, input_fn, device, hooks, max_steps):
        return train(estimator, input_fn, device, hooks + [notes], max_steps)

    strategies.train = noted
    os.umask(0o022 if '--host_index=0' in words else 0o077)
    sys.argv = ['main.py'] + words
    runpy.run_path(os.path.join(ROOT, 'main.py'), run_name='__main__')


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
