"""The one exception of this package."""


class DataError(Exception):
    """Data that cannot be used: what happened, in which file and record, what to type next."""

    exit_code = 3
