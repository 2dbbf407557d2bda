"""The curves of a run as CSV files: log.csv, a row a logged step; eval.csv, a row an evaluation."""

import collections
import csv
import errno
import io
import math
import os

from common import addresses, files, storage
from common.console import say, warn

EVALUATION = ('step', 'epoch', 'top_1_accuracy', 'top_5_accuracy', 'cross_entropy', 'eval_examples',
              'weights', 'image_size')


# An evaluation's loss beyond so many times the training's largest is drawn there: the batch
# statistics of a first epoch have made 8000 of it, and a diagram to 8000 shows nothing else.
BEYOND = 3
# Rows that could not be written to the address of their file.
_LATE = {}


def smooth(rows):
    """The rows of log.csv that a diagram shows: means over half of the usual number of steps, and
    more. The few steps before an evaluation or a stop have a row of their own, which jumps about.
    """
    steps = [row['step'] - before for row, before in zip(
        rows, [0.0] + [row['step'] for row in rows])]
    usual = sorted(steps)[len(steps) // 2] if steps else 0
    return [row for row, one in zip(rows, steps) if 2 * one >= usual]


def highest(training, evaluations):
    """Upper end of a diagram of both lists of losses, None where all can be shown."""
    if not training or not evaluations or max(evaluations) <= BEYOND * max(training):
        return None
    return BEYOND * max(training)


def read(path):
    """Rows as dicts in the order of the file, numbers as floats; [] without the file.

    A line that is no row (cut short by a full disk, foreign bytes) is passed over.
    """
    return _read(path).rows


Content = collections.namedtuple('Content', ['header', 'rows', 'whole'])
Content.__doc__ = """A curve's file: names of its columns, rows; whole: every line is a row."""


def _read(path, columns=()):
    """Content of a file; of one that was gone on with under more columns, both kinds of rows."""
    try:
        # Excel begins its UTF-8 with a mark of the byte order.
        text = storage.read_text(path, 'utf-8-sig', 'replace')
    except FileNotFoundError:
        return Content((), [], True)
    lines = list(csv.reader(text.replace('\0', '\ufffd').splitlines()))
    if not lines or 'step' not in lines[0]:
        return Content((), [], not text)
    header = tuple(lines[0])
    names = {len(header): header}
    if columns[:len(header)] == header:
        names[len(columns)] = columns
    rows = [{key: _number(value) for key, value in zip(names[len(line)], line)}
            for line in lines[1:] if len(line) in names]
    sound = [row for row in rows if isinstance(row['step'], float) and math.isfinite(row['step'])]
    return Content(header, sound, len(sound) == len(lines) - 1 and text.endswith('\n'))


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


def append(path, columns, row):
    """Adds one row, whole or not at all; keys that are no column are left out.

    At an address the whole file is written anew; a row that cannot be written goes with the next.
    """
    if storage.is_address(path):
        _LATE.setdefault(path, (columns, []))[1].append(row)
        if not addresses.away():
            catch_up(path)
        return
    with open(path, 'ab', buffering=0) as stream:      # what a buffer holds back comes later
        before = stream.tell()
        line = _lines(columns, [row], not before)
        try:
            if stream.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.truncate(path, before)
            warn(f'{path}: the row of step {row["step"]} is lost ({error.strerror})')


def catch_up(path):
    """Writes the rows that could not be written to an address before."""
    if path not in _LATE:
        return
    columns, rows = _LATE[path]
    try:
        before = storage.read_bytes(path) if storage.exists(path) else b''
        files.write_bytes(path, before + _lines(columns, rows, not before))
        del _LATE[path]
    except OSError as error:
        warn(f'{path}: the rows from step {rows[0]["step"]} on come later ({error.strerror})')


def _lines(columns, rows, header):
    """Rows as bytes of a file, with the names of the columns above them where that is wanted."""
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, columns, extrasaction='ignore')
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def trim(path, columns, step):
    """Drops the rows later than the step a run restarts from; repairs a damaged file.

    The damaged one stays beside it, as .damaged; one with other columns, as an earlier version
    wrote it, as .old.
    """
    header, rows, whole = _read(path, columns)
    other = header not in ((), columns)
    if not whole:
        files.copy(path, path + '.damaged')
        warn(f'{path} was damaged: its {len(rows)} whole rows are kept, the old file is '
             f'{path}.damaged')
    elif other:
        files.copy(path, path + '.old')
        say(f'{path} had other columns: its {len(rows)} rows are kept below the names of today, '
            f'the old file is {path}.old')
    kept = [row for row in rows if row['step'] <= step]
    if not whole or other or len(kept) < len(rows):
        _rewrite(path, columns, kept)


def put(path, columns, row):
    """Adds one row in the order of the steps, in place of an earlier one of the same step."""
    trim(path, columns, math.inf)
    rows = [other for other in read(path) if other['step'] != row['step']]
    _rewrite(path, columns, sorted(rows + [row], key=lambda one: one['step']))


def _rewrite(path, columns, rows):
    with files.written(path) as place, open(place, 'w', newline='') as stream:
        writer = csv.DictWriter(stream, columns, extrasaction='ignore', restval='')
        writer.writeheader()
        writer.writerows(dict(row, step=int(row['step'])) for row in rows)
