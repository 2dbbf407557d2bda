"""The evaluations of a run: eval.csv, a row an evaluation, and the best checkpoint in archive/."""

import os

from common.console import say, warn
from common.errors import CheckpointError
from estimator import curves
from estimator.checkpoints import best
from estimator.checkpoints.reading import step_of
from estimator.lock import recording

FILE = 'eval.csv'


def recorded(model_dir, step):
    """Whether the checkpoint of a step has been evaluated."""
    return any(row['step'] == step for row in curves.read(os.path.join(model_dir, FILE)))


def record(model_dir, prefix, metrics, epoch, archive):
    """Adds the evaluation of a checkpoint of model_dir to those of its run.

    The row in eval.csv comes last: a run that is stopped before evaluates once more. epoch: float,
    or '' where it is not known; archive: whether to keep the best checkpoint.
    """
    row = dict(metrics, step=step_of(prefix), epoch=epoch,
               cross_entropy=metrics[f'cross_entropy_{metrics["weights"]}'])
    with recording(model_dir):
        if archive:
            _offer(model_dir, prefix, row)
        curves.put(os.path.join(model_dir, FILE), curves.EVALUATION, row)


def _offer(model_dir, prefix, row):
    try:
        if best.BestKeeper(model_dir).offer(prefix, row):
            say(f'best so far: top-1 {row["top_1_accuracy"]:.4f}, kept in {model_dir}/archive')
    except CheckpointError as error:
        warn(f'the best so far is not kept: {error}. Train with a higher --keep_checkpoint_max')
