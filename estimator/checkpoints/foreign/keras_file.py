"""Reading Keras' .h5, .weights.h5 and .keras files as plain arrays; no layer is ever built.

Three layouts: `group/.../leaf:0` of save_weights and of the published files, the same below
`model_weights` in a whole model, and `layers/<kind>_<number>/vars/<number>` of the newer
`.weights.h5`, where layers have numbers for names.
"""

import io
import json
import math
import os
import re
import zipfile

import numpy as np

from common.errors import CheckpointError
from estimator.checkpoints.foreign.tensors import Opened, Tensor

LARGEST_CONFIG = 32 << 20
MOST_ENTRIES = 50000
# A layer's array where layers have numbers for names.
NUMBERED = re.compile(r'^(?:_layer_checkpoint_dependencies|layers)/(?:.*/)?(\w+)/vars/(\d+)$')
# keras/applications/efficientnet.py; the published files scale by its root a second time.
IMAGENET_STDDEV = (0.229, 0.224, 0.225)


def recognises(head):
    """Whether the first bytes are HDF5's."""
    return head[:8] == b'\x89HDF\r\n\x1a\n'


def recognises_archive(path):
    """Whether a zip archive is a .keras file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return 'model.weights.h5' in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def read_archive(path):
    """Opened of a .keras file: its model.weights.h5."""
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo('model.weights.h5')
        if entry.file_size > 4 * os.path.getsize(path):
            raise CheckpointError(f'{path} claims {entry.file_size} bytes of weights in a file of '
                                  f'{os.path.getsize(path)}. It is not opened.')
        try:
            content = archive.read(entry)
        except (OSError, zipfile.BadZipFile, ValueError) as error:
            raise CheckpointError(f'{path} is damaged ({error}). Download it again.')
    return read(path, io.BytesIO(content))


def read(path, stream=None):
    """Opened of an HDF5 file; CheckpointError when it is damaged.

    stream: the bytes, when they are not those of the path. The arrays are read at once, those
    that a link takes out of the file are not.
    """
    import h5py
    try:
        with h5py.File(stream or path, 'r') as held:
            root = held['model_weights'] if 'model_weights' in held else held
            tensors = {}
            _collect(root, '', tensors)
            second = _second_rescaling(held)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f'{path}: not a readable HDF5 file ({str(error)[:200]}). '
                              'Download it again.')
    numbered = [name for name in tensors if NUMBERED.match(name)]
    tensors = {_key(name, tensors[name][0]): _tensor(path, stream, *tensors[name])
               for name in numbered or tensors}     # not what an optimizer and metrics keep beside
    values, notes = _normalization(tensors, second)
    return Opened('Keras', tensors, values, notes)


def _collect(group, prefix, found, visited=None):
    """{name: (shape, name in the file)} of every array that lies in the file itself."""
    import h5py
    visited = visited if visited is not None else []
    for name in group:
        visited.append(name)
        if len(visited) > MOST_ENTRIES:      # groups that hold each other
            raise ValueError(f'more than {MOST_ENTRIES} entries')
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        item, place = group[name], f'{prefix}{name}'
        if isinstance(item, h5py.Group):
            if prefix.count('/') < 12:
                _collect(item, place + '/', found, visited)
        elif item.dtype.kind in 'fiu' and not item.external and not item.is_virtual:
            found[place] = tuple(item.shape), item.name


def _tensor(path, stream, shape, where):
    def load():
        import h5py
        try:
            with h5py.File(stream or path, 'r') as held:
                return np.asarray(held[where], np.float32)
        except (OSError, RuntimeError, KeyError) as error:
            raise CheckpointError(f'{path}: {where} cannot be read ({str(error)[:200]}). '
                                  'Download the file again.')
    return Tensor(shape, load)


def _key(name, shape):
    """layer/leaf, whatever groups lie around: model/Conv1/Conv1/kernel:0 is Conv1/kernel.

    Keras 3 calls a depthwise kernel [k, k, channels, 1] kernel, too; Keras 2 does not.
    """
    numbered = NUMBERED.match(name)
    if numbered:
        return '/'.join(numbered.groups())
    parts = name.split(':')[0].split('/')[-2:]
    if parts[-1] == 'kernel' and len(shape) == 4 and shape[0] > 1 == shape[3]:
        parts[-1] = 'depthwise_kernel'
    return '/'.join(parts)


def _second_rescaling(held):
    """Factors of the Rescaling after the Normalization in a whole model's file, or None."""
    text = held.attrs.get('model_config')
    if text is None or len(text) > LARGEST_CONFIG:
        return None
    text = text.decode('utf-8') if isinstance(text, bytes) else text
    layers = json.loads(text).get('config', {}).get('layers', [])
    factors = [layer['config'].get('scale') for layer in layers
               if layer.get('class_name') == 'Rescaling']
    return factors[1] if len(factors) > 1 else 1.0


def _normalization(tensors, second):
    """(flags, notes): what an EfficientNet's Rescaling and Normalization do, as mean and std.

    The network sees ((pixel / 255 - mean) / sqrt(variance)) * second. The published weights hold
    the standard deviation where the variance belongs, and a second factor of 1 / sqrt(std) makes
    up for it; the factor is in no file of weights, so the value of the variance tells.
    """
    held = {}
    for key, tensor in tensors.items():
        found = re.match(r'^normalization(?:_\d+)?/(mean|variance|0|1)$', key)
        if found:
            held[{'0': 'mean', '1': 'variance'}.get(found.group(1), found.group(1))] = tensor
    if len(held) < 2:
        return {}, ()
    mean, variance = held['mean'], held['variance']
    if mean.shape not in ((3,), (1, 1, 1, 3)) or variance.shape != mean.shape:
        return {}, ()
    mean, variance = mean.read().ravel(), variance.read().ravel()
    if second is None:
        published = np.allclose(variance, IMAGENET_STDDEV, rtol=1e-3)
        second = [1 / math.sqrt(value) for value in IMAGENET_STDDEV] if published else 1.0
    std = np.sqrt(np.maximum(variance, 1e-14)) / np.asarray(second, np.float64)
    flags = {'pixel_mean': tuple(round(float(255 * value), 6) for value in mean),
             'pixel_std': tuple(round(float(255 * value), 6) for value in std)}
    return flags, ('its Normalization and Rescaling layers are --pixel_mean and --pixel_std',)
