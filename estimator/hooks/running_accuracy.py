"""Top-1 accuracy after each batch of an evaluation, for the log style whose original prints it."""

import tensorflow.compat.v1 as tf

from estimator.hooks import published


class RunningAccuracy(tf.train.SessionRunHook):
    """Calls tell(number of the batch from 0, accuracy so far) after each batch.

    The graph publishes 'running_accuracy'.
    """

    def __init__(self, tell):
        self._tell = tell

    def begin(self):
        self._fetch, self._number = published.tensor('running_accuracy'), 0

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._fetch)

    def after_run(self, run_context, run_values):
        self._tell(self._number, run_values.results)
        self._number += 1
