"""How fast a run goes: seconds of its steps, and how long they wait for input."""

import time

import tensorflow.compat.v1 as tf

from estimator.hooks import published


class Throughput(tf.train.SessionRunHook):
    """Seconds of every step, from just before session.run to its return.

    Input wait is inside, writing checkpoints and summaries is not. The first `warm_up` steps of
    each session (graph optimisation, filling the shuffle buffer) are left out, and so are steps
    for which leave_out() is called. Must be the first hook of the list. `seconds` and `waits` keep
    one float per counted step; a wait is the time until the step's inputs are there.
    """

    def __init__(self, images_per_run, warm_up=3):
        self._images = images_per_run
        self.steps_of_a_run = 1     # of one session.run; on Ascend a loop of the device
        self.seconds, self.waits = [], []
        self.total_steps = 0
        self._warm_up = warm_up
        self._fallback = None

    def begin(self):
        self._fetches = {}
        if published.has('input_ready'):
            self._fetches['ready'] = published.tensor('input_ready')

    def after_create_session(self, session, coord):
        self._left = self._warm_up

    def leave_out(self):
        """Called while a step runs (a profiled one): its time does not count."""
        self._left_out = True

    def before_run(self, run_context):
        self._left_out = False
        self._start, self._clock = time.time(), time.monotonic()    # the graph knows the first
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        spent = (time.monotonic() - self._clock) / self.steps_of_a_run
        if self._left_out:
            return
        self.total_steps += self.steps_of_a_run
        if self._left > 0:
            self._left -= 1
            self._fallback = spent
            return
        self.seconds += [spent] * self.steps_of_a_run
        ready = run_values.results.get('ready', self._start)
        self.waits += [min(max(ready - self._start, 0.0), spent)] * self.steps_of_a_run

    def images_per_sec(self, last=None):
        """Rate over all counted steps, or over the last few; 0 before the first step."""
        counted = self.seconds[-last:] if last else self.seconds
        if not counted:
            counted = [self._fallback] if self.total_steps else []
        return self._images * len(counted) / sum(counted) if counted else 0.0

    def input_wait(self, last=None):
        """Share of the counted steps' time, or of the last few's, spent waiting for input."""
        seconds = sum(self.seconds[-last:] if last else self.seconds)
        return sum(self.waits[-last:] if last else self.waits) / seconds if seconds else 0.0

    def seconds_per_run(self):
        """Mean over the counted steps; None before the first."""
        return sum(self.seconds) / len(self.seconds) if self.seconds else None
