"""The options of a launcher: its own, and what main.py makes of all the others.

Names, aliases, dashes and bad values are the business of `flags`, which packages may not import
from each other; it is asked as a program of its own, `python -m flags --canonical`.
"""

import collections
import json
import os
import subprocess
import sys

from common.errors import FlagError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

LaunchOptions = collections.namedtuple(
    'LaunchOptions', ['words', 'values', 'output_path', 'help', 'hosts_file'])
LaunchOptions.__new__.__defaults__ = (None,)
LaunchOptions.__doc__ = """words: the command line for main.py; values: canonical flag -> value, of
flags that were given; output_path, hosts_file: the launcher's own, or None; help: whether --help
was asked for."""


def read(words):
    """LaunchOptions of a launcher's command line. FlagError: what main.py would refuse."""
    output_path, rest = _take(words, 'output_path')
    hosts_file, rest = _take(rest, 'hosts_file')
    asked = any(word in ('-h', '--help') for word in rest)
    values = {} if asked else canonical(rest)
    return LaunchOptions(rest, values, output_path, asked, hosts_file)


def canonical(words):
    """Canonical flag -> value of the flags on a command line of main.py."""
    path = os.pathsep.join([ROOT] + os.environ.get('PYTHONPATH', '').split(os.pathsep))
    done = subprocess.run([sys.executable, '-m', 'flags', '--canonical'] + list(words),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                          env=dict(os.environ, PYTHONPATH=path))
    if done.returncode:
        raise FlagError(done.stderr.strip() or f'python -m flags ended with {done.returncode}')
    return json.loads(done.stdout)


def _take(words, name):
    """(value of `--name=value` or `--name value`, the other words)."""
    value, rest, expected = None, [], False
    for word in words:
        bare, equals, text = word.partition('=')
        if expected:
            value, expected = word, False
        elif bare.startswith('--') and bare.lstrip('-').replace('-', '_') == name:
            value, expected = (text, False) if equals else (None, True)
        else:
            rest.append(word)
    if expected:
        raise FlagError(f'--{name} needs a value: --{name}=PATH')
    return value, rest
