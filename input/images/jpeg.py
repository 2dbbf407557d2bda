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
_EXIF = b'Exif\0\0'
_ORIENTATION = 0x0112
_MOST = 65500    # pixels a side, libjpeg's limit
_SKIPPED = frozenset(range(0xE0, 0xF0)) | {0xFE}
_FRAMES = (0xC0, 0xC1, 0xC2)    # baseline, extended, progressive; Huffman coding
_QUANTISATION, _HUFFMAN, _RESTART, _SCAN, _END, _APP1 = (
    0xDB, 0xC4, 0xDD, 0xDA, 0xD9, 0xE1)
# The share of all codes that one of 1 to 16 bits takes, in those of 16.
_SHARES = [1 << 16 - bits for bits in range(1, 17)]


class _Unusual(Exception):
    """Not to be judged from the outside."""


class _State:
    """What the segments so far have defined."""

    def __init__(self):
        self.frame = None           # marker, height, width, {component: quantisation table}
        self.quantisation = set()
        self.huffman = set()        # (0 DC or 1 AC, number)
        self.coded = set()          # components that a scan has begun
        self.orientation = 1
        self._marks = None          # from the first scan on: 0xFF that no zero follows
        self._first = 0             # where that scan starts
        self._ends = None           # positions of what may end a scan

    def end_of_scan(self, data, at):
        """Position of the marker behind the coded bytes that start at `at`.

        Mostly the first mark is that marker; all are looked through where it is a restart.
        """
        _need(at < len(data) - 1)
        if self._marks is None:
            content = np.frombuffer(data, np.uint8)
            self._first, self._marks = at, content[at:-1] == 0xFF
            self._marks &= content[at + 1:].view(bool)
        if self._ends is None:
            found = int(self._marks[at - self._first:].argmax()) + at
            if data[found] == 0xFF and _ENDS_SCAN[data[found + 1]]:
                return found
            marks = np.flatnonzero(self._marks) + self._first
            self._ends = marks[_ENDS_SCAN[np.frombuffer(data, np.uint8)[marks + 1]]]
        found = np.searchsorted(self._ends, at)
        _need(found < len(self._ends))
        return int(self._ends[found])


def facts_of(data):
    """Header of an ordinary file, None of any other.

    Args:
        data: content of the file, bytes.
    """
    state = _State()
    try:
        _segments(data, state)
    except (_Unusual, IndexError, struct.error):
        return None
    _, height, width, _ = state.frame
    return Header(height, width, state.orientation)


def _need(condition):
    if not condition:
        raise _Unusual


def _segments(data, state):
    """Walks from the start marker to the end marker."""
    _need(data[:3] == b'\xff\xd8\xff')
    at, size = 2, len(data)
    while True:
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise _Unusual
        if marker == 0xFF:
            at += 1
            continue
        if marker == _END:
            _need(state.frame and state.coded == state.frame[3].keys())
            return
        start, at = at + 4, at + 2 + (data[at + 2] << 8 | data[at + 3])
        if not start <= at <= size:
            raise _Unusual
        if marker == _HUFFMAN:
            state.huffman.update(_huffman(data[start:at]))
        elif marker == _QUANTISATION:
            state.quantisation.update(_quantisation(data[start:at]))
        elif marker in _FRAMES:
            _frame(marker, data[start:at], state)
        elif marker == _SCAN:
            _scan(data[start:at], state)
            at = state.end_of_scan(data, at)
        elif marker == _APP1:
            _exif(data[start:at], state)
        else:
            _need(marker in _SKIPPED or marker == _RESTART and at - start == 2)


def _frame(marker, segment, state):
    bits, height, width = struct.unpack_from('>BHH', segment)
    _need(state.frame is None and bits == 8 and height and width)
    _need(max(height, width) <= _MOST)
    state.frame = marker, height, width, _components(segment[5:])


@functools.lru_cache(maxsize=1024)
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
    """(0 DC or 1 AC, number) of the tables of a segment; most files have the standard ones."""
    at, found = 0, []
    while at < len(segment):
        kind, number = segment[at] >> 4, segment[at] & 15
        counts = segment[at + 1:at + 17]
        total = sum(counts)
        symbols = segment[at + 17:at + 17 + total]
        _need(kind <= 1 and number <= 3 and len(counts) == 16)
        _need(0 < total <= 256 and len(symbols) == total)
        _need(sum(map(operator.mul, counts, _SHARES)) <= 1 << 16)
        _need(kind or max(symbols) <= 15)
        found.append((kind, number))
        at += 17 + total
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def _scan_header(segment):
    """(components, Huffman tables they need, first, last, high, low) of a scan."""
    count = segment[0]
    first, last, high, low = (segment[-3], segment[-2], segment[-1] >> 4, segment[-1] & 15)
    names, tables = frozenset(segment[1:1 + 2 * count:2]), segment[2:2 + 2 * count:2]
    _need(count >= 1 and len(segment) == 4 + 2 * count and len(names) == count)
    needs = {(0, table >> 4) for table in tables if not (first or high)}
    needs |= {(1, table & 15) for table in tables if last > 0}
    return names, needs, first, last, high, low


def _scan(segment, state):
    _need(state.frame)
    marker, _, _, tables = state.frame
    names, needs, first, last, high, low = _scan_header(segment)
    _need(names <= tables.keys() and needs <= state.huffman)
    _need({tables[name] for name in names} <= state.quantisation)
    if marker == 0xC2:
        _need(last == 0 if first == 0 else first <= last <= 63 and len(names) == 1)
        _need(low <= 13 and high in (0, low + 1))
        state.coded |= names if first == 0 and high == 0 else set()
    else:
        _need((first, last, high, low) == (0, 63, 0, 0) and not state.coded & names)
        state.coded |= names


def _exif(segment, state):
    if segment[:6] == _EXIF:
        state.orientation = _orientation(segment[6:])


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
