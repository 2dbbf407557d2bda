"""The evaluations of a run: eval.csv, a row an evaluation, and the best checkpoint in archive/."""

import os

from common import labels_file, storage
from common.console import say, warn
from common.errors import CheckpointError
from estimator import curves, results
from estimator.checkpoints import best, finding
from estimator.checkpoints.reading import step_of
from estimator.lock import recording

FILE = 'eval.csv'
# Metric that training can stop by -> which way is better.
WORTH = {'top_1_accuracy': 1, 'cross_entropy': -1}


def apart(job, prefix, moved=False):
    """Why a job's evaluation of a checkpoint is none of its training's, a sentence, or None.

    moved: the data may lie elsewhere now.
    """
    folder = storage.absolute(job.params.model_dir)
    if os.path.dirname(storage.absolute(prefix)) != folder:
        folder = finding.run_folder(prefix)
    trained, here = results.resolved_of(folder), results.resolved(job)
    trained = trained or best.measured(folder)      # without a record of it
    others = [f'{name} {trained[name]} in the training, {here[name]} here'
              for name in results.OF_AN_EVALUATION
              if name in trained and trained[name] != here[name] and not (moved and name == 'data')]
    if labels_file.disagrees(folder, job.inputs.class_names):
        others.append(f'other class names than {folder}/labels.txt')
    if others:
        return ('not the data of the training, so eval.csv and archive/ stay as they are: '
                + '; '.join(others))


def recorded(model_dir, step):
    """Whether the checkpoint of a step has been evaluated."""
    return any(row['step'] == step for row in curves.read(os.path.join(model_dir, FILE)))


def stopped(model_dir, metric, patience, every):
    """(step of the best evaluation, its metric) when `patience` more brought no better one, else
    None. It follows from eval.csv alone, so a run that goes on ends where it would have; what an
    evaluation beside it adds between the training's own, at multiples of `every`, does not count,
    nor what was measured on other images, or of another size, than the newest.
    """
    rows = [row for row in curves.read(os.path.join(model_dir, FILE)) if row['step'] % every == 0]
    rows = [row for row in rows if best.comparable(row, rows[-1])]
    worth = [row[metric] * WORTH[metric] for row in rows]
    if not worth or len(worth) - 1 - worth.index(max(worth)) < patience:
        return None
    found = rows[worth.index(max(worth))]
    return int(found['step']), found[metric]


def record(job, prefix, metrics):
    """Adds the evaluation of a checkpoint of a job's model_dir to those of its training.

    The row in eval.csv comes last: a run that is stopped before evaluates once more.
    """
    model_dir, step = job.params.model_dir, step_of(prefix)
    row = dict(metrics, step=step, epoch=results.epoch(job, step),
               cross_entropy=metrics[f'cross_entropy_{metrics["weights"]}'])
    with recording(model_dir):
        if job.params.archive_ckpt:
            _offer(model_dir, prefix, row)
        curves.put(os.path.join(model_dir, FILE), curves.EVALUATION, row)


def _offer(model_dir, prefix, row):
    try:
        if best.BestKeeper(model_dir).offer(prefix, row):
            say(f'best so far: top-1 {row["top_1_accuracy"]:.4f}, kept in {model_dir}/archive')
    except CheckpointError as error:
        warn(f'the best so far is not kept: {error}. Train with a higher --keep_checkpoint_max')
