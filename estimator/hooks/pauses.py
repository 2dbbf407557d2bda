"""A training that pauses, for an evaluation, and goes on in the same session."""

import time

import tensorflow.compat.v1 as tf

from common import signals


class Pause(tf.train.SessionRunHook):
    """Every `every` steps writes what there is, saves, and calls then(); not at the end.

    then: function(what bar measured) -> whether the training is over; `over` keeps its answer.
    """

    def __init__(self, every, then):
        self._every, self._then = every, then
        self.over = False

    def of(self, bar, writers, saver, until):
        """The same for a training to a step. bar: progress.Progress, before this in the list of
        hooks; writers: hooks whose end() writes what there is; saver: saver.Saver."""
        self._bar, self._writers, self._saver, self._until = bar, writers, saver, until
        return self

    def after_create_session(self, session, coord):
        self._paused = self._bar.step

    def after_run(self, run_context, run_values):
        step = self._bar.step
        if step == self._paused or step % self._every or step >= self._until:
            return
        self._paused, session = step, run_context.session
        for hook in self._writers:
            hook.end(session)
        self._saver.save_now(session)
        signals.set_unsaved(False)
        if signals.received():
            run_context.request_stop()
            return
        start = time.monotonic()
        self.over = self._then(self._bar.measured())
        self._bar.leave_out(time.monotonic() - start)
        if self.over:
            run_context.request_stop()
