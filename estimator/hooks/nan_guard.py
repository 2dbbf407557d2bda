"""Stops a run at the first NaN or infinity, before it can reach a checkpoint, and says where.

Loss and gradient are looked at in every step. A variable can break without them (an average, a
slot of the optimizer, a batch statistic), so all are looked at before a checkpoint is written.
"""

import math

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import NanError
from estimator.hooks import published

NEXT = ('The last checkpoint is intact. Continue from it with a lower --base_learning_rate or '
        '--learning_rate, or with --gradient_clip_norm=1.')
WATCHED = ('loss', 'gradient_norm')


class NanGuard(tf.train.SessionRunHook):
    """Checks loss and gradient norm of every step; must come before the saver in the hook list.

    leaves_out: whether an update with overflowing gradients is left out (precision.leaves_out);
    then that is no error, and only the loss is watched.
    """

    def __init__(self, leaves_out=False):
        self._watched = WATCHED[:1] if leaves_out else WATCHED
        self._last_finite = None

    def begin(self):
        self._fetches = {name: published.tensor(name) for name in WATCHED + ('learning_rate',)}
        self._fetches['step'] = tf.train.get_global_step()

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        values = run_values.results
        for name in self._watched:
            if not math.isfinite(values[name]):
                raise NanError(self._diagnosis(run_context.session, name, values))
        self._last_finite = values['loss']

    def _diagnosis(self, session, name, values):
        variables = tf.global_variables()
        bad = [v.op.name for v, value in zip(variables, session.run(variables))
               if value.dtype.kind == 'f' and not np.all(np.isfinite(value))]
        lines = [f'{name} is {values[name]} at step {values["step"]} '
                 f'(learning rate {values["learning_rate"]:g}, last finite loss '
                 f'{self._last_finite if self._last_finite is not None else "none"}).']
        lines.append(f'{len(bad)} of {len(variables)} variables are not finite'
                     + (f', first: {", ".join(bad[:3])}.' if bad else
                        ': the inputs or the loss, not the weights, are the likely cause.'))
        return '\n'.join(lines + [NEXT])


class FiniteVariables:
    """Looks at every floating-point variable of the graph: weights, statistics, averages, slots.

    Outside the graph: a check in it is thousands of operations, seconds before the first step. What
    is fetched is what a checkpoint holds, so a save needs as much memory.
    """

    def __init__(self):
        self._variables = [v for v in tf.global_variables() if v.dtype.base_dtype.is_floating]

    def check(self, session, step):
        """NanError: not all are finite."""
        bad = [v.op.name for v, value in zip(self._variables, session.run(self._variables))
               if not np.isfinite(value).all()]
        if bad:
            raise NanError(f'No checkpoint is written at step {step}: {len(bad)} of '
                           f'{len(self._variables)} variables are not finite, first: '
                           f'{", ".join(bad[:3])}.\n{NEXT}')
