"""The model card beside an export: model.json for programs, MODEL.md for people."""

import hashlib
import os

from common import files, storage
from estimator import curves, results
from estimator.checkpoints import reading
from estimator.checkpoints.foreign.published import CARD
from estimator.modes import trained_network as trained_lib

FILE, TEXT = CARD, 'MODEL.md'
CODE_LICENSE = 'Apache-2.0'     # LICENSE of this program
# Flags that say how images become input, for whoever evaluates the files.
FLAGS = ('input_image_size', 'preprocessing_name', 'pixel_mean', 'pixel_std', 'use_grayscale')
# Flags of a training that a card names.
TRAINING = ('recipe', 'train_steps', 'train_epochs', 'train_batch_size', 'optimizer',
            'lr_schedule', 'learning_rate', 'base_learning_rate', 'weight_decay',
            'label_smoothing', 'moving_average_decay', 'init_checkpoint', 'seed')


def write(folder, trained, serving, rows):
    """Writes both files of a card into a folder that holds the export; rows: of export.json."""
    values = describe(folder, trained, serving, rows)
    files.write_json(os.path.join(folder, FILE), values)
    files.write_text(os.path.join(folder, TEXT), text(values))


def describe(folder, trained, serving, rows):
    """The content of model.json."""
    params, network = trained.params, trained.network
    home = run_folder(trained.prefix)
    record = files.read_record(os.path.join(home, 'params.json')) or {}
    flags = {name: getattr(params, name) for name in FLAGS if getattr(params, name) is not None}
    return {
        'model_name': network.name, 'family': network.family,
        'arguments': {name: value for name, value in trained.arguments.items()
                      if name not in trained_lib.OF_TRAINING},
        'parameters': _parameters(trained), 'published': network.published,
        'flags': dict(flags, input_image_size=trained.size,
                      num_label_classes=trained.num_classes),
        'checkpoint': {'path': trained.prefix, 'step': reading.step_of(trained.prefix),
                       'weights': trained.weights},
        'training': {name: record[name] for name in TRAINING if record.get(name) is not None},
        'data': record.get('resolved') or {},
        'imported_from': _imported(home),
        'accuracy': _accuracy(home, reading.step_of(trained.prefix), trained.weights),
        'preprocessing': serving.describe(),
        'classes': {'count': trained.num_classes, 'names': trained.class_names},
        'files': {name: _file(os.path.join(folder, name), row) for name, row in rows.items()
                  if os.path.exists(os.path.join(folder, name))},
        'license': {'weights': params.license, 'code': CODE_LICENSE, 'data': None},
        'versions': results.versions()}


def run_folder(prefix):
    """The folder of the run a checkpoint is of: its own, or above archive/."""
    return trained_lib.folder_of(storage.absolute(prefix), '')


def _parameters(trained):
    """Number of trained weights, without moving statistics."""
    shapes = trained.network.variables(**trained.arguments)
    total = 0
    for name, shape in shapes.items():
        if not name.endswith(('moving_mean', 'moving_variance')):
            count = 1
            for extent in shape:
                count *= extent
            total += count
    return total


def _imported(home):
    """What the weights were before they were imported, or None."""
    record = files.read_record(os.path.join(home, 'import.json'))
    return record and {key: record.get(key) for key in ('weights', 'file', 'check')}


def _accuracy(home, step, weights):
    """The run's own evaluation of the checkpoint of a step, or None."""
    found = [row for row in curves.read(os.path.join(home, 'eval.csv'))
             if row['step'] == step and row.get('weights') == weights]
    return {key: found[-1][key] for key in ('top_1_accuracy', 'top_5_accuracy', 'cross_entropy',
                                            'eval_examples', 'weights')} if found else None


def _file(path, row):
    told = {key: row[key] for key in ('format', 'kind', 'bytes', 'input', 'output', 'ok',
                                      'top_1_agreement', 'top_1', 'checkpoint_top_1', 'images',
                                      'max_abs_difference', 'noise') if key in row}
    return dict(told, sha256=checksums(path))


def checksums(path):
    """sha256 of a file, or {file below a folder: sha256}."""
    if os.path.isdir(path):
        found = [os.path.join(where, name) for where, _, names in os.walk(path) for name in names]
        return {os.path.relpath(name, path): checksums(name) for name in sorted(found)}
    digest = hashlib.sha256()
    with open(path, 'rb') as stream:
        for part in iter(lambda: stream.read(1 << 20), b''):
            digest.update(part)
    return digest.hexdigest()


def text(values):
    """MODEL.md of a card."""
    numbers, measured = values['preprocessing'], values['accuracy']
    about = [
        ('network', f'{values["model_name"]} ({values["family"]}), '
                    f'{values["parameters"]:,} parameters'),
        ('input', f'{numbers["image_size"]} x {numbers["image_size"]} RGB, NHWC, '
                  f'(pixel - {_short(numbers["mean"])}) / {_short(numbers["std"])}'),
        ('classes', f'{values["classes"]["count"]}' + (
            ', named in labels.txt' if values['classes']['names'] else '')),
        ('weights', f'{values["checkpoint"]["weights"]}, step {values["checkpoint"]["step"]}'),
        ('data', values['data'].get('data') or 'not recorded'),
        ('accuracy', 'not recorded' if measured is None else
         f'top-1 {measured["top_1_accuracy"]:.4f}, top-5 {measured["top_5_accuracy"]:.4f} on '
         f'{measured["eval_examples"]:.0f} images'),
        ('licence', f'weights: {values["license"]["weights"] or "not given (--license)"}; code: '
                    f'{values["license"]["code"]}; data: '
                    f'{values["license"]["data"] or "see their source"}')]
    lines = [f'# {values["model_name"]}', ''] + ['| | |', '|---|---|']
    lines += [f'| {name} | {what} |' for name, what in about]
    lines += ['', '| file | format | bytes | input | same class as the checkpoint | sha256 |',
              '|---|---|---|---|---|---|']
    for name, row in values['files'].items():
        checksum = row['sha256'] if isinstance(row['sha256'], str) else 'model.json'
        lines.append(f'| `{name}` | {row["format"]} | {row["bytes"]:,} | {row["input"]["dtype"]} | '
                     f'{row["top_1_agreement"]:.1%} of {row["images"]} | {checksum} |')
    steps = [f'{number}. {step}' for number, step in enumerate(_said(numbers), 1)]
    lines += ['', '## Preprocessing', '', '`preprocess.py` does it, `preprocessing.json` has the '
              'numbers.', ''] + steps
    return '\n'.join(lines) + '\n'


def _said(numbers):
    return [', '.join(f'{key} {value}' for key, value in step.items())
            for step in numbers['steps']]


def _short(values):
    kept = [f'{value:g}' for value in values]
    return kept[0] if len(set(kept)) == 1 else f'[{", ".join(kept)}]'
