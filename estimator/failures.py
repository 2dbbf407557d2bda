"""What TensorFlow's and the system's errors mean to a user: errors of ours, with an exit code."""

import contextlib
import errno
import re

import tensorflow.compat.v1 as tf

from common import signals
from common.addresses import give_up
from common.errors import CheckpointError, DataError, ProgramError, StorageError, first_line
from common.storage import is_address, is_folder

# What a file system says, in an OSError or somewhere in an error of TensorFlow.
STORAGE = {errno.ENOSPC: 'No space left on device', errno.EDQUOT: 'Disk quota exceeded',
           errno.EROFS: 'Read-only file system', errno.EACCES: 'Permission denied',
           errno.EPERM: 'Operation not permitted', errno.EIO: 'Input/output error',
           errno.EMFILE: 'Too many open files', errno.EFBIG: 'File too large',
           errno.ESTALE: 'Stale file handle', errno.ENOENT: 'No such file or directory',
           errno.ENOTDIR: 'Not a directory'}
# Those of a disk that takes no more.
FULL = errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG
# What TensorFlow's Saver makes of the last but one.
NO_PARENT = "doesn't exist, can't save"


@contextlib.contextmanager
def told(model_dir, latest, explain_data):
    """Raises errors of ours for what went wrong inside.

    latest: function that gives the newest checkpoint of model_dir; explain_data: function of a
    tf.errors.OpError that gives the message for bad data, or None; it may take long, and is asked
    only about errors of the input pipeline.
    """
    try:
        yield
    except StorageError as error:
        give_up(error.strerror)
        raise
    except ProgramError:
        raise
    except (tf.errors.OpError, OSError, MemoryError, ValueError) as error:
        signals.set_unsaved(False)      # what comes now can be stopped
        known = (_checkpoint(error, latest) or _remote(error, model_dir)
                 or _storage(error, model_dir) or _memory(error)
                 or _data(error, explain_data))
        if known is None:
            raise
        raise known from None
    finally:
        signals.set_unsaved(False)


@contextlib.contextmanager
def written(place):
    """Raises a ProgramError for a full disk under what a mode writes at the end, at `place`."""
    try:
        yield
    except ProgramError:
        raise
    except (tf.errors.OpError, OSError, RuntimeError, ValueError) as error:
        # What closes a file afterwards may hide it: zipfile's "seek of closed file".
        said = next((STORAGE[number] for number in FULL for one in (error, error.__context__)
                     if STORAGE[number] in str(one)), None)
        if said is None:
            raise
        raise ProgramError(f'{place} cannot be written: {said}. Make room, or give another folder, '
                           'and type the same command again.') from None


def _checkpoint(error, latest):
    text = str(error)
    missing = re.search(r'Key (\S+) not found in checkpoint', text)
    if missing:
        return CheckpointError(
            f'{latest()} holds no {missing.group(1)}: it was trained with another optimizer, other '
            'frozen variables (--freeze, --backbone_lr_scale=0) or without averaged weights. Use '
            'the flags it was trained with, or '
            f'--init_checkpoint={latest()} with a fresh --model_dir.')
    if any(part in text for part in ('RestoreV2', 'checkpoint files', 'not a valid checkpoint')):
        return CheckpointError(f'The checkpoint cannot be read ({first_line(error)}). It may have '
                               'been removed meanwhile; type the same command again.')
    return None


def _remote(error, model_dir):
    """What TensorFlow says of an address it could not save to."""
    text = str(error)
    saving = model_dir in text or 'SaveV2' in text or 'MergeV2Checkpoints' in text
    if isinstance(error, tf.errors.OpError) and is_address(model_dir) and saving:
        give_up(first_line(error))
        return _cannot_write(model_dir, first_line(error), model_dir)
    return None


def _storage(error, model_dir):
    if isinstance(error, OSError):
        return storage(error, model_dir)
    text = str(error).replace(NO_PARENT, STORAGE[errno.ENOENT])
    for said in STORAGE.values():
        if said in text and (model_dir in text or 'IteratorGetNext' not in text):
            return _cannot_write(model_dir, said, model_dir)
    return None


def storage(error, model_dir):
    """The ProgramError of an OSError while files of a run are written."""
    if isinstance(error, ProgramError):
        return error
    return _cannot_write(error.filename or model_dir, error.strerror or str(error), model_dir)


def _cannot_write(path, said, model_dir):
    if is_address(model_dir):
        return ProgramError(f'{path} cannot be written: {said}. Check the network and what this '
                            'machine may write there, then type the same command again: it goes on '
                            'from the newest checkpoint.')
    if not is_folder(model_dir):
        return ProgramError(f'{path} cannot be written: {said}. The folder {model_dir} has been '
                            'removed, and its checkpoints with it; the same command starts again.')
    return ProgramError(f'{path} cannot be written: {said}. The checkpoints there are intact; make '
                        'room (or give another --model_dir) and type the same command again.')


def _memory(error):
    beyond = 'is too large (more than 2**63' in str(error)      # a shape nobody has room for
    if beyond or isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
        return ProgramError(f'Out of memory ({first_line(error)}). Lower --train_batch_size '
                            '(--gradient_accumulation_steps keeps the batch of a step), or '
                            '--eval_batch_size.')
    return None


def _data(error, explain_data):
    if 'IteratorGetNext' not in str(error):
        return None
    message = explain_data(error)
    return DataError(message) if message else None
