"""Images in, batches out. The public face of the package."""

from input.errors import DataError
from input.inputs import Inputs, open_dataset

__all__ = ['DataError', 'Inputs', 'open_dataset']
