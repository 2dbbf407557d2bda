"""`--mode=compare`: lists the dumps of a folder, or sets two dumps side by side, worst first.

    python main.py --mode=compare --dump_dir=A                   # what is in it
    python main.py --mode=compare --dump_dir=A --compare_to=B    # where two runs part

A and B are folders of --npu_dump_data, or single files of them. Nothing here needs a network.
"""

import glob
import json
import os
import zipfile

import numpy as np

from common.console import say
from common.errors import DataError
from common.files import plain

SHOWN = 20
# Relative differences up to this are rounding of float32, not a cause.
ROUNDING = 1e-5


def run(network, params, open_inputs):
    """Prints the listing or the comparison, as text or JSON; returns the exit code."""
    del network, open_inputs
    first = dumps(params.dump_dir)
    if not params.compare_to:
        report = {name: [describe(key, value) for key, value in read(path).items()]
                  for name, path in first.items()}
        _print(report, params.format, _listing)
        return 0
    pairs = _pairs(first, dumps(params.compare_to), params)
    report = {name: compare(read(a), read(b)) for name, (a, b) in pairs.items()}
    _print(report, params.format, _comparison)
    return 0


def dumps(path):
    """{file name: path} of the dumps in a folder, by step, or of one file."""
    if os.path.isfile(path):
        return {os.path.basename(path): path}
    found = glob.glob(os.path.join(glob.escape(path), 'step_*.npz'))
    if not found:
        raise DataError(f'{path}: no dump (step_N.npz) is here. Train with --npu_dump_data=True '
                        '--dump_dir=FOLDER first, or name another --dump_dir.')
    names = {os.path.basename(name): name for name in found}
    return {name: names[name] for name in sorted(names, key=lambda n: (_number(n), n))}


def _number(name):
    digits = name[len('step_'):].split('_')[0].split('.')[0]
    return int(digits) if digits.isdigit() else -1


def _pairs(first, second, params):
    if len(first) == len(second) == 1:
        (name, a), (other, b) = list(first.items())[0], list(second.items())[0]
        return {name if name == other else f'{name} against {other}': (a, b)}
    both = {name: (first[name], second[name]) for name in first if name in second}
    if not both:
        raise DataError(f'{params.dump_dir} and {params.compare_to} hold no dump of the same step '
                        f'({", ".join(first)}; {", ".join(second)}). Name one file of each.')
    return both


def read(path):
    """{key: array} of a dump, in the order of computation."""
    try:
        with np.load(path, allow_pickle=False) as held:
            return {key: held[key] for key in held.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f'{path}: not a readable dump ({error}). It may be cut off; dump again.')


def describe(key, value):
    """A row about one tensor."""
    numbers = np.asarray(value, np.float64)
    finite = numbers[np.isfinite(numbers)]
    return {'name': key, 'type': str(value.dtype), 'shape': list(value.shape),
            'min': float(finite.min()) if finite.size else None,
            'max': float(finite.max()) if finite.size else None,
            'mean': float(finite.mean()) if finite.size else None,
            'not_finite': int(numbers.size - finite.size)}


def compare(first, second):
    """Differences of two dumps.

    rows: of each common tensor, worst first: `relative`, the largest difference over the largest
    value; `largest`, that difference; `mean`, the mean one. parted: the first tensor in the order
    of computation that differs by more than rounding, or None. only_first, only_second: names;
    shapes: names of tensors that have other shapes.
    """
    common = [key for key in first if key in second]
    shapes = [key for key in common if first[key].shape != second[key].shape]
    rows = [_difference(key, first[key], second[key]) for key in common if key not in shapes]
    parted = next((row['name'] for row in rows if row['relative'] > ROUNDING), None)
    return {'rows': sorted(rows, key=lambda row: -row['relative']), 'parted': parted,
            'only_first': [key for key in first if key not in second],
            'only_second': [key for key in second if key not in first], 'shapes': shapes}


def _difference(key, a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid='ignore'):
        difference = np.where(same, 0.0, np.abs(a - b))
    # A number against NaN or infinity is as different as can be.
    difference = np.where(np.isfinite(difference), difference, np.inf)
    largest = float(difference.max()) if difference.size else 0.0
    sizes = np.abs(np.concatenate([a.ravel(), b.ravel()]))
    scale = sizes[np.isfinite(sizes)].max() if np.isfinite(sizes).any() else 0.0
    return {'name': key, 'relative': largest / scale if largest and scale else largest,
            'largest': largest, 'mean': float(difference.mean()) if difference.size else 0.0}


def _print(report, form, lines):
    if form == 'json':
        say(json.dumps(plain(report)))
        return
    for name, part in report.items():
        say(f'\n{name}')
        for line in lines(part):
            say(line)


def _listing(rows):
    yield f'{"min":>11} {"max":>11} {"mean":>11} {"NaN/inf":>8}  {"type":8} shape, name'
    for row in rows:
        numbers = ' '.join(f'{"-":>11}' if row[key] is None else f'{row[key]:11.4g}'
                           for key in ('min', 'max', 'mean'))
        shape = 'x'.join(map(str, row['shape'])) or 'scalar'
        yield f'{numbers} {row["not_finite"]:8d}  {row["type"]:8} {shape}  {row["name"]}'


def _comparison(report):
    rows = report['rows']
    different = [row for row in rows if row['largest'] > 0]
    yield (f'{len(rows)} tensors in both, {len(different)} differ'
           + (f'; in the order of computation {report["parted"]} is the first beyond rounding'
              if report['parted'] else ', none beyond rounding'))
    if different:
        yield f'{"relative":>11} {"largest":>11} {"mean":>11}  name'
    for row in different[:SHOWN]:
        yield f'{row["relative"]:11.4g} {row["largest"]:11.4g} {row["mean"]:11.4g}  {row["name"]}'
    if len(different) > SHOWN:
        yield f'... and {len(different) - SHOWN} more; --format=json gives all'
    for key, text in (('shapes', 'of other shapes'), ('only_first', 'only in the first'),
                      ('only_second', 'only in the second')):
        if report[key]:
            yield f'{text}: {", ".join(report[key][:5])} ({len(report[key])})'
