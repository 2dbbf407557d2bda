"""What a user can be told: one exception a kind of mistake, each with the program's exit code.

    0 done, 2 bad flags, 3 bad data, 4 NaN, 5 checkpoint, 6 another process was lost,
    75 stopped by a signal and saved, 1 anything else

A message says what happened, where (file, record, flag) and what to type next; the entry points
print it without a stack trace.
"""

import re

PREEMPTED = 75


class ProgramError(Exception):
    """The run cannot go on."""
    exit_code = 1


class FlagError(ProgramError, ValueError):
    """A flag, recipe or configuration file that cannot be used, or flags that contradict."""
    exit_code = 2


class DataError(ProgramError):
    """Data that are missing, damaged, or not what the flags say."""
    exit_code = 3


class NanError(ProgramError):
    """The loss or a gradient became NaN or infinite."""
    exit_code = 4


class CheckpointError(ProgramError):
    """A checkpoint that is missing, damaged, or of another network."""
    exit_code = 5


class LostError(ProgramError):
    """Another process of this run has died, hangs or has failed; the same command goes on."""
    exit_code = 6


class StorageError(ProgramError, OSError):
    """An address that cannot be read or written; made of errno, what was said, and the address."""

    def __str__(self):
        return (f'{self.filename}: {self.strerror}. Check the address, the network and what this '
                'machine may read and write there; then type the same command again.')


def first_line(error, width=200):
    """The one line of an error that says what is wrong; TensorFlow 2 hides it behind a trace."""
    text = getattr(error, 'message', None) or str(error)
    found = re.search(r"^Node: '.*'\n(.*)", text, re.MULTILINE)
    lines = [line.strip() for line in (found.group(1) if found else text).splitlines()]
    return next((line[:width] for line in lines if line), type(error).__name__)
