"""The report of an evaluation: report.html, report.md and the three CSV files in a model_dir.

It is about one checkpoint: the last of a training, or that of --mode=eval. On one device or
several, each image counts once; a report whose images are not those of the evaluation is not
written.
"""

import functools
import os
import time

import numpy as np

from common import files
from common.console import warn
from common.errors import ProgramError
from estimator import curves, results
from estimator.checkpoints.reading import step_of
from estimator.hooks.outcomes import KINDS
from estimator.lock import recording
from estimator.report import numbers, page, sections, tables


def write(job, metrics, outcomes):
    """Paths of the files; a finished evaluation does not fail for want of them, and says why.

    metrics: what job.evaluate returned; outcomes: hooks.outcomes.Outcomes of that evaluation.
    """
    try:
        return _write(job, metrics, outcomes)
    except Exception as error:  # pylint: disable=broad-except
        warn(f'no report: {(str(error).splitlines() or [type(error).__name__])[0]}')
        return ()


def _write(job, metrics, outcomes):
    values = outcomes.values
    count = len(np.unique(values.get('position', ())))
    if not values or not count == len(values['position']) == metrics['eval_examples']:
        raise ProgramError(f'{count} images were collected of {metrics["eval_examples"]}')
    folder = job.params.model_dir
    suffix = f'_{job.params.eval_name}' if job.params.eval_name else ''
    names, places = job.inputs.class_names, job.inputs.places()
    confusion = numbers.Confusion(values['label'], values['guess'].astype(np.int64),
                                  job.inputs.num_classes)

    def path(name, ending):
        return os.path.join(folder, f'{name}{suffix}.{ending}')

    def name(label):
        return str(names[label]) if names else f'class {label}'
    files.make_folder(folder)
    text = _title(job, metrics), _subtitle(job, metrics), list(
        _sections(job, metrics, outcomes, confusion, name, places))
    with recording(folder):
        files.write_text(path('report', 'html'), page.html(*text))
        files.write_text(path('report', 'md'), page.markdown(*text))
        return (path('report', 'html'), path('report', 'md'),
                tables.confusion(path('confusion', 'csv'), confusion, name),
                tables.per_class(path('per_class', 'csv'), confusion, name),
                tables.predictions(path('predictions', 'csv'), values, places, name))


def _title(job, metrics):
    return (f'{job.network.name}: {metrics["top_1_accuracy"]:.1%} on '
            f'{metrics["eval_examples"]:,} images')


def _subtitle(job, metrics):
    return (f'Checkpoint {metrics["checkpoint"]}, step {step_of(metrics["checkpoint"])}, '
            f'{metrics["weights"]} weights, on {job.inputs.describe()["source"]} '
            f'({job.params.eval_split}); {time.strftime("%Y-%m-%d %H:%M %Z")}')


def _sections(job, metrics, outcomes, confusion, name, places):
    values, folder = outcomes.values, os.path.dirname(metrics['checkpoint'])
    if os.path.basename(folder) == 'archive':
        folder = os.path.dirname(folder)
    right = values['label'] == values['guess']
    calibration = numbers.calibration(values['probability'], right)
    yield 'Overview', sections.overview(metrics, confusion, calibration)
    training, evaluations = (curves.read(os.path.join(folder, one))
                             for one in ('log.csv', 'eval.csv'))
    drawn = sections.curves(curves.smooth(training), evaluations)
    if drawn:
        yield 'Curves', drawn
    place = functools.partial(_place, job.inputs, places)
    yield 'Classes', sections.classes(confusion, name)
    yield 'Confusion', sections.confusions(confusion, name)
    for kind in KINDS:
        rows = _mistakes(job, values, outcomes.pictures[kind], name, place)
        if rows:
            yield sections.mistakes(kind, rows)
    yield 'Calibration', sections.calibrated(calibration)
    missing = sorted(set(range(len(places))) - set(values['position'].tolist()))
    yield 'Data', sections.data(job.inputs.describe(), job.inputs.survey(), confusion, name,
                                list(map(place, missing)))
    yield 'Run', sections.run(
        _facts(job, metrics, folder), *_flags(job.params, folder))


def _place(inputs, places, position):
    """The file of an image below the source; of one in a file of many its own name and record."""
    if not places:
        return f'image {position}'
    path, record = places[position]
    shared = record or any(other == path for other, number in places[:64] if number)
    source = inputs.describe()['source']
    below = os.path.relpath(path, source) if path.startswith(source + os.sep) else path
    if not shared:
        return below
    name = inputs.name(path, record)
    return (f'{name} in ' if name else '') + f'{below}, record {record}'


def _mistakes(job, values, pictures, name, place):
    """Rows of sections.mistakes of [(score, position, image)]."""
    found = []
    for _, position, image in pictures:
        index = int(np.searchsorted(values['position'], position))
        guess, label = int(values['guess'][index]), int(values['label'][index])
        found.append((job.inputs.shown(image), name(guess), float(values['probability'][index]),
                      name(label), float(values['label_probability'][index]),
                      place(position)))
    return found


def _facts(job, metrics, folder):
    trained = files.read_record(os.path.join(folder, 'result.json')) or {}
    speed = job.throughput.images_per_sec() or trained.get('images_per_sec')
    waited = trained.get('input_wait')
    rows = [('network', f'{job.network.name}, {job.inputs.num_classes} classes'),
            ('recipe', ', '.join(_recipes(job.params, folder)) or 'not known'),
            ('device', job.run.device.text), ('precision', job.run.precision.text),
            ('evaluation', sections.timing(job.eval_seconds, metrics['eval_examples']))]
    if speed:
        rows.append(('training', f'{speed:,.1f} images/s' + (
            f', {waited:.0%} of the time waiting for input' if waited is not None else '')))
    rows += [(f'{w} weights', f'top-1 {metrics["top_1_accuracy_" + w]:.4f}, top-5 '
              f'{metrics["top_5_accuracy_" + w]:.4f}, cross entropy '
              f'{metrics["cross_entropy_" + w]:.4f}') for w in ('ema', 'raw')
             if f'top_1_accuracy_{w}' in metrics]
    return rows + [('versions', ', '.join(f'{key} {value}'
                                          for key, value in results.versions().items()))]


def _of_training(params, folder):
    """(values, sources, whether those are the training's) of the flags of a run.

    They are in its params.json; without one they are the flags of this evaluation.
    """
    record = files.read_record(os.path.join(folder, 'params.json')) or {}
    if isinstance(record.get('sources'), dict):
        return record, record['sources'], True
    return params._asdict(), params.sources(), False


def _recipes(params, folder):
    """The recipes that gave any flag its value."""
    _, sources, _ = _of_training(params, folder)
    return sorted({source for source in sources.values() if source.startswith('recipe')})


def _flags(params, folder):
    """(whose flags, [(flag, value, source)]), those that somebody chose first."""
    values, sources, trained = _of_training(params, folder)
    rows = [(name, '-' if values.get(name) in (None, (), []) else values[name],
             sources.get(name, 'program')) for name in params._fields]
    return ('of the training' if trained else 'of this evaluation',
            sorted(rows, key=lambda row: (row[2] in ('default', 'program'), row[2], row[0])))
