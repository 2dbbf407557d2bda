"""One writer for a model_dir; who only reads it takes no lock.

At an address nothing can be locked. There the writer leaves its name and the time in `.lock`, and
again at each checkpoint and each minute; another one that finds them is warned and goes on.
"""

import contextlib
import fcntl
import os
import socket
import time

from common import addresses, storage
from common.console import warn
from common.errors import ProgramError
from common.files import make_folder, read_record, remove, write_json

# Seconds to wait for another process to record its evaluation; then it is taken to stand still.
PATIENCE = 60.0
# Seconds within which a writer at an address that has been heard of counts as alive.
RECENT = 600.0
NAME = '.lock'
# model_dir -> when this process was last heard of there.
_SIGNED = {}


@contextlib.contextmanager
def exclusive(model_dir):
    """Keeps a second training out of a model_dir; the lock goes with the process."""
    make_folder(model_dir)
    if storage.is_address(model_dir):
        _sign(model_dir)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                remove(os.path.join(model_dir, NAME))
            addresses.give_up(None)
        return
    with _opened(model_dir, NAME) as stream:
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


def renew(model_dir, every=0.0):
    """Says at an address that this process still writes there; a store that is away is no matter.

    every: seconds since the last time within which there is nothing to do.
    """
    if (storage.is_address(model_dir) and not addresses.away()
            and time.monotonic() - _SIGNED.get(model_dir, 0) >= every):
        with contextlib.suppress(OSError):
            _sign(model_dir)


def _sign(model_dir):
    """Leaves this process's name and the time; warns where another one did just now."""
    path, me = os.path.join(model_dir, NAME), f'{socket.gethostname()}:{os.getpid()}'
    found = read_record(path) or {}
    other, age = str(found.get('process', me)), time.time() - float(found.get('time', 0))
    if other != me and age < RECENT and _may_live(other):
        warn(f'{other} wrote to {model_dir} {max(age, 0):.0f} s ago. Two trainings of one folder '
             'spoil each other: unless that one has ended, end one of them')
    write_json(path, {'process': me, 'time': time.time()})
    _SIGNED[model_dir] = time.monotonic()


def _may_live(process):
    """Whether a host:pid may still run; of this host it is known."""
    host, _, pid = process.rpartition(':')
    return host != socket.gethostname() or os.path.exists(f'/proc/{pid}')


@contextlib.contextmanager
def recording(model_dir):
    """Waits for its turn to record an evaluation: a trainer and evaluators may all do so.

    Not to be entered twice by one process: it would wait for itself.
    """
    if storage.is_address(model_dir):
        yield
        return
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
