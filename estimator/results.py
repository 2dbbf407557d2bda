"""params.json and result.json of a run; both are replaced atomically."""

import json
import math
import os
import platform

STATUSES = ('completed', 'preempted', 'failed')


def versions():
    """What a number depends on besides the code."""
    import tensorflow.compat.v1 as tf  # launchers read results without TensorFlow
    import numpy as np
    return {'tensorflow': tf.version.VERSION, 'numpy': np.__version__,
            'python': platform.python_version(), 'machine': platform.machine()}


def write_params(model_dir, params):
    """params.json: every resolved flag."""
    _write(os.path.join(model_dir, 'params.json'), params._asdict())


def write_result(model_dir, status, params, measured):
    """result.json: the contract with launchers and scripts; absent numbers are null."""
    result = {'status': status, 'model_name': params.model_name, 'global_step': None,
              'examples_seen': None, 'images_per_sec': None, 'loss': None,
              'top_1_accuracy': None, 'top_5_accuracy': None, 'weights': None,
              'eval_examples': None, 'checkpoint': None, 'duration_sec': None, 'precision': None,
              'versions': versions(), 'params': params._asdict()}
    result.update(measured)
    path = os.path.join(model_dir, 'result.json')
    _write(path, result)
    return path


def read_result(model_dir):
    """The result.json of a directory as a dict; {} when there is none."""
    path = os.path.join(model_dir, 'result.json')
    if not os.path.exists(path):
        return {}
    with open(path) as stream:
        return json.load(stream)


def _write(path, value):
    temporary = path + '.tmp'
    with open(temporary, 'w') as stream:
        json.dump(_plain(value), stream, indent=2)
        stream.write('\n')
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
