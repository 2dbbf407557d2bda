"""SIGTERM, SIGINT and SIGUSR1: finish the step, save, exit 75; a second signal exits at once."""

import os
import signal

import tensorflow.compat.v1 as tf

from common.console import warn

EXIT_CODE = 75


class Preemption:
    """Remembers a signal between the sessions of a run."""

    def __init__(self):
        self.signal = None

    def install(self):
        """Takes over the signals (main thread only; elsewhere nothing happens)."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            try:
                signal.signal(number, self._receive)
            except ValueError:
                return

    def _receive(self, number, _):
        if self.signal is not None:
            os._exit(128 + number)
        self.signal = signal.Signals(number).name
        warn(f'{self.signal}: stopping after this step; a second signal stops at once')

    def hook(self):
        """A session hook that ends training or evaluation after the running step."""
        return _StopHook(self)


class _StopHook(tf.train.SessionRunHook):
    def __init__(self, preemption):
        self._preemption = preemption

    def after_run(self, run_context, run_values):
        if self._preemption.signal is not None:
            run_context.request_stop()
