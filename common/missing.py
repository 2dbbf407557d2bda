"""A package that is not installed, or too little memory to load one: what to do, instead of a stack
trace."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tell():
    """Call before the first import of a package that is not Python's own.

    numpy's OpenBLAS starts a thread a core at its import, each with a stack and a buffer, and
    crashes or hangs where there is no room for them. No large matrix is multiplied in numpy here.
    """
    sys.excepthook = _tell
    os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')


def _tell(kind, error, trace):
    if issubclass(kind, MemoryError) or 'failed to map segment' in str(error):
        print('ERROR: not enough memory, or a limit below what the program needs: see `ulimit -v`, '
              'which should say unlimited, and the limits of the container.', file=sys.stderr)
        return
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
