"""`--profiling`, `--npu_dump_data` and `--npu_dump_graph` on CPU and GPU.

On an Ascend device the same flags configure the device's own profiler and dump (session.py).
"""

import os
import re

import numpy as np
import tensorflow.compat.v1 as tf

from estimator.hooks import published

# Steps of a session that the profiler records: late enough to leave the start-up out.
PROFILED = 5


def hooks(params, device):
    """The hooks that these flags ask for on this device."""
    if device.kind == 'npu':
        return []
    wanted = []
    if params.profiling:
        os.makedirs(params.profiling_dir, exist_ok=True)
        wanted.append(tf.train.ProfilerHook(
            save_steps=PROFILED, output_dir=params.profiling_dir, show_memory=True))
    if params.npu_dump_graph:
        wanted.append(DumpGraph(params.dump_dir))
    if params.npu_dump_data:
        wanted.append(DumpData(params.dump_dir, steps(params.data_dump_step)))
    if params.npu_overflow_dump:
        wanted.append(DumpOverflow(params.dump_dir))
    return wanted


def steps(text):
    """Steps out of Ascend's syntax `0|5|10-20`."""
    found = set()
    for part in str(text).split('|'):
        first, _, last = part.partition('-')
        found.update(range(int(first), int(last or first) + 1))
    return found


class DumpGraph(tf.train.SessionRunHook):
    """Writes graph.pbtxt once."""

    def __init__(self, directory):
        self._directory = directory

    def after_create_session(self, session, coord):
        os.makedirs(self._directory, exist_ok=True)
        tf.train.write_graph(session.graph_def, self._directory, 'graph.pbtxt')


class DumpData(tf.train.SessionRunHook):
    """Writes all variables and the published tensors as step_N.npz at the chosen steps."""

    def __init__(self, directory, chosen):
        self._directory = directory
        self._chosen = chosen

    def begin(self):
        self._step = tf.train.get_global_step()
        self._tensors = {name: published.tensor(name) for name in
                         ('loss', 'cross_entropy', 'learning_rate', 'gradient_norm')}
        self._variables = {v.op.name: v for v in tf.global_variables()}

    def after_create_session(self, session, coord):
        self._count = int(session.run(self._step))

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._tensors if self._count in self._chosen else {})

    def after_run(self, run_context, run_values):
        if self._count in self._chosen:
            values = dict(run_context.session.run(self._variables), **run_values.results)
            write(self._directory, f'step_{self._count}', values)
        self._count += 1


class DumpOverflow(tf.train.SessionRunHook):
    """Writes overflow_N.npz with every non-finite variable when loss or gradient overflows."""

    def __init__(self, directory):
        self._directory = directory

    def begin(self):
        self._fetches = {name: published.tensor(name) for name in ('loss', 'gradient_norm')}
        self._fetches['step'] = tf.train.get_global_step()
        self._variables = {v.op.name: v for v in tf.global_variables()}

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        values = run_values.results
        if np.isfinite(values['loss']) and np.isfinite(values['gradient_norm']):
            return
        held = run_context.session.run(self._variables)
        bad = {n: v for n, v in held.items() if v.dtype.kind == 'f' and not np.isfinite(v).all()}
        write(self._directory, f'overflow_{values["step"]}', dict(bad, **values))


def write(directory, name, values):
    """One .npz; slashes of variable names become dots."""
    os.makedirs(directory, exist_ok=True)
    np.savez(os.path.join(directory, name + '.npz'),
             **{re.sub('/', '.', key): value for key, value in values.items()})
