"""What a device compiles: static shapes, operators it has, the same fetches in every run."""

import hashlib
import os

import tensorflow.compat.v1 as tf

from npu_bridge import records
from npu_bridge.optimizers import SCOPE

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'operators.txt')) as _stream:
    OPERATORS = frozenset(_stream.read().split())
# The source of the data: the adapter moves it to the host by itself.
SOURCE = ('IteratorGetNext', 'IteratorV2', 'OneShotIterator')


def ancestors(operations):
    """All operations that the given ones need."""
    seen, todo = set(), list(operations)
    while todo:
        operation = todo.pop()
        if operation not in seen:
            seen.add(operation)
            todo += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return seen


def _names(fetches):
    """Names of all tensors and operations in what session.run gets."""
    if isinstance(fetches, dict):
        fetches = list(fetches.values())
    if isinstance(fetches, (list, tuple)):
        return [name for item in fetches for name in _names(item)]
    if hasattr(fetches, 'fetches'):     # SessionRunArgs
        return _names(fetches.fetches)
    return [] if fetches is None else [getattr(fetches, 'name', str(fetches))]


class Audit(tf.train.SessionRunHook):
    """Writes down what of a graph a device could not run, and each new set of fetches."""

    def __init__(self, mode, operations):
        self._mode, self._operations = mode, operations

    def look(self):
        """Writes down the shapes and operators of the graph that a device could not run."""
        used = ancestors(self._operations)
        dynamic = [t.name for op in used if op.type == 'IteratorGetNext' for t in op.outputs
                   if not t.shape.is_fully_defined()]
        foreign = {op.type for op in used if op.type not in OPERATORS and op.type not in SOURCE
                   and not op.name.startswith(SCOPE)}
        records.write('audit', mode=self._mode, operations=len(used), dynamic=sorted(dynamic),
                      foreign=sorted(foreign))

    def after_create_session(self, session, coord):
        self.look()
        self._seen, run = set(), session.run

        def watched(fetches, *args, **kwargs):
            names = frozenset(_names(fetches))
            # alone it is a repetition of the loop, which a device makes by itself
            alone = names == {'IterationOp'}
            wanted = names & {op.name for op in self._operations}
            if wanted and not alone and names not in self._seen:
                self._seen.add(names)
                records.write('fetches', mode=self._mode, names=sorted(names))
            return run(fetches, *args, **kwargs)
        session.run = watched

    def end(self, session):
        if self._mode != 'train':
            return
        step, values = session.run([tf.train.get_global_step(), tf.trainable_variables()])
        slots = session.run([v for v in tf.global_variables() if v.op.name.endswith('Momentum')])
        digest = hashlib.sha256(b''.join(value.tobytes() for value in values + slots))
        records.write('weights', step=int(step), sha256=digest.hexdigest())
