"""One writer for a model_dir; who only reads it takes no lock."""

import contextlib
import fcntl
import os
import time

from common.console import warn
from common.errors import ProgramError
from common.files import make_folder

# Seconds to wait for another process to record its evaluation; then it is taken to stand still.
PATIENCE = 60.0


@contextlib.contextmanager
def exclusive(model_dir):
    """Keeps a second training out of a model_dir; the lock goes with the process."""
    make_folder(model_dir)
    with _opened(model_dir, '.lock') as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise ProgramError(f'{model_dir} is in use by process {stream.read(20).strip()}. '
                               'Wait for it, or give another --model_dir.')
        except OSError:
            pass        # a file system without locks
        with contextlib.suppress(OSError):      # a full disk keeps no number
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
        yield


@contextlib.contextmanager
def recording(model_dir):
    """Waits for its turn to record an evaluation: a trainer and evaluators may all do so.

    Not to be entered twice by one process: it would wait for itself.
    """
    with _opened(model_dir, '.lock-evaluations') as stream:
        until = time.monotonic() + PATIENCE
        while not _locked(stream):
            if time.monotonic() > until:
                warn(f'another process holds {stream.name} for {PATIENCE:g} s: not waited for')
                break
            time.sleep(0.05)
        yield


def _locked(stream):
    """Whether the file is this process's now, or its file system has no locks."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _opened(model_dir, name):
    try:
        return open(os.path.join(model_dir, name), 'a+', errors='replace')
    except OSError as error:
        raise ProgramError(f'{model_dir} cannot be written ({error.strerror}). Give another '
                           '--model_dir.')
