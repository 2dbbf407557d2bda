"""`--mode=lr_find`: a learning rate for these data, from one short training with a growing rate.

L. Smith, Cyclical Learning Rates for Training Neural Networks, arXiv:1506.01186. The training runs
in a folder that is removed afterwards; --model_dir gets lr_find.csv and lr_find.png.
"""

import csv
import math
import os
import tempfile

from common import files
from common.console import say, warn
from common.errors import NanError
from estimator import curves
from estimator.job import Job

# Rates, from the first to the last in equal factors.
LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 100             # where --train_epochs is given
MEMORY = 0.9            # of the smoothed loss
DIVERGED = 2.0          # times the least smoothed loss: what comes after says nothing
FALLEN = 0.99           # a smoothed loss that has fallen at all
LINES = 10              # on the console, at most
SKIPPED = 5             # first steps, whose smoothed loss is hardly one


def run(network, params, open_inputs):
    """Measures, writes table and picture, says a rate; returns the exit code."""
    inputs, steps = open_inputs(), params.train_steps or STEPS
    rates = [LOWEST * (HIGHEST / LOWEST) ** (step / max(1, steps - 1)) for step in range(steps)]
    say(f'data       {inputs.summary()}')
    with tempfile.TemporaryDirectory(prefix='lr-find-') as folder:
        tried = params._replace(
            model_dir=folder, train_steps=steps, train_epochs=None, lr_schedule='piecewise',
            learning_rate=1.0, base_learning_rate=None, lr_warmup_epochs=0.0, head_epochs=0.0,
            lr_decay_values=tuple(rates), lr_decay_boundaries=(), log_step_count_steps=1,
            save_summary_steps=0, save_checkpoints_steps=None, save_checkpoints_secs=None)
        job = Job(network, tried, inputs, None)
        job.line_every = -(-steps // LINES)
        epoch = job.run.plan.steps_per_epoch
        boundaries = tuple(step / epoch for step in range(1, steps))
        job.run = job.run._replace(params=tried._replace(lr_decay_boundaries=boundaries))
        try:
            job.train(steps)
        except NanError:
            pass        # the rate at which that happens is an answer
        rows = curves.read(os.path.join(folder, 'log.csv'))
    found = smoothed([(rate, row['loss']) for rate, row in zip(rates, rows)])
    rate = suggestion(found)
    batch = job.global_batch
    files.make_folder(params.model_dir)
    _write(found, os.path.join(params.model_dir, 'lr_find.csv'))
    _draw(found, rate, os.path.join(params.model_dir, 'lr_find.png'), network.name)
    if rate is None:
        say('no learning rate made the loss fall; more --train_steps may show one')
        return 0
    say(f'suggestion --learning_rate={rate:.2g} (for a global batch of {batch}; '
        f'--base_learning_rate={rate * 256 / batch:.2g} follows the batch)')
    return 0


def smoothed(rows):
    """(rate, loss, smoothed loss) of (rate, loss) rows, up to where the loss has DIVERGED."""
    found, mean, least = [], 0.0, math.inf
    for count, (rate, loss) in enumerate(rows, 1):
        mean = MEMORY * mean + (1 - MEMORY) * loss
        value = mean / (1 - MEMORY ** count)
        if not math.isfinite(value) or count > SKIPPED and value > DIVERGED * least:
            break
        found.append((rate, loss, value))
        least = min(least, value) if count > SKIPPED else least
    return found


def suggestion(rows):
    """A tenth of the rate at which the smoothed loss is least, None where it never falls."""
    tail = rows[SKIPPED:]
    if not tail:
        return None
    best = min(tail, key=lambda row: row[2])
    return best[0] / 10 if best[2] < FALLEN * tail[0][2] else None


def _write(rows, path):
    with files.written(path) as place, open(place, 'w', newline='') as stream:
        csv.writer(stream).writerows([('learning_rate', 'loss', 'smoothed_loss')] + rows)
    say(f'table      {path}')


def _draw(rows, rate, path, name):
    try:
        import matplotlib
    except ImportError:
        warn('no picture: matplotlib is not installed (pip install matplotlib)')
        return
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axis = pyplot.subplots(figsize=(7, 4))
    axis.plot([row[0] for row in rows], [row[1] for row in rows], alpha=0.3, label='loss of a step')
    axis.plot([row[0] for row in rows], [row[2] for row in rows], label='smoothed')
    if rate:
        axis.axvline(rate, color='C2', label=f'suggestion: {rate:.2g}')
    axis.set(xscale='log', xlabel='learning rate', ylabel='loss', title=name)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    with files.written(path) as place:
        figure.savefig(place, dpi=90, format='png')
    pyplot.close(figure)
    say(f'picture    {path}')
