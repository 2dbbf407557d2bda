"""A package that is not installed: what to type, instead of a stack trace."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tell():
    """Call before the first import of a package that is not Python's own."""
    sys.excepthook = _tell


def _tell(kind, error, trace):
    name = (getattr(error, 'name', None) or '').split('.')[0]
    if not issubclass(kind, ModuleNotFoundError) or not name or _ours(name):
        sys.__excepthook__(kind, error, trace)
        return
    print(f'ERROR: the package {name} is not installed for {sys.executable} (Python '
          f'{sys.version.split()[0]}). Type: make setup && source .venv/bin/activate\n'
          'or, with a Python 3.7: pip install -r requirements.txt; with a Python 3.9 to 3.11: '
          'pip install -r requirements-tf2.txt', file=sys.stderr)


def _ours(name):
    """A module of this project that is not found is a mistake of ours."""
    return os.path.exists(os.path.join(ROOT, name)) or os.path.exists(
        os.path.join(ROOT, f'{name}.py'))
