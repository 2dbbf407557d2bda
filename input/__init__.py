"""Images in, batches out. The public face of the package.

Its names are imported on first use, so that the converter, which shares this package, starts
without TensorFlow.
"""

import importlib

from common.errors import DataError

_HOMES = {'Inputs': 'inputs', 'Serving': 'serving', 'dataset_recipes': 'inputs',
          'find_data': 'inputs', 'images_of': 'inputs', 'usual_side': 'survey'}
__all__ = ['DataError'] + sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'input.{_HOMES[name]}'), name)
