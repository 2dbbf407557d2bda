"""Reads a JPEG file's segments without decoding its pixels (ISO/IEC 10918-1, Annex B).

An ordinary file is one that a decoder reads to its end: tables that are legal and there when they
are used, one frame of 8-bit gray or three components, every component coded, an end marker after
the last scan. What is not ordinary may still be good: whoever asks decodes it completely. Compared
with libjpeg (Pillow and TensorFlow) on some 50,000 damaged files, see docs/images.md.
"""

import functools
import operator
import struct
from collections import namedtuple

import numpy as np

# orientation: 1 to 8 as in EXIF, 1 for upright.
Header = namedtuple('Header', 'height width orientation')

# What follows 0xFF inside a scan: a stuffed zero, a restart, a fill byte; all else ends it.
_ENDS_SCAN = np.ones(256, bool)
_ENDS_SCAN[[0, *range(0xD0, 0xD8), 0xFF]] = False
_FULL = np.array(0xFF, np.uint8)
_EXIF = b'Exif\0\0'
_ORIENTATION = 0x0112
_MOST = 65500    # pixels a side, libjpeg's limit
_SEGMENT = struct.Struct('>HH')     # marker, length
_PROGRESSIVE = 0xFFC2
_FRAMES = (0xFFC0, 0xFFC1, _PROGRESSIVE)    # the others: baseline, extended; Huffman coding
_QUANTISATION, _HUFFMAN, _RESTART, _SCAN, _END, _APP1, _FILLED = (
    0xFFDB, 0xFFC4, 0xFFDD, 0xFFDA, 0xFFD9, 0xFFE1, 0xFFFF)
_SKIPPED = frozenset(range(0xFFE0, 0xFFF0)) | {0xFFFE}
# The share of all codes that one of 1 to 16 bits takes, in those of 16.
_SHARES = [1 << 16 - bits for bits in range(1, 17)]
_NUMBERS = (0, 1, 2, 3, 16, 17, 18, 19)


class _Unusual(Exception):
    """Not to be judged from the outside."""


def facts_of(data):
    """Header of an ordinary file, None of any other.

    Args:
        data: content of the file, bytes.
    """
    try:
        header, coding = _segments(data)
    except (_Unusual, IndexError, struct.error):
        return None
    return header if _is_ordinary(*coding) else None


def _need(condition):
    if not condition:
        raise _Unusual


def _segments(data):
    """(Header, arguments of _is_ordinary), from the start marker to the end marker."""
    _need(data[:3] == b'\xff\xd8\xff')
    at, size, coding = 2, len(data), []
    frame = scans = None
    orientation = 1
    while True:
        marker, length = _SEGMENT.unpack_from(data, at)
        if marker == _FILLED:
            at += 1
            continue
        start, at = at, at + 2 + length
        if length < 2 or at > size:
            raise _Unusual
        if marker == _HUFFMAN:
            coding.append((marker, _huffman(data[start + 4:at])))
        elif marker == _QUANTISATION:
            coding.append((marker, _quantisation(data[start + 4:at])))
        elif marker == _SCAN:
            _need(frame and at < size - 1)
            coding.append((marker, data[start + 4:at]))
            scans = scans or _Scans(data, at)
            at = scans.end(at)
            if data[at + 1] == _END & 0xFF:
                marker, components, height, width = frame
                return (Header(height, width, orientation),
                        (marker, components, tuple(coding)))
        elif marker == _APP1:
            if data[start + 4:start + 10] == _EXIF:
                orientation = _orientation(data[start + 10:at])
        elif marker in _FRAMES:
            bits, height, width = struct.unpack_from('>BHH', data, start + 4)
            _need(frame is None and bits == 8)
            _need(0 < height <= _MOST and 0 < width <= _MOST)
            frame = marker, data[start + 9:at], height, width
        else:
            _need(marker in _SKIPPED or marker == _RESTART and length == 4)


class _Scans:
    """Finds the ends of the scans of a file; `start`: of the first one's coded bytes."""

    def __init__(self, data, start):
        # A mark is 0xFF that no zero follows.
        self._marks = np.frombuffer(data, np.uint8, len(data) - 1 - start, start) == _FULL
        self._marks &= np.frombuffer(data, bool, -1, start + 1)
        self._data, self._start, self._ends = data, start, None

    def end(self, at):
        """Position of the marker behind the coded bytes that start at `at`.

        Mostly the first mark is that marker; all are looked through where it is a restart.
        """
        data, start = self._data, self._start
        if self._ends is None:
            found = int(self._marks[at - start:].argmax()) + at
            if data[found] == 0xFF and _ENDS_SCAN[data[found + 1]]:
                return found
            marks = np.flatnonzero(self._marks) + start
            self._ends = marks[_ENDS_SCAN[np.frombuffer(data, np.uint8)[marks + 1]]]
        found = np.searchsorted(self._ends, at)
        _need(found < len(self._ends))
        return int(self._ends[found])


@functools.lru_cache(maxsize=1024)
def _is_ordinary(frame, components, coding):
    """Whether a decoder can read the scans with the frame and the tables before them.

    Of the image and what the tables hold nothing is said, so most files share a few answers.

    Args:
        frame: its marker.
        components: end of its segment.
        coding: (marker, what _huffman and _quantisation return or a scan's header) in order.
    """
    try:
        state = _State(frame, _components(components))
        for marker, content in coding:
            if marker == _HUFFMAN:
                state.huffman.update(content)
            elif marker == _QUANTISATION:
                state.quantisation.update(content)
            else:
                _scan(content, state)
    except (_Unusual, IndexError):
        return False
    return state.coded == state.components.keys()


class _State:
    """What the segments so far have defined."""

    def __init__(self, frame, components):
        self.frame = frame                  # its marker
        self.components = components        # {component: quantisation table}
        self.quantisation = set()
        self.huffman = set()                # number of a DC table, 16 more of an AC table
        self.coded = set()                  # components that a scan has begun


def _components(segment):
    """{component: quantisation table} of the end of a frame's segment."""
    count = segment[0]
    _need(count in (1, 3) and len(segment) == 1 + 3 * count)
    tables, sampling = {}, []
    for at in range(1, len(segment), 3):
        name, factors, table = segment[at:at + 3]
        sampling.append((factors >> 4, factors & 15))
        _need(name not in tables)
        tables[name] = table
    for factors in zip(*sampling):
        _need(min(factors) >= 1 and max(factors) <= 4)
        _need(all(max(factors) % factor == 0 for factor in factors))
    _need(sum(across * down for across, down in sampling) <= 10 or count == 1)
    return tables


@functools.lru_cache(maxsize=1024)
def _quantisation(segment):
    """Numbers of the tables of a segment; most files share a few."""
    at, found = 0, []
    while at < len(segment):
        deep, number = segment[at] >> 4, segment[at] & 15
        at += 129 if deep else 65
        _need(deep <= 1 and number <= 3 and at <= len(segment))
        found.append(number)
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def _huffman(segment):
    """Numbers of the tables of a segment, of AC tables 16 more; some files have tables alike."""
    at, size, found = 0, len(segment), []
    while at < size:
        number = segment[at]
        counts = segment[at + 1:at + 17]
        total = sum(counts)
        at += 17 + total
        _need(number in _NUMBERS and 0 < total <= 256 and at <= size
              and sum(map(operator.mul, counts, _SHARES)) <= 1 << 16
              and (number >= 16 or max(segment[at - total:at]) <= 15))
        found.append(number)
    return tuple(found)


def _scan_header(segment):
    """(components, Huffman tables they need, first, last, high, low) of a scan."""
    count = segment[0]
    first, last, high, low = (segment[-3], segment[-2], segment[-1] >> 4, segment[-1] & 15)
    names, tables = frozenset(segment[1:1 + 2 * count:2]), segment[2:2 + 2 * count:2]
    _need(count >= 1 and len(segment) == 4 + 2 * count and len(names) == count)
    needs = {table >> 4 for table in tables if not (first or high)}
    needs |= {16 + (table & 15) for table in tables if last > 0}
    return names, needs, first, last, high, low


def _scan(segment, state):
    names, needs, first, last, high, low = _scan_header(segment)
    _need(names <= state.components.keys() and needs <= state.huffman)
    _need({state.components[name] for name in names} <= state.quantisation)
    if state.frame == _PROGRESSIVE:
        _need(last == 0 if first == 0 else first <= last <= 63 and len(names) == 1)
        _need(low <= 13 and high in (0, low + 1))
        state.coded |= names if first == 0 and high == 0 else set()
    else:
        _need((first, last, high, low) == (0, 63, 0, 0) and not state.coded & names)
        state.coded |= names


def _orientation(tiff):
    """Orientation of an EXIF block; 1 where it says nothing or nothing sensible."""
    order = {b'II': '<', b'MM': '>'}.get(tiff[:2])
    try:
        start = struct.unpack_from(order + 'I', tiff, 4)[0]
        for at in range(start + 2,
                        start + 2 + 12 * struct.unpack_from(order + 'H', tiff, start)[0], 12):
            tag, _, _, value = struct.unpack_from(order + 'HHIH', tiff, at)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except (TypeError, struct.error):
        pass
    return 1
