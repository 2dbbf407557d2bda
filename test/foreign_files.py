"""Writes files of weights as other frameworks do, for the tests; no framework is needed."""

import json
import struct

import numpy as np

from estimator.checkpoints.foreign import names


def safetensors(path, arrays, changes=None):
    """Writes {name: array} as .safetensors; changes: header entries to write instead."""
    header, blob = {'__metadata__': {'format': 'pt'}}, b''
    for name, array in arrays.items():
        kind = {'f4': 'F32', 'f2': 'F16', 'i8': 'I64'}[array.dtype.str[1:]]
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {'dtype': kind, 'shape': list(array.shape),
                        'data_offsets': [len(blob), len(blob) + len(data)]}
        blob += data
    header.update(changes or {})
    text = json.dumps(header).encode()
    with open(str(path), 'wb') as stream:
        stream.write(struct.pack('<Q', len(text)) + text + blob)


def theirs(network, dialect, num_classes=None, seed=0, **arguments):
    """{canonical key: array} of a network in a dialect, with random values, as a file has them."""
    plan = network.plan(network.options(**arguments))
    shapes, random, held = network.variables(num_classes, **arguments), np.random.RandomState(
        seed), {}
    for row in names.rows(plan, dialect):
        shape = shapes[row.variable]
        if row.variable.endswith(('gamma', 'moving_variance')):
            value = random.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            value = random.normal(0, 0.1, shape)
        else:
            value = random.normal(0, (2 / np.prod(shape[:-1])) ** 0.5, shape)
        if row.axes:
            value = value.reshape(shape[-len(row.axes):]) if not row.through else value.reshape(
                [row.through[axis] for axis in row.axes])
            value = value.transpose(np.argsort(row.axes))
        if row.through:
            value = value.reshape(row.through[0], -1)
        held[row.key] = value.astype(np.float32)
    return held


def timm_keys(arrays, stages):
    """Under timm's own keys: block n of the maps is blocks.stage.repeat of these stages."""
    places = [(stage, repeat) for stage, repeats in enumerate(stages) for repeat in range(repeats)]

    def key(name):
        if not name.startswith('blocks.'):
            return name
        _, number, rest = name.split('.', 2)
        return 'blocks.{}.{}.'.format(*places[int(number)]) + rest

    return {key(name): array for name, array in arrays.items()}
