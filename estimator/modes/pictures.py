"""Pictures of a finished run: its learning curve and what it says of some images."""

import os

import numpy as np

from common.console import warn
from estimator import curves
from estimator.checkpoints import weights

GRID = (4, 6)


def draw(job):
    """Writes learning_curve.png and predictions.png into model_dir; returns their paths."""
    try:
        import matplotlib
    except ImportError:
        warn('no pictures: matplotlib is not installed (pip install matplotlib)')
        return ()
    matplotlib.use('Agg')
    directory = job.params.model_dir
    curve = os.path.join(directory, 'learning_curve.png')
    grid = os.path.join(directory, 'predictions.png')
    learning_curve(curves.read(os.path.join(directory, 'log.csv')),
                   curves.read(os.path.join(directory, 'eval.csv')), curve,
                   f'{job.network.name} on {job.inputs.describe()["source"]}')
    predictions(job, grid)
    return curve, grid


def learning_curve(training, evaluations, path, title):
    """Loss and accuracy over epochs: of the training batches, and of each evaluation."""
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4))
    columns = [('cross_entropy', 'cross_entropy'), ('train_accuracy', 'top_1_accuracy')]
    for axis, (trained, evaluated) in zip(axes, columns):
        axis.plot([row['epoch'] for row in training], [row[trained] for row in training],
                  label='training batch')
        if evaluations:
            last = evaluations[-1]
            axis.plot([row['epoch'] for row in evaluations],
                      [row[evaluated] for row in evaluations], 'o-', color='C1',
                      label=f'evaluation, {last["weights"]} weights: {last[evaluated]:.4f}')
        axis.grid(alpha=0.3)
        axis.legend()
    axes[0].set(xlabel='epoch', ylabel='cross entropy', title='loss')
    axes[1].set(xlabel='epoch', ylabel='top-1', title='accuracy', ylim=(0, 1.02))
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def predictions(job, path):
    """A grid of evaluation images with predicted class, its probability, and the truth if wrong."""
    from matplotlib import pyplot
    count = GRID[0] * GRID[1]
    input_fn = job.inputs.eval_input_fn(count, full_batches=job.run.device.kind == 'npu')
    truth = []
    shown = []
    for row in job.estimator(weights.to_evaluate('both', job.latest())).predict(
            lambda: input_fn().take(1).map(lambda x, y: dict(x, **y))):
        if not row.get('weight', 1):
            break       # filled up
        shown.append(row)
        truth.append(int(row['label']))
    names = job.inputs.class_names
    figure, axes = pyplot.subplots(*GRID, figsize=(GRID[1] * 1.7, GRID[0] * 1.9))
    for axis in axes.flat:
        axis.axis('off')
    for axis, row, label in zip(axes.flat, shown, truth):
        axis.imshow(_displayable(row['image']), interpolation='nearest')
        guess = int(row['classes'])
        text = f'{_name(names, guess)} {row["probabilities"][guess]:.0%}'
        if guess != label:
            text += f'\nis {_name(names, label)}'
        axis.set_title(text, fontsize=8, color='black' if guess == label else 'red')
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def _name(names, index):
    return str(names[index])[:18] if names else f'class {index}'


def _displayable(image):
    low, high = float(np.min(image)), float(np.max(image))
    return (image - low) / max(high - low, 1e-6)
