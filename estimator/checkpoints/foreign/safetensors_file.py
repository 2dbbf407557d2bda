"""Reading .safetensors: a length, a JSON header of names, types, shapes and offsets, raw bytes.

Format: huggingface/safetensors, README. Nothing in it can run, and no tensor is larger than the
file; what the header claims is checked against the file before anything is read.
"""

import json
import os

import numpy as np

from common.errors import CheckpointError
from estimator.checkpoints.foreign.tensors import Opened, Tensor, without_prefix

LARGEST_HEADER = 100 << 20      # the format's own bound
TYPES = {'F64': np.float64, 'F32': np.float32, 'F16': np.float16, 'BF16': np.uint16,
         'I64': np.int64, 'I32': np.int32, 'I16': np.int16, 'I8': np.int8, 'U8': np.uint8,
         'BOOL': np.bool_}


def recognises(head):
    """Whether the first 16 bytes of a file are a .safetensors header's."""
    return 1 < int.from_bytes(head[:8], 'little') <= LARGEST_HEADER and head[8:9] == b'{'


def read(path):
    """Opened of a .safetensors file; CheckpointError when it is damaged."""
    size = os.path.getsize(path)
    with open(path, 'rb') as stream:
        length = int.from_bytes(stream.read(8), 'little')
        if length > min(size - 8, LARGEST_HEADER):
            raise CheckpointError(f'{path} is cut off: its header should have {length} bytes, the '
                                  f'file has {size}. Download it again.')
        try:
            header = json.loads(stream.read(length).decode('utf-8'))
            entries = {name: row for name, row in header.items() if name != '__metadata__'}
            tensors = {name: _tensor(path, 8 + length, size, name, row)
                       for name, row in entries.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(f'{path}: its header is damaged ({type(error).__name__}: '
                                  f'{str(error)[:200]}). Download it again.')
    return Opened('safetensors', without_prefix(tensors))


def _tensor(path, start, size, name, row):
    kind, (begin, end) = row['dtype'], row['data_offsets']
    shape = tuple(row['shape'])
    if kind not in TYPES:
        raise ValueError(f'{name} is of type {kind}')
    if not all(isinstance(number, int) and number >= 0 for number in shape + (begin, end)):
        raise ValueError(f'{name} has the shape {shape}')
    count = 1
    for extent in shape:
        count *= extent
    if end - begin != count * np.dtype(TYPES[kind]).itemsize:
        raise ValueError(f'{name} {list(shape)} does not fill its {end - begin} bytes')
    if start + end > size:
        raise CheckpointError(f'{path} is cut off: {name} ends at byte {start + end}, the file has '
                              f'{size}. Download it again.')

    def load():
        with open(path, 'rb') as stream:
            stream.seek(start + begin)
            array = np.frombuffer(stream.read(end - begin), TYPES[kind]).reshape(shape)
        if kind == 'BF16':      # the upper half of a float32
            return (array.astype(np.uint32) << 16).view(np.float32)
        return array.astype(np.float32)

    return Tensor(shape, load)
