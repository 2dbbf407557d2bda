"""tf.train.Example in protocol-buffer wire format, without TensorFlow: map<string, Feature>."""

import functools
from collections import namedtuple

# image and label: the keys of the two features a reader needs.
KeyLayout = namedtuple('KeyLayout', 'name image label')
# slim's and the TPU converter's keys, and those of tensorflow-datasets.
KEY_LAYOUTS = (KeyLayout('slim', 'image/encoded', 'image/class/label'),
               KeyLayout('tfds', 'image', 'label'))

# wire type: bytes, of numbers of a fixed size
_FIXED = {1: 8, 5: 4}
# What is shorter is mostly the same from image to image: sizes, labels, names of classes.
_REPEATED = 128
_ONE_BYTE = [bytes((value,)) for value in range(128)]


def _varint(value):
    if value < 1 << 7:
        return _ONE_BYTE[value]
    if value < 1 << 14:
        return bytes((value & 127 | 128, value >> 7))
    if value < 1 << 21:
        return bytes((value & 127 | 128, value >> 7 & 127 | 128, value >> 14))
    return bytes((value & 127 | 128,)) + _varint(value >> 7)


def _head(number, size):
    """What stands before `size` bytes of a length-delimited field."""
    return _ONE_BYTE[number << 3 | 2] + _varint(size)


def _before(name, kind, size):
    """All that stands before the `size` bytes of a map entry's value.

    Lengths are nested from the inside out.
    """
    head = b''
    for number in (1, kind, 2):     # value in its list, list in the Feature, Feature in the entry
        head = _head(number, len(head) + size) + head
    key = name.encode()
    head = _head(1, len(key)) + key + head
    return _head(1, len(head) + size) + head


_repeated_before = functools.lru_cache(maxsize=4096)(_before)


def entry(name, value):
    """A feature of one value, bytes or an int, as it stands in a serialized Example."""
    if isinstance(value, int):
        kind, value = 3, _varint(value & (1 << 64) - 1)
    else:
        kind = 1
    before = _repeated_before if len(value) < _REPEATED else _before
    return before(name, kind, len(value)) + value


# For what is mostly the same from image to image, such as their sizes.
repeated_entry = functools.lru_cache(maxsize=4096)(entry)


def entries(values):
    """The features {name: bytes or int} as they stand in a serialized Example."""
    return b''.join([entry(name, values[name]) for name in sorted(values)])


def encode_example(values):
    """Serialized tf.train.Example of {name: bytes or int}."""
    content = entries(values)
    return _head(1, len(content)) + content


def start(before, name, size, after):
    """What a serialized Example begins with, up to a value that is too large to be copied.

    Args:
        before: the entries before the value's, by the order of the names.
        name: of the value.
        size: bytes of the value.
        after: number of bytes that follow the value: all other entries.
    """
    before += _before(name, 1, size)
    return _head(1, len(before) + size + after) + before


def _read_varint(data, at):
    value = data[at]
    if value < 128:
        return value, at + 1
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _fields(data):
    """[(field number, payload)] of the length-delimited and varint fields of a message."""
    found, at, end = [], 0, len(data)
    while at < end:
        tag, at = data[at], at + 1      # mostly one byte each: without a call
        if tag > 127:
            tag, at = _read_varint(data, at - 1)
        kind = tag & 7
        if kind == 0:
            value, at = _read_varint(data, at)
            found.append((tag >> 3, value))
            continue
        if kind == 2:
            size, at = data[at], at + 1
            if size > 127:
                size, at = _read_varint(data, at - 1)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise ValueError(f'unknown wire type {kind}')
        if at + size > end:
            raise ValueError('field runs past the end')
        found.append((tag >> 3, data[at:at + size]))
        at += size
    return found


def _values(feature):
    """List of bytes or ints of a Feature; integers packed or not; no floats."""
    found = []
    for kind, content in _fields(feature):
        for _, value in _fields(content):
            if kind == 1:
                found.append(bytes(value))
            elif kind == 3 and isinstance(value, int):
                found.append(value)
            elif kind == 3:
                at = 0
                while at < len(value):
                    number, at = _read_varint(value, at)
                    found.append(number)
    return [value - (1 << 64) if isinstance(value, int) and value >> 63 else value
            for value in found]


def _read_entry(entry):
    """(name, values) of one map entry."""
    parts = dict(_fields(entry))
    return bytes(parts[1]).decode(), _values(parts.get(2, b''))


_read_short = functools.lru_cache(maxsize=4096)(_read_entry)


def decode_example(payload):
    """{name: list of bytes or ints} of a serialized tf.train.Example.

    Raises:
        ValueError: the bytes are no Example.
    """
    found, at, end = {}, 0, len(payload)
    try:
        while at < end:
            at, stop = _delimited(payload, at, end)
            while at < stop:
                start, at = _delimited(payload, at, stop)
                if at - start < _REPEATED:
                    name, values = _read_short(payload[start:at])
                else:
                    name, values = _read_entry(memoryview(payload)[start:at])
                found[name] = list(values)
    except (IndexError, KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f'not a tf.train.Example ({error})') from error
    return found


def _delimited(data, at, end):
    """(start, end) of what field 1, the only one of Example and Features, holds at `at`."""
    if data[at] != 1 << 3 | 2:
        raise ValueError(f'unexpected field {data[at] >> 3}')
    size, start = data[at + 1], at + 2      # mostly one byte: without a call
    if size > 127:
        size, start = _read_varint(data, at + 1)
    if start + size > end:
        raise ValueError('field runs past the end')
    return start, start + size


def key_layout(values):
    """The KeyLayout of a decoded Example; ValueError with the keys that are there."""
    for layout in KEY_LAYOUTS:
        if layout.image in values and layout.label in values:
            return layout
    wanted = ' or '.join(f'{row.image} + {row.label}' for row in KEY_LAYOUTS)
    raise ValueError(f'no image and label among its keys: {", ".join(sorted(values)) or "none"}; '
                     f'needed: {wanted}')


def image_and_label(values, layout):
    """(encoded image, stored label) of a decoded Example; ValueError where one is missing."""
    image, label = values.get(layout.image, ()), values.get(layout.label, ())
    if (len(image) != 1 or len(label) != 1 or not isinstance(label[0], int)
            or not isinstance(image[0], bytes)):
        raise ValueError(f'needs one value in {layout.image} and in {layout.label}; its keys are '
                         f'{", ".join(sorted(values)) or "none"}')
    return image[0], label[0]
