"""`--mode=export`: files of a network for other programs, compared with its checkpoint.

Files in --export_dir, those --export_formats names; the TPU originals' names where they have one:

    saved_model/                 signatures classify and serving_default: encoded images [n] ->
                                 classes, probabilities, class names; images: normalised pixels
                                 [n, size, size, 3] -> logits, probabilities
    <model_name>.pb              frozen graph, batch norm folded: images -> logits, softmax_tensor
    <model_name>.tflite          float, batch 1: images -> logits
    <model_name>_postquant.tflite   the same with 8-bit weights
    <model_name>_fp16.tflite     the same with 16-bit weights
    <model_name>_int8.tflite     integers throughout, uint8 in and out
    <model_name>_int16.tflite    the same with 16-bit activations, floats in and out
    <model_name>.onnx            images -> logits, probabilities
    labels.txt, preprocessing.json, preprocess.py (the same as code), export.json (the comparison),
    model.json and MODEL.md (the model card)

NOTE: the graphs are always float32 and the averaged weights are stored under the plain names, for
CondConv too, whose original exported the raw ones.
"""

import os
import shutil
import tempfile

from common import files, labels_file, storage
from common.console import say, warn
from common.errors import FlagError, ProgramError
from estimator import results
from estimator.checkpoints import reading as checkpoints
from estimator.checkpoints import weights
from estimator.modes import trained_network as trained_lib
from estimator.modes.exports import card, formats, parity

STAGING = '.export-unfinished'
AGREEMENT = 0.95       # of the likeliest class; less is said aloud
CALIBRATION = 100      # training images that give the ranges of 8-bit activations


def run(network, params, open_serving):
    """Exports and compares; returns the exit code, 1 when a file computes something else."""
    rows = formats.chosen(params)
    serving = open_serving()
    trained = trained_lib.find(network, params, serving.image_size,
                               lambda prefix: weights.to_export(
                                   params.export_moving_average, prefix))
    files.make_folder(params.export_dir)
    say(f'exporting  {network.name}, {trained.num_classes} classes, step '
        f'{checkpoints.step_of(trained.prefix)}, {trained.weights} weights')
    folder = _staging(params.export_dir)
    try:
        calibration = _calibration(trained, serving) if formats.calibrated(rows) else None
        material = formats.Material(trained, serving, calibration)
        report = _report(trained, serving, write_files(folder, material, rows))
        files.write_json(os.path.join(folder, 'export.json'), report)
        card.write(folder, trained, serving, report['parity'])
        _publish(folder, params.export_dir)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _say(params.export_dir, report)
    return 0 if report['ok'] else 1


def _staging(export_dir):
    """An empty folder for unfinished files: beside the finished ones, or on this machine."""
    if storage.is_address(export_dir):
        return tempfile.mkdtemp(prefix='export-')
    folder = os.path.join(export_dir, STAGING)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def _calibration(trained, serving):
    """Training images as the network gets them; FlagError without a data set."""
    encoded, _, source = serving.examples('train', CALIBRATION)
    if source == serving.RANDOM:
        raise FlagError('tflite_int8 and tflite_int16 of --export_formats take the ranges of their '
                        'numbers from images of the data. Give them with --data_dir (and '
                        '--dataset).')
    _, images = parity.decoded(trained, serving, encoded, source)
    say(f'calibrated on {len(images)} images of {source}')
    return images


def write_files(folder, material, rows):
    """Writes everything but export.json; returns {file: row of the comparison}."""
    trained, serving = material.trained, material.serving
    against = parity.reference(trained, serving)
    say(f'comparing  on {len(against.images)} images: {against.source}')
    if trained.class_names:
        labels_file.write(folder, trained.class_names)
    files.write_json(os.path.join(folder, 'preprocessing.json'), serving.describe())
    shutil.copyfile(serving.client_code(), os.path.join(folder, 'preprocess.py'))
    report = {}
    for row in rows:
        name = row.file.format(trained.network.name)
        path = os.path.join(folder, name)
        try:
            row.write(path, material)
        except ProgramError as error:     # one file does not take the others along
            report[name] = {'ok': False, 'error': str(error), 'format': row.name}
            continue
        report[name] = dict(parity.row_of(path, against, row.allowed), format=row.name,
                            bytes=_size(path))
        if row.name == 'savedmodel':
            report[f'{name} classify'] = dict(
                parity.encoded_row(path, trained, against), format=row.name)
    return report


def _size(path):
    """Bytes of a file, or of everything in a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(where, name))
               for where, _, names in os.walk(path) for name in names)


def _report(trained, serving, rows):
    """export.json."""
    return {'model_name': trained.network.name, 'checkpoint': trained.prefix,
            'global_step': checkpoints.step_of(trained.prefix), 'weights': trained.weights,
            'num_classes': trained.num_classes, 'preprocessing': serving.describe(),
            'ok': all(row['ok'] for row in rows.values()), 'parity': rows,
            'versions': results.versions()}


def _publish(folder, export_dir):
    """Moves finished files to their place; what an earlier export left there is replaced."""
    for entry in sorted(os.listdir(folder)):
        source, target = os.path.join(folder, entry), os.path.join(export_dir, entry)
        if storage.is_folder(target):
            files.remove_tree(target)
        if not storage.is_address(target):
            os.replace(source, target)
        elif os.path.isdir(source):
            files.copy_below(source, target)
        else:
            files.copy(source, target)


def _say(export_dir, report):
    width = max(len(name) for name in report['parity'])
    for name, row in report['parity'].items():
        if 'error' in row:
            warn(f'{name} is missing: {row["error"]}')
            continue
        (kind, share), = row['allowed'].items()
        verdict = 'ok' if row['ok'] else (
            f'FAILED, allowed are {share:g} of the {kind}, {parity.SAME:.0%} same class and '
            f'{parity.LOST:.0%} less right')
        right = '' if 'top_1' not in row else (
            f', right {row["top_1"]:.1%} (checkpoint {row["checkpoint_top_1"]:.1%})')
        say(f'{name:{width}}  differs by {row["max_abs_difference"]:.1e} at most (values up to '
            f'{row["largest_value"]:.2g}, noise {row["noise"]:.1e}), same class '
            f'{row["top_1_agreement"]:.1%} of {row["images"]}{right}: {verdict}')
        if row['top_1_agreement'] < AGREEMENT:
            warn(f'{name} often names another class on {row["compared_on"]}; judge it on the whole '
                 'data set: --mode=eval --exported=FILE')
    say(f'exported   {export_dir}' if report['ok'] else
        f'exported   {export_dir}, but see above: not every file is good')
