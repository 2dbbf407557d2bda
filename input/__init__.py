"""Images in, batches out. The public face of the package."""

from input.errors import DataError
from input.inputs import Inputs, open_dataset

__all__ = ['DataError', 'Inputs', 'dataset_recipes', 'open_dataset']


def dataset_recipes(params):
    """(source, dict of flags) of the recipe the chosen data set brings along, if it does."""
    if params.data_dir or params.dataset not in (None, 'digits'):
        return []
    from input import digits
    return [('recipe of the embedded digits', digits.RECIPE)]
