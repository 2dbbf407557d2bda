"""`--log_style`: the originals' own log lines, beside ours, for scripts that read them.

Numbers are those of the progress line: means since the last one.
"""

import logging
import sys

import tensorflow.compat.v1 as tf
from absl import logging as absl_logging

from common.console import log, say


class Plain:
    """No further lines; the others change what they need."""

    epochs = False      # whether epoch() wants to be called at every epoch's end
    batches = False     # whether batch() wants to be called after every batch of an evaluation

    def start(self):
        """Before the first step of a session."""

    def step(self, row):
        """After a logged step. row: as in log.csv, not rounded, and `train_top_5_accuracy`;
        `steps` since the last line; `steps_per_epoch`, whole; `step_seconds`.
        """

    def epoch(self, row):
        """At an epoch's end. row: `step_seconds`, `steps_per_epoch`."""

    def restored(self, checkpoint):
        """Before the first batch of an evaluation."""

    def batch(self, number, accuracy):
        """After a batch of an evaluation, from 0; accuracy: top-1 so far."""

    def evaluation(self, metrics, checkpoint):
        """After an evaluation."""


class TensorFlow(Plain):
    """An Estimator's lines, as the launchers' scripts look for them."""

    def step(self, row):
        seconds = row['steps'] * row['step_seconds']
        tf.logging.info('loss = %.7g, step = %d (%.3f sec)', row['loss'], row['step'], seconds)
        if row['step_seconds']:
            tf.logging.info('global_step/sec: %g', 1.0 / row['step_seconds'])


class AscendMobileNet(Plain):
    """Lines of MobileNetV2_ID0074's logger.py and evaluation, as its README shows them.

    TensorFlow 1.15 logged each line a second time with absl's prefix, which the port's scripts look
    for. NOTE: that prefix names the file and line of the README's sample (logger.py:42), which are
    the port's, not ours.
    """

    batches = True

    def start(self):
        version = sys.version.replace('\n', ' ')
        say(f'PY{version}TF{tf.version.VERSION}')
        say('Step   Epoch   Speed   Loss   FinLoss   LR')

    def step(self, row):
        line = (f'step:{row["step"]}  epoch:{row["epoch"]} ips:{row["images_per_sec"]} '
                f'loss:{row["cross_entropy"]}  total_loss:{row["loss"]}  '
                f'lr:{row["learning_rate"]}, train_accuracy:{row["train_accuracy"]}')
        say(line)
        log(_with_prefix(line, 'logger.py', 42))
        _twice(f'loss = {row["loss"]:.7g}, step = {row["step"]}', 'basic_session_run_hooks.py', 262)
        log(f'INFO:tensorflow:global_step...{row["step"]}')

    def restored(self, checkpoint):
        _twice(f'Restoring parameters from {checkpoint}', 'saver.py', 1284)

    def batch(self, number, accuracy):
        say(f'{number}, _metric_update_op: [{accuracy}]')

    def evaluation(self, metrics, checkpoint):
        say(f'acc: [{metrics["top_1_accuracy"]}]')


def _twice(line, name, number):
    """An INFO line as TensorFlow 1.15 showed it, once by its own handler and once by absl's."""
    log(f'INFO:tensorflow:{line}')
    log(_with_prefix(line, name, number))


def _with_prefix(line, name, number):
    """The line behind absl's prefix: I0628 15:20:50.594920 281472846090256 logger.py:42]"""
    record = logging.LogRecord('absl', logging.INFO, name, number, line, None, None)
    return absl_logging.PythonFormatter().format(record)


class MindSpore(Plain):
    """Lines of MindSpore's LossMonitor, TimeMonitor and eval.py.

    The loss is the cross entropy: its weight decay is the optimizer's.
    """

    epochs = True

    def step(self, row):
        epoch, step = divmod(row['step'] - 1, row['steps_per_epoch'])
        say(f'epoch: {epoch + 1} step: {step + 1}, loss is {row["cross_entropy"]:.8g}')

    def epoch(self, row):
        each = 1000 * row['step_seconds']
        say(f'Epoch time: {each * row["steps_per_epoch"]:.3f}, per step time: {each:.3f}')

    def evaluation(self, metrics, checkpoint):
        shown = {name: metrics[name] for name in ('top_5_accuracy', 'top_1_accuracy')}
        say(f'result: {shown} ckpt={checkpoint}')


class PyTorch(Plain):
    """Lines of the PyTorch port: each number's newest value and, in brackets, the epoch's mean."""

    def __init__(self):
        self._epoch, self._sums, self._steps = None, {}, 0

    def step(self, row):
        whole = row['steps_per_epoch']
        epoch, batch = divmod(row['step'] - 1, whole)
        if epoch != self._epoch:
            self._epoch, self._sums, self._steps = epoch, {}, 0
        each = row['step_seconds']
        self._steps += row['steps']
        meters = [self._meter(name, value, form, row['steps']) for name, value, form in (
            ('Time', each, '6.3f'), ('Data', each * row['input_wait'], '6.3f'),
            ('Loss', row['cross_entropy'], '.4e'), ('Acc@1', 100 * row['train_accuracy'], '6.2f'),
            ('Acc@5', 100 * row['train_top_5_accuracy'], '6.2f'),
            ('FPS', row['images_per_sec'], '6.2f'))]
        wide = len(str(whole))
        say('\t'.join([f'Epoch: [{epoch}][{batch:{wide}d}/{whole}]'] + meters))

    def _meter(self, name, value, form, steps):
        self._sums[name] = self._sums.get(name, 0.0) + value * steps
        return f'{name} {value:{form}} ({self._sums[name] / self._steps:{form}})'

    def evaluation(self, metrics, checkpoint):
        say(f' * Acc@1 {100 * metrics["top_1_accuracy"]:.3f} '
            f'Acc@5 {100 * metrics["top_5_accuracy"]:.3f}')


STYLES = {None: Plain, 'tensorflow': TensorFlow, 'ascend_mobilenet': AscendMobileNet,
          'mindspore': MindSpore, 'pytorch': PyTorch}


def make(name):
    """The style of a --log_style."""
    return STYLES[name]()
