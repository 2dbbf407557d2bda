"""Images in, batches out. The public face of the package."""

from input.errors import DataError

__all__ = ['DataError']
