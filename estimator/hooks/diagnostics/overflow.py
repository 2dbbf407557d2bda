"""`--npu_overflow_dump` on CPU and GPU: which layer left the finite numbers first, in a file.

The statistics of every activation, gradient and variable are part of each step while the flag is
on, because the step that overflows cannot be repeated. Must come before the NaN guard in the list
of hooks. On an Ascend device the flag configures the device's own overflow detection.
"""

import collections
import os

import numpy as np
import tensorflow.compat.v1 as tf

from common.console import say
from common.files import write_json
from estimator.hooks import published

FLOAT16_MAX = 65504.0
COLUMNS = ('min', 'max', 'mean', 'not_finite', 'beyond_float16')


def statistics(tensor):
    """float32 [5]: min, max and mean of the finite values, share of NaN and infinity, share of
    finite values beyond float16's range; zeros for the first three when nothing is finite.
    """
    values = tf.reshape(tf.cast(tensor, tf.float32), [-1])
    finite = tf.math.is_finite(values)
    share = tf.reduce_mean(tf.cast(finite, tf.float32))
    some = share > 0
    zeros = tf.zeros_like(values)
    kept = tf.where(finite, values, zeros)
    lowest = tf.reduce_min(tf.where(finite, values, zeros + np.inf))
    highest = tf.reduce_max(tf.where(finite, values, zeros - np.inf))
    beyond = tf.reduce_mean(tf.cast(tf.abs(kept) > FLOAT16_MAX, tf.float32))
    zero = tf.constant(0.0)
    return tf.stack([tf.where(some, lowest, zero), tf.where(some, highest, zero),
                     tf.reduce_mean(kept) / tf.where(some, share, zero + 1.0), 1.0 - share, beyond])


class DumpOverflow(tf.train.SessionRunHook):
    """Writes overflow_step_N.json for each step whose loss, activations or gradients overflow."""

    def __init__(self, directory):
        self._directory = directory

    def begin(self):
        named = collections.OrderedDict()
        for key, tensor in published.group('inputs').items():
            named['input', key] = tensor
        for key, tensor in published.group('endpoints').items():
            named['activation', key] = tensor
        for name in ('cross_entropy', 'weight_decay', 'loss'):
            named['loss', name] = published.tensor(name)
        # Backwards: the gradient that is computed first stands first.
        for key, tensor in reversed(list(published.group('gradients').items())):
            named['gradient', key] = tensor
        floats = [(key, tensor) for key, tensor in named.items() if tensor.dtype.is_floating]
        self._names = [key for key, _ in floats]
        self._shapes = [tensor.shape.as_list() for _, tensor in floats]
        self._fetches = {'statistics': tf.stack([statistics(tensor) for _, tensor in floats]),
                         'learning_rate': published.tensor('learning_rate')}
        if published.has('loss_scale'):
            self._fetches['loss_scale'] = published.tensor('loss_scale')
        self._step = tf.train.get_global_step()
        self._variables = [v for v in tf.global_variables() if v.dtype.is_floating]

    def before_run(self, run_context):
        self._before = int(run_context.session.run(self._step))
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        values = run_values.results
        rows = [_row(kind, name, shape, row) for (kind, name), shape, row in
                zip(self._names, self._shapes, values['statistics'])]
        bad = [row for row in rows if row['not_finite'] > 0]
        if not bad:
            return
        held = run_context.session.run(self._variables)
        rows += [_row('variable', v.op.name, v.shape.as_list(), _statistics_of(value))
                 for v, value in zip(self._variables, held)]
        layers = [row for row in bad if row['kind'] in ('activation', 'gradient')]
        report = {'step': self._before, 'learning_rate': values['learning_rate'],
                  'loss_scale': values.get('loss_scale'), 'first': bad[0],
                  'first_layer': layers[0] if layers else None, 'not_finite': len(bad),
                  'tensors': rows}
        path = free_path(self._directory, f'overflow_step_{self._before}', '.json')
        os.makedirs(self._directory, exist_ok=True)
        write_json(path, report)
        say(f'overflow   step {self._before}: {_told(bad[0], layers, rows)}; {len(bad)} tensors '
            f'overflow, statistics of all in {path}')


def _row(kind, name, shape, row):
    return dict({'kind': kind, 'name': name, 'shape': shape},
                **{column: float(value) for column, value in zip(COLUMNS, row)})


def _statistics_of(value):
    """statistics() of an array."""
    finite = value[np.isfinite(value)].astype(np.float64)
    beyond = np.count_nonzero(np.abs(finite) > FLOAT16_MAX) / value.size
    numbers = (finite.min(), finite.max(), finite.mean()) if finite.size else (0.0, 0.0, 0.0)
    return numbers + (1.0 - finite.size / value.size, beyond)


def _told(first, layers, rows):
    """The first tensor that is not finite, in words; where no layer is, the largest variable."""
    text = f'first not finite is {first["kind"]} {first["name"]}'
    if layers and layers[0] is not first:
        text += f', first layer is {layers[0]["kind"]} {layers[0]["name"]}'
    if layers:
        return text + f' ({layers[0]["not_finite"]:.2%} of its values)'
    variables = [row for row in rows if row['kind'] == 'variable']
    size, name = max((max(abs(row['min']), abs(row['max'])), row['name']) for row in variables)
    return text + f', no activation or gradient; the largest variable is {name} ({size:g})'


def free_path(directory, name, ending):
    """A path that does not exist yet: NAME, NAME_2, NAME_3 ..."""
    path, number = os.path.join(directory, name + ending), 1
    while os.path.exists(path):
        number += 1
        path = os.path.join(directory, f'{name}_{number}{ending}')
    return path
