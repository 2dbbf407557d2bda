"""The files of a run: params.json, labels.txt, result.json; each is replaced atomically."""

import json
import math
import os
import platform

from estimator.errors import EstimatorError

STATUSES = ('completed', 'preempted', 'failed')


def versions():
    """What a number depends on besides the code."""
    import tensorflow.compat.v1 as tf  # launchers read results without TensorFlow
    import numpy as np
    return {'tensorflow': tf.version.VERSION, 'numpy': np.__version__,
            'python': platform.python_version(), 'machine': platform.machine()}


def write_params(model_dir, params):
    """params.json: every resolved flag."""
    write_json(os.path.join(model_dir, 'params.json'), params._asdict())


def write_labels(directory, names):
    """labels.txt: "class:name" a line; nothing when the classes have no names."""
    if names:
        rows = [f'{index}:{" ".join(str(name).split())}\n' for index, name in enumerate(names)]
        _write(os.path.join(directory, 'labels.txt'), ''.join(rows))


def read_labels(directory):
    """Names of a labels.txt in order of their numbers; [] when there is none."""
    path = os.path.join(directory, 'labels.txt')
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as stream:
        rows = [line.rstrip('\n').partition(':') for line in stream]
    rows = [(int(number), name) for number, _, name in rows if number.strip().isdigit()]
    return [name for _, name in sorted(rows)]


def make_folder(path):
    """Makes a folder of the user's; EstimatorError when that is impossible."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise EstimatorError(f'{path}: this folder cannot be made ({error.strerror}). '
                             'Give another one.')


def write_result(model_dir, status, params, measured):
    """result.json: the contract with launchers and scripts; absent numbers are null."""
    result = {'status': status, 'model_name': params.model_name, 'global_step': None,
              'examples_seen': None, 'images_per_sec': None, 'loss': None,
              'top_1_accuracy': None, 'top_5_accuracy': None, 'weights': None,
              'eval_examples': None, 'checkpoint': None, 'duration_sec': None, 'precision': None,
              'versions': versions(), 'params': params._asdict()}
    result.update(measured)
    path = os.path.join(model_dir, 'result.json')
    write_json(path, result)
    return path


def read_result(model_dir):
    """The result.json of a directory as a dict; {} when there is none."""
    path = os.path.join(model_dir, 'result.json')
    if not os.path.exists(path):
        return {}
    with open(path) as stream:
        return json.load(stream)


def write_json(path, value):
    """A file of JSON types."""
    _write(path, json.dumps(_plain(value), indent=2) + '\n')


def _write(path, text):
    temporary = path + '.tmp'
    with open(temporary, 'w', encoding='utf-8') as stream:
        stream.write(text)
    os.replace(temporary, path)


def _plain(value):
    """JSON types; NaN and infinity become null, since JSON has neither."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, 'item'):  # a numpy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
