"""`--profiling` on CPU and GPU: a few steps traced, a summary, a timeline and one line of help.

A traced step is slower than others, so the profiled steps stay out of the reported images/s.
"""

import os
import time

import tensorflow.compat.v1 as tf

from common.console import say, warn
from estimator.hooks import published
from estimator.hooks.diagnostics import profile_report
from estimator.hooks.diagnostics.steps import default_window, window


class Profile(tf.train.SessionRunHook):
    """Traces the steps of one window, once a run, and writes what it saw into a folder.

    `profile_A-B.txt`: operators by time, memory peak, input waiting; `timeline_step_N.json`: one
    step for chrome://tracing or Perfetto. Under TensorFlow 2 the last step of the window goes to
    `plugins/profile/`, for TensorBoard. steps: text such as `10-15`, or None for a window that
    fits; throughput: progress.Throughput, told to leave the profiled steps out; kind: of the
    device.
    """

    def __init__(self, directory, steps, train_steps, throughput, kind):
        self._directory = directory
        self._window = window(steps) if steps else None
        self._end = train_steps
        self._throughput = throughput
        self._kind = kind
        self._started = self._done = False
        self._traces = []
        self._plugin = None

    def begin(self):
        self._step = tf.train.get_global_step()
        # Fetched in every run: another set of fetches would have the first traced run prepare the
        # graph again.
        self._fetches = {'image': tf.shape(published.group('inputs')['image'])}
        if published.has('input_ready'):
            self._fetches['ready'] = published.tensor('input_ready')

    def after_create_session(self, session, coord):
        if self._started:
            return
        start = int(session.run(self._step))
        if self._window is None:
            self._window = default_window(start, self._end)
        first, last = self._window
        if first < start or last >= self._end:
            warn(f'--profile_steps={first}-{last}: this run takes steps {start} to '
                 f'{self._end - 1}; what lies outside is not profiled')
        self._started = True

    def before_run(self, run_context):
        self._tracing = False
        untraced = tf.train.SessionRunArgs(self._fetches)
        if self._done:
            return untraced
        step = int(run_context.session.run(self._step))
        first, last = self._window
        if not first <= step <= last:
            return untraced
        self._now, self._tracing = step, True
        self._throughput.leave_out()
        if step == last and self._traces and _plugin_profiler():
            os.makedirs(self._directory, exist_ok=True)
            _plugin_profiler().start(self._directory)
            self._plugin = step
            return untraced
        self._start = time.time()
        return tf.train.SessionRunArgs(
            self._fetches, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE))

    def after_run(self, run_context, run_values):
        if not self._tracing:
            return
        if self._plugin == self._now:
            _plugin_profiler().stop()
        else:
            values = run_values.results
            self._traces.append(profile_report.Trace(
                self._now, int(values['image'][0]), time.time() - self._start,
                values['ready'] - self._start if 'ready' in values else None,
                run_values.run_metadata.step_stats))
        if self._now == min(self._window[1], self._end - 1):
            self._write()

    def end(self, session):
        self._write()

    def _write(self):
        if not self._traces:
            return
        self._done = True
        summary, timeline = profile_report.write(self._directory, self._traces, self._kind)
        board = ''
        if self._plugin is not None:
            board = ('; step {} in TensorBoard: pip install tensorboard-plugin-profile, then '
                     'tensorboard --logdir={}'.format(self._plugin, self._directory))
        say(f'profile    {summary}; open {timeline} at https://ui.perfetto.dev or '
            f'chrome://tracing{board}')
        self._traces = []


def _plugin_profiler():
    """TensorFlow 2's profiler, or None under TensorFlow 1."""
    if tf.version.VERSION.startswith('1.'):
        return None
    return tf.compat.v2.profiler.experimental
