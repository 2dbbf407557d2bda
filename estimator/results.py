"""The files of a run: params.json, every resolved flag, and labels.txt; result.json, what came of
it."""

import contextlib
import os
import platform

import numpy as np
import tensorflow.compat.v1 as tf

from common import labels_file, storage
from common.errors import StorageError
from common.files import read_record, write_bytes, write_json


def versions():
    """What a number depends on besides the code."""
    return {'tensorflow': tf.version.VERSION, 'numpy': np.__version__,
            'python': platform.python_version(), 'machine': platform.machine()}


# What an evaluation must share with the training to be one of its run.
OF_AN_EVALUATION = ('data', 'eval_split', 'num_eval_images', 'dataset_classes', 'num_classes',
                    'image_size')


def resolved(job):
    """What device and data made of the flags, for params.json."""
    data = job.inputs.describe()
    return {'global_batch': job.global_batch, 'num_devices': job.run.device.count,
            'train_steps': job.run.plan and job.run.plan.train_steps, 'data': data['source'],
            'eval_split': job.params.eval_split, 'tensorflow': tf.version.VERSION,
            **{name: data[name] for name in (
                'num_train_images', 'num_eval_images', 'dataset_classes', 'num_classes',
                'image_size')}}


def resolved_of(model_dir):
    """The same of the training in a model_dir; {} when it is not known."""
    return (read_record(os.path.join(model_dir, 'params.json')) or {}).get('resolved') or {}


def global_batch(job):
    """Images of a step of the checkpoints in a job's model_dir, by the record of their training."""
    return resolved_of(job.params.model_dir).get('global_batch', job.global_batch)


def epoch(job, step):
    """Epochs the checkpoint of a step has seen, a float; '' where nobody knows their images."""
    images = (resolved_of(job.params.model_dir).get('num_train_images')
              or job.inputs.num_train_images)
    return round(step * global_batch(job) / images, 4) if images else ''


@contextlib.contextmanager
def described(job):
    """Keeps, while a job trains, params.json and the names of its classes.

    params.json: every flag, under 'resolved' what became of them, under 'sources' where each came
    from. A training that fails before its first checkpoint leaves the record of the one before.
    """
    folder = job.params.model_dir
    paths = [os.path.join(folder, name) for name in ('params.json', labels_file.FILE)]
    before = [storage.read_bytes(path) if storage.is_file(path) else None for path in paths]
    known, step = read_record(paths[0]), job.step()
    describe(job)
    try:
        yield
    except Exception:
        with contextlib.suppress(StorageError):
            if known and job.step() == step:
                for path, content in zip(paths, before):
                    if content is not None:
                        write_bytes(path, content)
        raise


def describe(job, unless_known=False):
    """Writes params.json and, where the classes have names, labels.txt.

    unless_known: not where there is a record already.
    """
    folder = job.params.model_dir
    if unless_known and resolved_of(folder):
        return
    write_json(os.path.join(folder, 'params.json'), dict(
        job.params._asdict(), resolved=resolved(job), sources=job.params.sources()))
    if job.inputs.class_names:
        labels_file.write(folder, job.inputs.class_names)


class Record:
    """What a run has measured so far; a failed run leaves what it had.

    training: {'loss', 'train_accuracy'} of the last batch; evaluation: metrics of the last
    evaluation; apart: why it is none of the training's, or None; evaluations: those of --eval_all;
    pictures: paths; report: paths, None where none was tried; error: what ended the run.
    """

    def __init__(self):
        self.training, self.evaluation, self.pictures, self.error = {}, {}, (), None
        self.evaluations, self.report, self.apart = [], None, None

    def values(self):
        """Everything measured, under the names of result.json."""
        found = dict(self.training)
        found.update((name, value) for name, value in self.evaluation.items()
                     if name not in ('loss', 'global_step'))
        if self.evaluations:
            found['evaluations'] = self.evaluations
        if self.pictures:
            found['pictures'] = list(self.pictures)
        if self.report:
            found['report'] = list(self.report)
        if self.error:
            found['error'] = self.error
        return found


def _kept(path, result):
    """What an earlier run measured and this one, to the same step, did not."""
    earlier = read_record(path) or {}
    if earlier.get('global_step') != result['global_step'] or not result['global_step']:
        return {}
    return {name: earlier[name] for name in ('images_per_sec', 'loss', 'train_accuracy')
            if result.get(name) is None and earlier.get(name) is not None}


def write_result(path, status, params, measured):
    """result.json, or the same of an evaluation; absent numbers are null. Returns the path."""
    result = {'status': status, 'model_name': params.model_name, 'global_step': None,
              'examples_seen': None, 'images_per_sec': None, 'loss': None,
              'top_1_accuracy': None, 'top_5_accuracy': None, 'weights': None,
              'eval_examples': None, 'checkpoint': None, 'duration_sec': None, 'precision': None,
              'versions': versions(), 'params': params._asdict()}
    result.update(measured)
    result.update(_kept(path, result))
    write_json(path, result)
    return path
