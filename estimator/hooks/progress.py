"""What a training run reports while it goes: the progress line, log.csv and its throughput."""

import os
import time

import tensorflow.compat.v1 as tf

from common.console import duration, say
from estimator import curves
from estimator.hooks import log_styles, published

COLUMNS = ('step', 'epoch', 'loss', 'cross_entropy', 'train_accuracy', 'learning_rate',
           'images_per_sec', 'seconds')


class Throughput(tf.train.SessionRunHook):
    """Seconds of every step, from just before session.run to its return.

    Input wait is inside, writing checkpoints and summaries is not. The first `warm_up` steps of
    each session (graph optimisation, filling the shuffle buffer) are left out of the rate.
    Must be the first hook of the list. `seconds` keeps one float per counted step.
    """

    def __init__(self, images_per_run, warm_up=3):
        self._images = images_per_run
        self.steps_of_a_run = 1     # of one session.run; on Ascend a loop of the device
        self.seconds = []
        self.total_steps = 0
        self._warm_up = warm_up

    def after_create_session(self, session, coord):
        self._left = self._warm_up

    def leave_out(self):
        """Called while a step runs (a profiled one): its time does not count."""
        self._left_out = True

    def before_run(self, run_context):
        self._left_out = False
        self._start = time.time()

    def after_run(self, run_context, run_values):
        spent = (time.time() - self._start) / self.steps_of_a_run
        if self._left_out:
            return
        self.total_steps += self.steps_of_a_run
        if self._left > 0:
            self._left -= 1
            self._fallback = spent
        else:
            self.seconds += [spent] * self.steps_of_a_run

    def images_per_sec(self, last=None):
        """Rate over all counted steps, or over the last few; 0 before the first step."""
        counted = self.seconds[-last:] if last else self.seconds
        if not counted:
            counted = [self._fallback] if self.total_steps else []
        return self._images * len(counted) / sum(counted) if counted else 0.0


class Progress(tf.train.SessionRunHook):
    """One line on the console and one row in log.csv every `every` steps and at the end."""

    def __init__(self, plan, model_dir, throughput, every, runs_per_step=1, style=None):
        self._plan = plan
        self._path = os.path.join(model_dir, 'log.csv')
        self._throughput = throughput
        self._every = max(1, every)
        self._runs_per_step = runs_per_step
        self._style = log_styles.STYLES[style]
        self.last = None

    def begin(self):
        names = ('loss', 'cross_entropy', 'train_accuracy', 'learning_rate')
        self._fetches = {name: published.tensor(name) for name in names}
        # Only where the graph says so is it known which step a run has led to.
        self._tells = published.has('step_after')
        if self._tells:
            self._fetches['step'] = published.tensor('step_after')

    def after_create_session(self, session, coord):
        self._step = self._first = int(session.run(tf.train.get_global_step()))
        self._started = time.time()
        self._runs = 0
        self._written = self._step
        curves.trim(self._path, COLUMNS, self._step)
        for line in self._style.start():
            say(line)

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        self._runs += 1
        if self._runs % self._runs_per_step:
            return
        before = self._step
        self._step = int(run_values.results['step']) if self._tells else before + 1
        self.last = dict(run_values.results, step=self._step)
        if self._step // self._every > before // self._every or (
                before < self._step == self._plan.train_steps):
            self._report()

    def end(self, session):
        if self.last and published.has('skipped_steps'):
            self.last['skipped_steps'] = session.run(published.tensor('skipped_steps'))
        if self.last and self._written != self._step:
            self._report()

    def _report(self):
        self._written = self._step
        now = self.last
        epoch = self._step / self._plan.steps_per_epoch
        rate = self._throughput.images_per_sec(self._every * self._runs_per_step)
        elapsed = time.time() - self._started
        left = elapsed / max(1, self._step - self._first) * (self._plan.train_steps - self._step)
        row = dict(now, epoch=round(epoch, 4), images_per_sec=round(rate, 2),
                   seconds=round(elapsed, 2))
        curves.append(self._path, COLUMNS, row)
        say(f'step {self._step}/{self._plan.train_steps}  epoch {epoch:.2f}  '
            f'loss {now["loss"]:.4f}  top-1 {now["train_accuracy"]:.3f}  '
            f'lr {now["learning_rate"]:.5g}  {rate:.1f} images/s  {duration(left)} left')
        batch = self._plan.global_batch
        for line in self._style.step(dict(row, steps_per_epoch=self._plan.steps_per_epoch,
                                          step_ms=1000 * batch / rate if rate else 0)):
            say(line)
