"""Images in, batches out. The public face of the package.

`Inputs` and `open_dataset` are imported on first use, so that the converter, which shares this
package, starts without TensorFlow.
"""

from input.errors import DataError

__all__ = ['DataError', 'Inputs', 'dataset_recipes', 'open_dataset']


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from input import inputs
    return getattr(inputs, name)
