"""`--npu_dump_data` and `--npu_dump_graph` on CPU and GPU: one file a step, for a comparison.

On an Ascend device the same flags configure the device's own dump. `--mode=compare` reads what is
written here.
"""

import collections
import os

import numpy as np
import tensorflow.compat.v1 as tf

from common.console import say, warn
from estimator.hooks import published
from estimator.hooks.diagnostics.steps import Steps

LOSS_PARTS = ('loss', 'cross_entropy', 'weight_decay')
NUMBERS = ('learning_rate', 'gradient_norm')


class DumpGraph(tf.train.SessionRunHook):
    """Writes graph.pbtxt once."""

    def __init__(self, directory):
        self._directory = directory
        self._written = False

    def after_create_session(self, session, coord):
        if not self._written:
            os.makedirs(self._directory, exist_ok=True)
            tf.train.write_graph(session.graph_def, self._directory, 'graph.pbtxt')
            say(f'graph      {os.path.join(self._directory, "graph.pbtxt")}')
        self._written = True


class DumpData(tf.train.SessionRunHook):
    """Writes step_N.npz: everything the update from step N to N + 1 is made of.

    Keys, in the order of computation: `inputs/`, `variables/` (weights and batch statistics),
    `optimizer/` (slots, averages and the other variables), `endpoints/`, `loss/`, `gradients/`,
    `numbers/`. Variables are read before the step, the rest is fetched from the step itself, so a
    file is one consistent state. chosen: Steps, or None for the first step of the run. examples:
    images of the batch of which inputs and activations are kept; 0 keeps all. Under accumulation
    each micro-batch of a step has its file. throughput: progress.Throughput, told to leave the
    dumped steps out.
    """

    def __init__(self, directory, chosen, train_steps, throughput, examples=0):
        self._directory = directory
        self._chosen = chosen
        self._end = train_steps
        self._throughput = throughput
        self._examples = examples
        self._started = False
        self._now = 0
        self._parts = collections.Counter()

    def begin(self):
        self._step = tf.train.get_global_step()
        self._variables = {_kind(v.op.name) + v.op.name: v for v in tf.global_variables()}
        self._tensors = {}
        for group in ('inputs', 'endpoints'):
            for key, tensor in published.group(group).items():
                kept = tensor[:self._examples] if self._examples else tensor
                self._tensors[f'{group}/{key}'] = kept
        for name in LOSS_PARTS:
            self._tensors[f'loss/{name}'] = published.tensor(name)
        for key, tensor in published.group('gradients').items():
            self._tensors[f'gradients/{key}'] = tensor
        for name in NUMBERS:
            self._tensors[f'numbers/{name}'] = published.tensor(name)

    def after_create_session(self, session, coord):
        if not self._started:
            step = int(session.run(self._step))
            if self._chosen is None:
                self._chosen = Steps(step)
            _warn_of_impossible(self._chosen, step, self._end)
        self._started = True

    def before_run(self, run_context):
        self._held = None
        if self._now > self._chosen.last:
            return None
        self._now = int(run_context.session.run(self._step))
        if self._now not in self._chosen:
            return None
        self._throughput.leave_out()
        self._held = run_context.session.run(self._variables)
        return tf.train.SessionRunArgs(self._tensors)

    def after_run(self, run_context, run_values):
        if self._held is None:
            return
        self._parts[self._now] += 1
        part = self._parts[self._now]
        values = _in_order(dict(self._held, **run_values.results))
        values['numbers/step'] = np.int64(self._now)
        name = f'step_{self._now}' + (f'_micro_{part}' if part > 1 else '') + '.npz'
        path = write(self._directory, name, values)
        say(f'dump       {path}: {len(values)} tensors of step {self._now}, before its update; '
            f'list it with python main.py --mode=compare --dump_dir={self._directory}')


def _kind(name):
    """Group of a variable: 'variables/' for the network's own, 'optimizer/' for the others."""
    own = {v.op.name for v in tf.trainable_variables()}
    statistics = name.endswith(('/moving_mean', '/moving_variance'))
    return 'variables/' if name in own or statistics else 'optimizer/'


def _in_order(values):
    groups = ('inputs/', 'variables/', 'optimizer/', 'endpoints/', 'loss/', 'gradients/',
              'numbers/')
    return {key: _plain(values[key]) for group in groups for key in values
            if key.startswith(group)}


def _plain(value):
    """The array in a type that every numpy reads: bfloat16 as float32."""
    value = np.asarray(value)
    return value.astype(np.float32) if value.dtype.kind == 'V' else value


def _warn_of_impossible(chosen, start, end):
    outside = chosen.impossible(start, end)
    if outside:
        warn(f'--data_dump_step={chosen.text}: this run takes steps {start} to {end - 1}, so '
             f'nothing is dumped for {outside}; leave the flag out for the first step of a run')


def write(directory, name, values):
    """Writes an .npz whole or not at all; returns its path."""
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, name)
    with open(path + '.tmp', 'wb') as stream:
        np.savez(stream, **values)
    os.replace(path + '.tmp', path)
    return path
