"""The exception of this package."""


class FlagError(Exception):
    """A flag, recipe or configuration file that cannot be used; main.py exits with 2."""

    exit_code = 2
