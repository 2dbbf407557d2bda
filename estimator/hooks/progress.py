"""What a training run reports while it goes: the progress line and log.csv."""

import os
import time

import tensorflow.compat.v1 as tf

from common.console import duration, say
from estimator import curves, lock
from estimator.hooks import log_styles, means, published

COLUMNS = ('step', 'epoch', 'loss', 'cross_entropy', 'train_accuracy', 'learning_rate',
           'images_per_sec', 'seconds', 'input_wait')
MINUTE = 60.0
# What goes into result.json.
MEASURED = ('loss', 'train_accuracy', 'skipped_steps')


class Progress(tf.train.SessionRunHook):
    """One line on the console and one row in log.csv every `every` steps and at the end.

    Loss and accuracy are means over the steps since the last line. Steps are those of the global
    step: batches consumed; what a loss scale skipped of them is said beside them.
    """

    def __init__(self, plan, model_dir, throughput, every, runs_per_step=1, style=None,
                 line_every=1):
        """line_every: steps between lines on the console, where rows are wanted more often."""
        self._plan = plan
        self._model_dir, self._path = model_dir, os.path.join(model_dir, 'log.csv')
        self._throughput = throughput
        self._every = max(1, every)
        self._line_every = line_every
        self._runs_per_step = runs_per_step
        self._style = log_styles.make(style)
        self._last = {}

    @property
    def step(self):
        """The global step, after a run what it has led to."""
        return self._step

    def measured(self):
        """{name: number} of MEASURED in the last line, {} before the first."""
        return {name: self._last[name] for name in MEASURED if name in self._last}

    def leave_out(self, seconds):
        """Called after a pause: its seconds are not the training's."""
        self._started += seconds
        self._epoch_started += seconds

    def begin(self):
        self._fetches = means.fetches()
        # Only where the graph says so is it known which step a run has led to.
        self._tells = published.has('step_after')
        if self._tells:
            self._fetches['step'] = published.tensor('step_after')
        self._skipped = None
        if published.has('skipped_steps'):
            self._skipped = published.tensor('skipped_steps')

    def after_create_session(self, session, coord):
        self._step = self._written = int(session.run(tf.train.get_global_step()))
        self._runs = 0
        self._means = means.Means()
        curves.trim(self._path, COLUMNS, self._step)
        rows = curves.read(self._path)
        self._seconds_before = rows[-1]['seconds'] if rows else 0.0
        self._started = self._epoch_started = time.monotonic()
        self._epoch_from = self._step
        self._style.start()

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        self._runs += 1
        self._means.add(run_values.results)
        if self._runs % self._runs_per_step:
            return
        before = self._step
        self._step = int(run_values.results['step']) if self._tells else before + 1

        def passed(steps):
            return self._step // steps > before // steps

        ends_epoch = self._style.epochs and passed(self._whole_epoch())
        last = before < self._step == self._plan.train_steps
        if passed(self._every) or last or ends_epoch:
            self._report(run_context.session)
        if ends_epoch:
            self._style.epoch(self._epoch_row())

    def end(self, session):
        if self._step != self._written:
            self._report(session)

    def _report(self, session):
        steps = self._step - self._written
        self._written = self._step
        runs = steps * self._runs_per_step
        rate, wait = self._throughput.images_per_sec(runs), self._throughput.input_wait(runs)
        epoch = self._step / self._plan.steps_per_epoch
        row = dict(self._means.take(), step=self._step, epoch=epoch, images_per_sec=rate,
                   seconds=self._seconds_before + time.monotonic() - self._started, input_wait=wait)
        if self._skipped is not None:
            row['skipped_steps'] = int(session.run(self._skipped))
        self._last = row
        curves.append(self._path, COLUMNS, dict(
            row, epoch=round(epoch, 4), images_per_sec=round(rate, 2),
            seconds=round(row['seconds'], 2), input_wait=round(wait, 4)))
        lock.renew(self._model_dir, MINUTE)
        if self._step % self._line_every == 0 or self._step == self._plan.train_steps:
            say(self._line(row))
        self._style.step(dict(row, steps=steps, steps_per_epoch=self._whole_epoch(),
                              step_seconds=self._plan.global_batch / rate if rate else 0.0))

    def _line(self, row):
        parts = [f'step {self._step}/{self._plan.train_steps}', f'epoch {row["epoch"]:.2f}',
                 f'loss {row["loss"]:.4f}', f'top-1 {row["train_accuracy"]:.3f}',
                 f'lr {row["learning_rate"]:.5g}', f'{row["images_per_sec"]:.1f} images/s',
                 f'input wait {row["input_wait"]:.0%}']
        if row.get('skipped_steps'):
            parts.append(f'{row["skipped_steps"]} skipped')
        each = self._throughput.seconds_per_run()
        if each:
            left = each * self._runs_per_step * (self._plan.train_steps - self._step)
            parts.append(f'{duration(left)} left')
        return '  '.join(parts)

    def _whole_epoch(self):
        return max(1, int(self._plan.steps_per_epoch))

    def _epoch_row(self):
        """Seconds of a whole epoch, from those of its steps in this session."""
        now = time.monotonic()
        each = (now - self._epoch_started) / (self._step - self._epoch_from)
        self._epoch_started, self._epoch_from = now, self._step
        return {'step_seconds': each, 'steps_per_epoch': self._whole_epoch()}
