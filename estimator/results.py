"""The files of a run: params.json, every resolved flag; result.json, what came of it."""

import os
import platform

import numpy as np
import tensorflow.compat.v1 as tf

from common.files import write_json


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
    evaluation; pictures: paths; error: what ended the run.
    """

    def __init__(self):
        self.training, self.evaluation, self.pictures, self.error = {}, {}, (), None

    def values(self):
        """Everything measured, under the names of result.json."""
        found = dict(self.training)
        found.update((name, value) for name, value in self.evaluation.items()
                     if name not in ('loss', 'global_step'))
        if self.pictures:
            found['pictures'] = list(self.pictures)
        if self.error:
            found['error'] = self.error
        return found


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
