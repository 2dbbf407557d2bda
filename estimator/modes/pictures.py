"""Pictures of a finished run: its learning curve and what it says of some images."""

import os

from common import files
from common.console import warn
from estimator import curves
from estimator.checkpoints import weights
from estimator.drawing import grid

PICTURES = 24


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
    images = os.path.join(directory, 'predictions.png')
    learning_curve(curves.smooth(curves.read(os.path.join(directory, 'log.csv'))),
                   curves.read(os.path.join(directory, 'eval.csv')), curve, _title(job))
    predictions(job, images)
    return curve, images


def _title(job):
    """The network and the data; not a path that matplotlib could not draw as it is."""
    source = job.inputs.describe()['source']
    drawn = all(' ' <= letter <= '~' and letter != '$' for letter in source)
    return f'{job.network.name} on {source}' if drawn else job.network.name


def learning_curve(training, evaluations, path, title):
    """Loss and accuracy over epochs: means of the training steps, and of each evaluation."""
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4))
    columns = [('cross_entropy', 'cross_entropy'), ('train_accuracy', 'top_1_accuracy')]
    for axis, (trained, evaluated) in zip(axes, columns):
        axis.plot([row['epoch'] for row in training], [row[trained] for row in training],
                  label='training')
        if evaluations:
            last = evaluations[-1]
            axis.plot([row['epoch'] for row in evaluations],
                      [row[evaluated] for row in evaluations], 'o-', color='C1',
                      label=f'evaluation, {last["weights"]} weights: {last[evaluated]:.4f}')
            end = curves.highest([row[trained] for row in training],
                                 [row[evaluated] for row in evaluations])
            axis.set_ylim(top=end and 1.05 * end)
        axis.grid(alpha=0.3)
        axis.legend()
    axes[0].set(xlabel='epoch', ylabel='cross entropy', title='loss')
    axes[1].set(xlabel='epoch', ylabel='top-1', title='accuracy', ylim=(0, 1.02))
    figure.suptitle(title)
    figure.tight_layout()
    with files.written(path) as place:
        figure.savefig(place, dpi=90, format='png')
    pyplot.close(figure)


def predictions(job, path):
    """A grid of evaluation images with predicted class, its probability, and the truth if wrong."""
    input_fn = job.inputs.eval_input_fn(PICTURES, full_batches=job.run.device.kind == 'npu')
    images, captions = [], []
    for row in job.estimator(weights.to_evaluate('both', job.latest())).predict(
            lambda: input_fn().take(1).map(lambda x, y: dict(x, **y))):
        if not row.get('weight', 1):
            break       # filled up
        guess = int(row['classes'])
        images.append(job.inputs.shown(row['image']))
        captions.append(grid.caption(job.inputs.class_names, guess, row['probabilities'][guess],
                                     int(row['label'])))
    return grid.save(path, images, captions)
