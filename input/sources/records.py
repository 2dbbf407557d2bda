"""TFRecord files: walking the framing, counting, parsing an Example without a session.

Framing of a record: length uint64, its masked CRC uint32, payload, masked CRC of the payload.
"""

import os
import struct
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import tensorflow.compat.v1 as tf

from common.errors import DataError
from input import tfrecord

VERIFY = 'python convert_tfrecord.py --verify'

# image and label: the keys of the two features a reader needs.
Layout = namedtuple('Layout', 'name image label')
LAYOUTS = tuple(Layout(name, *keys) for name, keys in zip(('slim', 'tfds'), tfrecord.KEYS))


def walk(path):
    """Yields (offset, payload length) of every record; reads 12 bytes a record.

    Raises:
        DataError: the file ends inside a record.
    """
    size = os.path.getsize(path)
    offset = index = 0
    with open(path, 'rb', buffering=0) as stream:
        while offset < size:
            stream.seek(offset)
            header = stream.read(12)
            length = struct.unpack('<Q', header[:8])[0] if len(header) == 12 else size
            if offset + 16 + length > size:
                raise DataError(
                    f'{path}: record {index} is truncated or its length is damaged (it starts at '
                    f'byte {offset}, the file has {size} bytes). Copy the file again, or type: '
                    f'{VERIFY} {os.path.dirname(path)}')
            yield offset, length
            offset += 16 + length
            index += 1


def head(path, count):
    """The first `count` payloads."""
    found = []
    for position, (offset, length) in enumerate(walk(path)):
        if position == count:
            break
        with open(path, 'rb') as stream:
            stream.seek(offset + 12)
            found.append(stream.read(length))
    return found


def count(path):
    """Number of records in one file."""
    return sum(1 for _ in walk(path))


def count_all(paths):
    """Number of records of every file, walked by several threads."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(count, paths))


def features_of(data):
    """Feature map of a serialized Example; raises ValueError where it is none."""
    try:
        return tf.train.Example.FromString(data).features.feature
    except Exception as error:
        raise ValueError('not a tf.train.Example') from error


def find_layout(path, index, data):
    """The key layout of a record.

    Raises:
        DataError: none of the known ones, with the keys that are there.
    """
    try:
        keys = features_of(data).keys()
    except ValueError as error:
        raise DataError(f'{path}, record {index}: {error}. Type: {VERIFY} '
                        f'{os.path.dirname(path)}') from error
    for layout in LAYOUTS:
        if layout.image in keys and layout.label in keys:
            return layout
    wanted = ' or '.join(f'{row.image} + {row.label}' for row in LAYOUTS)
    raise DataError(f'{path}, record {index}: its keys are {", ".join(sorted(keys)) or "none"}; '
                    f'needed: {wanted}. Convert the images with convert_tfrecord.py')


def image_and_label(path, index, data, layout):
    """(encoded bytes, stored label) of a payload; DataError where a value is missing."""
    try:
        features = features_of(data)
    except ValueError as error:
        raise DataError(f'{path}, record {index}: {error}') from error
    image = features[layout.image].bytes_list.value if layout.image in features else ()
    label = features[layout.label].int64_list.value if layout.label in features else ()
    if len(image) != 1 or len(label) != 1:
        keys = ', '.join(sorted(features)) or 'none'
        raise DataError(f'{path}, record {index}: needs one value in {layout.image} and in '
                        f'{layout.label}; its keys are {keys}')
    return image[0], label[0]
