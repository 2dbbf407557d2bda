"""What a flag is: one row of data, and the conversion and bounds that follow from it.

The same conversion serves the command line (text), YAML and JSON files (typed values), recipes and
`flags.make`, so a value means the same wherever it comes from.
"""

import collections
import math
import re

from common.names import nearest

Row = collections.namedtuple('Row', ['name', 'kind', 'default', 'help', 'choices', 'low', 'high'])
Row.__new__.__defaults__ = (None, None, None)
Row.__doc__ = """One flag.

kind: a key of KINDS. default: value without recipe and command line; None = the recipe or the
network decides. choices: allowed words (for numbers: words allowed beside numbers); 'tfds:NAME'
stands for any word with that prefix. low, high: inclusive bounds of numbers.
"""

DIGITS = 40             # no number is longer than this
LARGEST = 2 ** 63 - 1   # TensorFlow's int64

WORDED = ('str', 'list')     # kinds whose choices are all there is

NULLS = ('null', 'none', 'None', '~')
TRUE = ('true', 't', '1', 'yes')
FALSE = ('false', 'f', '0', 'no')


def convert(row, value):
    """Checked value of a row: hashable, of the row's kind.

    Nothing (None, the words null and None, and for text '') gives the row's default.
    Raises ValueError that says what is allowed.
    """
    if is_null(value):
        return row.default
    if row.kind == 'str' and value == '':
        return row.default
    if row.choices and row.kind != 'list' and value in row.choices:
        return value
    try:
        result = KINDS[row.kind](value)
    except (TypeError, ValueError):
        raise ValueError(f'expected {allowed(row)}')
    _check_bounds(row, result)
    return result


def shortened(value, width=80):
    """A value for a message: of a long one the beginning."""
    if isinstance(value, int) and abs(value) > LARGEST:
        return 'a number too large'
    text = str(value)
    return text if len(text) <= width else f'{text[:width]}... ({len(text)} characters)'


def is_null(value):
    """Whether a value is None or its spelling in YAML or Python."""
    return value is None or (isinstance(value, str) and value in NULLS)


def allowed(row):
    """What a row accepts, in words."""
    if row.choices and row.kind in WORDED:
        return ('one of ' if row.kind == 'str' else 'some of ') + ', '.join(row.choices)
    text = WORDS[row.kind]
    bounds = [f'at least {row.low}'] if row.low is not None else []
    bounds += [f'at most {row.high}'] if row.high is not None else []
    text += (', ' if bounds else '') + ' and '.join(bounds)
    return text + ''.join(f', or {word}' for word in row.choices or ())


def _check_bounds(row, value):
    if row.choices and row.kind in WORDED:
        prefixes = [c.split(':')[0] + ':' for c in row.choices if ':' in c]
        for word in (value,) if row.kind == 'str' else value:
            if word not in row.choices and not any(
                    word.startswith(p) and len(word) > len(p) for p in prefixes):
                near = nearest(word, row.choices)
                hint = f' (did you mean {near[0]}?)' if near else ''
                raise ValueError(f'expected {allowed(row)}{hint}')
    for number in value if isinstance(value, tuple) else (value,):
        low = row.low is not None and not number >= row.low
        if low or (row.high is not None and not number <= row.high):
            raise ValueError(f'expected {allowed(row)}')


def _text(value):
    if isinstance(value, (list, tuple, dict)) or '\0' in str(value):     # no path holds a NUL
        raise ValueError
    return str(value)


def _boolean(value):
    word = str(value).strip().lower()
    if word not in TRUE + FALSE:
        raise ValueError
    return word in TRUE


def _number(value):
    if isinstance(value, bool) or isinstance(value, str) and len(value) > DIGITS:
        raise ValueError
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _integer(value):
    if isinstance(value, str):
        value = value.strip()
        if len(value) <= DIGITS and re.match(r'^[-+]?[0-9]+\Z', value):
            value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        number = _number(value)
        if number != int(number):
            raise ValueError
        value = int(number)
    if abs(value) > LARGEST:
        raise ValueError
    return value


def _items(value):
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    if not isinstance(value, str):
        return [str(value)]
    items = value.strip().strip('[]()').split(',')
    return [item.strip().strip('\'"') for item in items if item.strip()]


def _names(value):
    return tuple(_items(value))


def _steps(value):
    text = str(value).strip()
    if not re.match(r'^\d+(-\d+)?(\|\d+(-\d+)?)*$', text):
        raise ValueError
    return text


def _numbers(value):
    return tuple(_number(item) for item in _items(value))


KINDS = {'str': _text, 'bool': _boolean, 'int': _integer, 'float': _number,
         'list': _names, 'floats': _numbers, 'steps': _steps}
WORDS = {'str': 'text', 'bool': 'True or False', 'int': 'a whole number', 'float': 'a number',
         'list': 'words separated by commas', 'floats': 'numbers separated by commas',
         'steps': 'steps such as 10, 0|5 or 10-20'}
