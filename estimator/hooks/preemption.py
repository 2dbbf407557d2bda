"""A signal during training: finish the step, save, exit 75 (see common.signals)."""

import tensorflow.compat.v1 as tf

from common import signals


class Preemption:
    """The signals of a run."""

    @property
    def signal(self):
        """Name of the signal that asked to stop, or None."""
        return signals.received()

    def begin(self, until):
        """Called before the training to a step."""

    def hook(self):
        """A session hook that ends training after the running step."""
        return _StopHook()


class _StopHook(tf.train.SessionRunHook):
    def after_run(self, run_context, run_values):
        signals.set_unsaved(True)
        if signals.received():
            run_context.request_stop()
