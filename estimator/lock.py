"""One writer for a model_dir."""

import contextlib
import fcntl
import os

from common.errors import ProgramError


@contextlib.contextmanager
def exclusive(model_dir):
    """Keeps a second writer out of a model_dir; the lock goes with the process."""
    os.makedirs(model_dir, exist_ok=True)
    with open(os.path.join(model_dir, '.lock'), 'a+') as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.seek(0)
            raise ProgramError(f'{model_dir} is in use by process {stream.read().strip()}. '
                               'Wait for it, or give another --model_dir.')
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
