"""Runs the program for the tests: in this process where that is enough, as a command elsewhere."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from common import storage
from models import mobilenet_v1

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# The cheapest network and shapes that still have batch norm, dropout and averages.
SMALL = dict(model_name='mobilenet_v1_025', dataset='synthetic', num_train_images=64,
             num_eval_images=10, input_image_size=32, train_batch_size=8, eval_batch_size=4,
             num_label_classes=10, dropout_rate=0.5, moving_average_decay=0.9, learning_rate=0.01,
             log_step_count_steps=1, save_summary_steps=0)
PAIRS = mobilenet_v1.SEPARABLE
# Environment in which a process has the same as `shallow`.
SHALLOW = {'PYTHONPATH': os.path.join(ROOT, 'test', 'shallow')}


@contextlib.contextmanager
def shallow(pairs=3, wide=0):
    """MobileNetV1 with the first few of its 13 pairs of layers, in this process.

    wide: how many of the last follow, for files that must be mostly weights.

    Building graphs is most of what a short run costs. (A program started by a test has all layers,
    or the first three in the environment SHALLOW.)
    """
    before, mobilenet_v1.SEPARABLE = mobilenet_v1.SEPARABLE, (
        PAIRS[:pairs] + PAIRS[len(PAIRS) - wide:])
    try:
        yield
    finally:
        mobilenet_v1.SEPARABLE = before


def flags_of(values):
    """A dict as command-line words; without those that are None."""
    return [f'--{name}={value}' for name, value in values.items() if value is not None]


def run(model_dir, **changes):
    """main.main() on the small set-up; returns (exit code, the run's result)."""
    import main
    values = dict(SMALL, model_dir=model_dir)
    values.update(changes)
    code = main.main(['main.py'] + flags_of(values))
    if values.get('mode') != 'eval':
        return code, result_of(model_dir)
    name = values.get('eval_name')
    return code, result_of(model_dir, f'evaluation_{name}.json' if name else 'evaluation.json')


def main_code(*words):
    """Exit code of main.py's words in this process, as its last lines make it."""
    import main
    try:
        return main.main(['main.py'] + [str(word) for word in words])
    except Exception as error:  # pylint: disable=broad-except
        if not hasattr(error, 'exit_code'):
            raise
        return main.report(error)


def trained(folder, **changes):
    """A model_dir as `run` leaves it; the same training is done once a process, then copied."""
    kept = _trained(tuple(sorted(changes.items())), mobilenet_v1.SEPARABLE)
    for name in os.listdir(kept):
        path, copy = os.path.join(kept, name), os.path.join(str(folder), name)
        (shutil.copytree if os.path.isdir(path) else shutil.copy2)(path, copy)


@functools.lru_cache(None)
def _trained(changes, pairs):
    del pairs       # part of the key: it is another network
    folder = tempfile.mkdtemp(prefix='trained-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    assert run(folder, **dict(changes))[0] == 0
    return folder


def result_of(model_dir, name='result.json'):
    """result.json of a model_dir, or the file of an evaluation."""
    return json.loads(storage.read_text(os.path.join(str(model_dir), name)))


def command(*words, **keywords):
    """The words as a command in a process of its own: CompletedProcess with text output."""
    keywords.setdefault('cwd', ROOT)
    environment = dict(os.environ, PYTHON=sys.executable, **keywords.pop('env', {}))
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, env=environment,
                          timeout=300, **keywords)


def main_command(*words, **keywords):
    """`python main.py words...` in a process of its own."""
    return command(sys.executable, os.path.join(ROOT, 'main.py'), *words, **keywords)


def variables(prefix_or_dir):
    """{name: value} of a checkpoint."""
    if not storage.exists(f'{prefix_or_dir}.index'):
        prefix_or_dir = tf.train.latest_checkpoint(str(prefix_or_dir))
    reader = tf.train.NewCheckpointReader(str(prefix_or_dir))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same_variables(first, second):
    """Both checkpoints hold the same names with the same bits."""
    a, b = variables(first), variables(second)
    assert sorted(a) == sorted(b)
    different = [name for name in a if not np.array_equal(a[name], b[name])]
    assert different == []
