"""The files of a run: params.json, every resolved flag; result.json, what came of it."""

import os
import platform

import numpy as np
import tensorflow.compat.v1 as tf

from common.files import read_json, write_json


def versions():
    """What a number depends on besides the code."""
    return {'tensorflow': tf.version.VERSION, 'numpy': np.__version__,
            'python': platform.python_version(), 'machine': platform.machine()}


def write_params(model_dir, params):
    """params.json: every resolved flag."""
    write_json(os.path.join(model_dir, 'params.json'), params._asdict())


class Record:
    """What a run has measured so far; a failed run leaves what it had.

    training: {'loss', 'train_accuracy'} of the last batch; evaluation: metrics of the last
    evaluation; evaluations: those of --eval_all; pictures: paths; error: what ended the run.
    """

    def __init__(self):
        self.training, self.evaluation, self.pictures, self.error = {}, {}, (), None
        self.evaluations = []

    def values(self):
        """Everything measured, under the names of result.json."""
        found = dict(self.training)
        found.update((name, value) for name, value in self.evaluation.items()
                     if name not in ('loss', 'global_step'))
        if self.evaluations:
            found['evaluations'] = self.evaluations
        if self.pictures:
            found['pictures'] = list(self.pictures)
        if self.error:
            found['error'] = self.error
        return found


def _kept(path, result):
    """What an earlier run measured and this one, to the same step, did not."""
    try:
        earlier = read_json(path) or {}
    except ValueError:
        return {}
    if earlier.get('global_step') != result['global_step'] or not result['global_step']:
        return {}
    return {name: earlier[name] for name in ('images_per_sec', 'loss', 'train_accuracy')
            if result.get(name) is None and earlier.get(name) is not None}


def write_result(model_dir, status, params, measured):
    """result.json: the contract with launchers and scripts; absent numbers are null."""
    result = {'status': status, 'model_name': params.model_name, 'global_step': None,
              'examples_seen': None, 'images_per_sec': None, 'loss': None,
              'top_1_accuracy': None, 'top_5_accuracy': None, 'weights': None,
              'eval_examples': None, 'checkpoint': None, 'duration_sec': None, 'precision': None,
              'versions': versions(), 'params': params._asdict()}
    path = os.path.join(model_dir, 'result.json')
    result.update(measured)
    result.update(_kept(path, result))
    write_json(path, result)
    return path
