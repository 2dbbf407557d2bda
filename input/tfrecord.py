"""TFRecord files of tf.train.Example, written and read without TensorFlow.

The converter and its verification start at once and fork freely, because nothing here imports
TensorFlow. A record: length uint64, masked CRC of it uint32, payload, masked CRC of the payload
(little endian). An Example: map<string, Feature> in protocol-buffer wire format.
"""

import hashlib
import os
import struct

from input.crc32c import masked_crc32c

# (encoded image, label): slim's and TPU's keys, and those of tensorflow-datasets.
KEYS = (('image/encoded', 'image/class/label'), ('image', 'label'))


class BadRecord(Exception):
    """A record that cannot be read; `fatal` when the rest of the file cannot be found either."""

    def __init__(self, message, fatal=False):
        super().__init__(message)
        self.fatal = fatal


_ONE_BYTE = [bytes((value,)) for value in range(128)]


def _varint(value):
    if value < 128:
        return _ONE_BYTE[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number, payload):
    return _ONE_BYTE[number << 3 | 2] + _varint(len(payload)) + payload


def _feature(value):
    """Feature message: int -> int64_list, bytes -> bytes_list."""
    if isinstance(value, int):
        return _field(3, _field(1, _varint(value & (1 << 64) - 1)))
    return _field(1, _field(1, value))


def encode_example(values):
    """Serialized tf.train.Example of {name: bytes or int}."""
    entries = [_field(1, _field(1, name.encode()) + _field(2, _feature(values[name])))
               for name in sorted(values)]
    return _field(1, b''.join(entries))


def _read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _fields(data):
    """Yields (field number, payload) of the length-delimited and varint fields of a message."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        if tag & 7 == 0:
            value, at = _read_varint(data, at)
        elif tag & 7 == 2:
            size, at = _read_varint(data, at)
            if at + size > len(data):
                raise ValueError('field runs past the end')
            value, at = data[at:at + size], at + size
        elif tag & 7 in (1, 5):
            size = 8 if tag & 7 == 1 else 4
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f'unknown wire type {tag & 7}')
        yield tag >> 3, value


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


def decode_example(payload):
    """{name: list of bytes or ints} of a serialized tf.train.Example.

    Raises:
        ValueError: the bytes are no Example.
    """
    found = {}
    try:
        for number, features in _fields(memoryview(payload)):
            if number != 1:
                raise ValueError(f'unexpected field {number}')
            for _, entry in _fields(features):
                parts = dict(_fields(entry))
                found[bytes(parts[1]).decode()] = _values(parts.get(2, b''))
    except (IndexError, KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f'not a tf.train.Example ({error})') from error
    return found


class Writer:
    """Writes one TFRecord file and keeps its size and sha256. Use as a context manager."""

    def __init__(self, path):
        self._stream = open(path, 'wb', buffering=1 << 20)
        self._digest = hashlib.sha256()
        self.bytes = self.count = 0

    def write(self, payload):
        """Appends one record."""
        length = struct.pack('<Q', len(payload))
        for part in (length + struct.pack('<I', masked_crc32c(length)), payload,
                     struct.pack('<I', masked_crc32c(payload))):
            self._stream.write(part)
            self._digest.update(part)
            self.bytes += len(part)
        self.count += 1

    @property
    def sha256(self):
        """Hex digest of everything written so far."""
        return self._digest.hexdigest()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self._stream.flush()
            os.fsync(self._stream.fileno())
        self._stream.close()


def read_records(path, digest=None):
    """Yields (offset, payload or BadRecord) of each record, checking both CRCs.

    A damaged payload is passed over; damaged framing ends the file. `digest` (a hashlib object)
    is fed every byte of the file.
    """
    size = os.path.getsize(path)
    feed = digest.update if digest else lambda part: None
    with open(path, 'rb', buffering=1 << 20) as stream:
        offset = 0
        while offset < size:
            header = stream.read(12)
            feed(header)
            bad = _framing_fault(header, size - offset)
            if bad:
                for part in iter(lambda: stream.read(1 << 20), b''):
                    feed(part)
                yield offset, BadRecord(bad, fatal=True)
                return
            length = struct.unpack('<Q', header[:8])[0]
            payload, footer = stream.read(length), stream.read(4)
            feed(payload)
            feed(footer)
            good = struct.unpack('<I', footer)[0] == masked_crc32c(payload)
            yield offset, payload if good else BadRecord('the CRC of its data does not match')
            offset += 16 + length


def _framing_fault(header, left):
    """What is wrong with the first 12 bytes of a record, or None; `left`: bytes to the end."""
    if len(header) < 12:
        return 'the file ends inside the record'
    length, crc = struct.unpack('<QI', header)
    if crc != masked_crc32c(header[:8]):
        return 'the CRC of its length does not match'
    if length + 16 > left:
        return 'the file ends inside the record'
    return None
