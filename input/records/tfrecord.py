"""TFRecord files, written and read without TensorFlow; what is in a record: input.records.example.

The converter and its verification start at once and fork freely, because nothing here imports
TensorFlow. A record: length uint64, masked CRC of it uint32, payload, masked CRC of the payload
(little endian; CRC-32C by google-crc32c).
"""

import hashlib
import os
import struct

import google_crc32c

from common import storage

_LENGTH, _CRC = struct.Struct('<Q'), struct.Struct('<I')


class BadRecord(Exception):
    """A record that cannot be read; `fatal` when the rest of the file cannot be found either."""

    def __init__(self, message, fatal=False):
        super().__init__(message)
        self.fatal = fatal


def _masked(crc):
    """The CRC as TFRecord files store it: rotated right by 15 bits plus a constant."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _masked_crc(data):
    return _masked(google_crc32c.value(data))


class Writer:
    """Writes one TFRecord file and keeps its size and sha256. Use as a context manager."""

    def __init__(self, path):
        self._stream = open(path, 'wb', buffering=0)
        self._digest = hashlib.sha256()
        self.bytes = self.count = 0

    def write(self, *payload):
        """Appends one record, given in pieces; those between first and last are not copied."""
        crc = length = 0
        for piece in payload:
            crc = google_crc32c.extend(crc, piece)
            length += len(piece)
        header = _LENGTH.pack(length)
        pieces = list(payload)
        pieces[0] = header + _CRC.pack(_masked_crc(header)) + pieces[0]
        pieces[-1] += _CRC.pack(_masked(crc))
        for piece in pieces:
            self._digest.update(piece)
        self._append(pieces, 16 + length)
        self.bytes += 16 + length
        self.count += 1

    def _append(self, pieces, size):
        """Writes all bytes at once; what did not fit, and the error, in a second attempt."""
        written = os.writev(self._stream.fileno(), pieces)
        if written < size:
            rest = memoryview(b''.join(pieces))[written:]
            while rest:
                rest = rest[self._stream.write(rest):]

    @property
    def sha256(self):
        """Hex digest of everything written so far."""
        return self._digest.hexdigest()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            os.fsync(self._stream.fileno())
        self._stream.close()


def _walk(stream, size):
    """Yields (offset, header, payload length or BadRecord) of each record.

    The stream then stands behind the header: the payload may be read or left. Damaged framing
    ends the walk, because what follows cannot be found.
    """
    offset = 0
    while offset < size:
        stream.seek(offset)
        header = stream.read(12)
        fault = _framing_fault(header, size - offset)
        if fault:
            yield offset, header, BadRecord(fault, fatal=True)
            return
        length = struct.unpack('<Q', header[:8])[0]
        yield offset, header, length
        offset += 16 + length


def _framing_fault(header, left):
    """What is wrong with the first 12 bytes of a record, or None; `left`: bytes to the end."""
    if len(header) < 12:
        return 'the file ends inside the record'
    length, crc = struct.unpack('<QI', header)
    if crc != _masked_crc(header[:8]):
        return 'the CRC of its length does not match'
    if length + 16 > left:
        return 'the file ends inside the record'
    return None


def read_records(path, digest=None):
    """Yields (offset, payload or BadRecord) of each record, checking both CRCs.

    A damaged payload is passed over; damaged framing ends the file. `digest` (a hashlib object)
    is fed every byte of the file.
    """
    feed = digest.update if digest else lambda part: None
    with storage.open_binary(path, buffering=1 << 16) as stream:    # larger payloads pass it by
        for offset, header, found in _walk(stream, storage.size(path)):
            feed(header)
            if isinstance(found, BadRecord):
                for part in iter(lambda: stream.read(1 << 20), b''):
                    feed(part)
                yield offset, found
                return
            payload, footer = stream.read(found), stream.read(4)
            feed(payload)
            feed(footer)
            good = struct.unpack('<I', footer)[0] == _masked_crc(payload)
            yield offset, payload if good else BadRecord('the CRC of its data does not match')


def read_record(path, number):
    """The payload of one record, from 0, unchecked; of those before it 12 bytes are read.

    Raises:
        BadRecord: it is not there.
    """
    with storage.open_binary(path, buffering=4096) as stream:
        for index, (_, _, found) in enumerate(_walk(stream, storage.size(path))):
            if index == number and not isinstance(found, BadRecord):
                return stream.read(found)
    raise BadRecord(f'{path} has no record {number}')


def count_records(path):
    """Number of records of a file, reading 12 bytes of each.

    Raises:
        BadRecord: damaged framing; the message says which record and where.
    """
    number = 0
    with storage.open_binary(path, buffering=4096) as stream:
        for number, (offset, _, found) in enumerate(_walk(stream, storage.size(path)), 1):
            if isinstance(found, BadRecord):
                raise BadRecord(f'record {number - 1} (byte {offset}) is truncated or its length '
                                f'is damaged: {found}', fatal=True)
    return number
