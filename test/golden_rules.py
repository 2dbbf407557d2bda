"""The rules of the goldens (test/goldens/README.md), their files, and how two are compared.

Without TensorFlow, so that originals of other frameworks can be run by them.
"""

import json
import os
import zlib

import numpy as np

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'goldens')


def read_json(model, name):
    with open(os.path.join(ROOT, model, f'{name}.json')) as handle:
        return json.load(handle)


def read_npz(model, name):
    return np.load(os.path.join(ROOT, model, f'{name}.npz'))


def weights(name, shape, gain, fan_in=None, rule=None):
    """The value of a variable: a pure function of its name in the original and its shape."""
    draws = np.random.RandomState(zlib.crc32(name.encode()) & 0xffffffff)
    rule = rule or rule_of(name)
    if rule == 'positive':
        value = draws.uniform(0.5, 1.5, shape)
    elif rule == 'shift':
        value = draws.normal(0, 0.1, shape)
    else:
        value = draws.normal(0, np.sqrt(gain / fan_in), shape)
    return value.astype(np.float32)


def rule_of(name):
    """'positive', 'shift' or 'kernel', from a TensorFlow variable's name."""
    if name.endswith(('gamma', 'moving_variance')):
        return 'positive'
    if name.endswith(('beta', 'bias', 'biases', 'moving_mean')):
        return 'shift'
    return 'kernel'


def images(seed, batch, size):
    """Uniform images in [-1, 1); the generator comes back for further draws."""
    draws = np.random.RandomState(seed)
    return draws.uniform(-1, 1, (batch, size, size, 3)).astype(np.float32), draws


def write(folder, files):
    """Writes the files of make()."""
    os.makedirs(folder, exist_ok=True)
    for name, content in files.items():
        path = os.path.join(folder, name)
        if name.endswith('.npz'):
            np.savez_compressed(path, **content)
        else:
            with open(path, 'w') as stream:
                json.dump(content, stream, indent=1)


def differences(folder, files):
    """Lines (file, key, largest relative difference) against stored goldens."""
    for name, content in sorted(files.items()):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            yield f'{name}: not stored'
            continue
        if name.endswith('.npz'):
            stored = np.load(path)
        else:
            with open(path) as stream:
                stored = json.load(stream)
        for key, value in content.items():
            if key in stored:
                yield f'{name} {key}: {_difference(value, stored[key])}'


def _difference(made, stored):
    if isinstance(made, dict):
        made, stored = [[part[key] for key in sorted(stored)] for part in (made, stored)]
    if isinstance(made, (str, list)) and not _numbers(made):
        same = [_bare(row) for row in made] == [_bare(row) for row in stored]
        return 'equal' if same else 'DIFFERENT'
    made, stored = np.asarray(made, np.float64), np.asarray(stored, np.float64)
    return f'{np.abs(made - stored).max() / max(np.abs(stored).max(), 1e-30):.1e}'


def _numbers(values):
    return isinstance(values, list) and all(isinstance(v, (int, float, np.number)) for v in values)


def _bare(row):
    """A row of variables.json without what only documents it; anything else as text."""
    return {key: row.get(key) for key in ('name', 'shape', 'fan_in')} if isinstance(row, dict) \
        else str(row)
