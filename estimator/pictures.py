"""Pictures of a finished run: its learning curve and what it says of some images."""

import os

import numpy as np

from estimator import progress
from estimator.console import warn

GRID = (4, 6)


def draw(job):
    """Writes learning_curve.png and predictions.png into model_dir; names them in job.measured."""
    try:
        import matplotlib
    except ImportError:
        warn('no pictures: matplotlib is not installed (pip install matplotlib)')
        return
    matplotlib.use('Agg')
    directory = job.params.model_dir
    curve = os.path.join(directory, 'learning_curve.png')
    grid = os.path.join(directory, 'predictions.png')
    learning_curve(progress.read(os.path.join(directory, 'log.csv')), job.measured, curve,
                   f'{job.network.name} on {job.inputs.describe()["source"]}')
    predictions(job, grid)
    job.measured['pictures'] = [curve, grid]


def learning_curve(rows, measured, path, title):
    """Loss and training accuracy over epochs; the evaluated accuracy as a dashed line."""
    from matplotlib import pyplot
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    epochs = [row['epoch'] for row in rows]
    left.plot(epochs, [row['cross_entropy'] for row in rows], label='training')
    if measured.get('cross_entropy_raw') is not None:
        left.axhline(measured[f'cross_entropy_{measured["weights"]}'], linestyle='--', color='C1',
                     label=f'evaluation, {measured["weights"]} weights')
    left.set(xlabel='epoch', ylabel='cross entropy', title='loss')
    right.plot(epochs, [row['train_accuracy'] for row in rows], label='training batch')
    if measured.get('top_1_accuracy') is not None:
        right.axhline(measured['top_1_accuracy'], linestyle='--', color='C1',
                      label=f'evaluation {measured["top_1_accuracy"]:.4f}')
    right.set(xlabel='epoch', ylabel='top-1', title='accuracy', ylim=(0, 1.02))
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend()
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


def predictions(job, path):
    """A grid of evaluation images with predicted class, its probability, and the truth if wrong."""
    from matplotlib import pyplot
    from estimator.job import choose_weights
    count = GRID[0] * GRID[1]
    input_fn = job.inputs.eval_input_fn(count)
    truth = []
    shown = []
    weights = choose_weights('both', job.latest())
    for row in job.estimator(weights).predict(
            lambda: input_fn().take(1).map(lambda x, y: dict(x, label=y['label']))):
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
