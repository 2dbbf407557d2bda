"""The curves of a run as CSV files: log.csv, a row a logged step; eval.csv, a row an evaluation."""

import csv
import os

EVALUATION = ('step', 'epoch', 'top_1_accuracy', 'top_5_accuracy', 'cross_entropy', 'eval_examples',
              'weights')


def read(path):
    """Rows as dicts in the order of the file, numbers as floats; [] without the file."""
    if not os.path.exists(path):
        return []
    with open(path, newline='') as stream:
        return [{key: _number(value) for key, value in row.items()}
                for row in csv.DictReader(stream)]


def _number(text):
    try:
        return float(text)
    except ValueError:
        return text


def append(path, columns, row):
    """Adds one row; keys that are no column are left out."""
    fresh = not os.path.exists(path)
    with open(path, 'a', newline='') as stream:
        writer = csv.DictWriter(stream, columns, extrasaction='ignore')
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def trim(path, columns, step):
    """Drops the rows later than the step a run restarts from."""
    rows = read(path)
    if any(row['step'] > step for row in rows):
        _rewrite(path, columns, [row for row in rows if row['step'] <= step])


def put(path, columns, row):
    """Adds one row in the order of the steps, in place of an earlier one of the same step."""
    rows = [other for other in read(path) if other['step'] != row['step']]
    _rewrite(path, columns, sorted(rows + [row], key=lambda one: one['step']))


def _rewrite(path, columns, rows):
    temporary = path + '.tmp'
    if os.path.exists(temporary):
        os.remove(temporary)
    for row in rows:
        append(temporary, columns, dict(row, step=int(row['step'])))
    if rows:
        os.replace(temporary, path)
    else:
        os.remove(path)
