"""How many records TFRecord files hold, counted once: a later start finds the numbers again.

They are kept in the user's cache folder, not beside the data, and hold as long as a file has the
same size and time of change.
"""

import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

from common import storage
from common.console import say
from common.errors import DataError
from common.files import write_text
from input import progress
from input.records import tfrecord
from input.sources.readers import VERIFY

THREADS = 16
KEPT_ABOVE = 0.5    # seconds: what is counted faster is not worth a file


def of_files(paths):
    """Numbers of records of some files of one data set.

    Raises:
        DataError: a file whose framing is damaged.
    """
    start = time.monotonic()
    place = _cache_file(paths)
    known = _read(place)
    with ThreadPoolExecutor(THREADS) as pool:
        stamps = list(pool.map(storage.stamp, paths))
        missing = [path for path, stamp in zip(paths, stamps)
                   if known.get(path, [None])[:2] != stamp]
        with progress.bar('counting records', len(missing), 'files') as shown:
            counted = {}
            for path, number in zip(missing, pool.map(_count, missing)):
                counted[path] = number
                shown.update(1)
    rows = {path: stamp + [counted[path] if path in counted else known[path][2]]
            for path, stamp in zip(paths, stamps)}
    spent = time.monotonic() - start
    if counted and spent > KEPT_ABOVE:
        _write(place, rows)
        say(f'records of {len(counted)} files counted in {spent:.1f} s; a later start finds the '
            f'numbers in {place}')
    return [rows[path][2] for path in paths]


def _count(path):
    try:
        return tfrecord.count_records(path)
    except tfrecord.BadRecord as error:
        raise DataError(f'{path}, {error}. Copy the file again, or type: {VERIFY} '
                        f'{os.path.dirname(path)}') from error


def _cache_file(paths):
    """Where the numbers of these files are kept."""
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    where = paths[0] if storage.is_address(paths[0]) else os.path.abspath(paths[0])
    name = hashlib.sha256(where.encode('utf-8', 'surrogateescape')).hexdigest()[:16]
    return os.path.join(cache, 'small-classifiers', 'counts', f'{name}.json')


def _read(place):
    """{path: [size, time, number]}; {} when there is none or it is damaged."""
    try:
        with open(place, encoding='utf-8', errors='surrogateescape') as stream:
            rows = json.load(stream)
        return {path: row for path, row in rows.items()
                if len(row) == 3 and all(type(value) is int for value in row)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(place, rows):
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        write_text(place, json.dumps(rows))
    except OSError:
        pass    # without a cache the next start counts again
