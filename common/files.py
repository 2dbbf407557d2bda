"""Files that are whole or absent, at a path or an address.

A local one is written under a temporary name, flushed, renamed; one in an object store appears
when it is closed.
"""

import contextlib
import itertools
import json
import math
import os
import shutil
import tempfile

from common import addresses, storage
from common.addresses import is_address
from common.errors import ProgramError, StorageError


def write_text(path, text):
    """Replaces a file at once; a crash or a full disk leaves the old one."""
    write_bytes(path, text.encode('utf-8', 'surrogateescape'))


def write_bytes(path, content):
    """Replaces a file at once; a crash or a full disk leaves the old one."""
    if is_address(path):
        with _writing(path), _settled(path) as place:
            stream = addresses.call('GFile', place, 'wb')
            with addresses.told(path):
                stream.write(content)
                stream.close()
        return
    temporary = f'{path}.tmp'
    with open(temporary, 'wb') as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


@contextlib.contextmanager
def _writing(address):
    """Where something is written `not found` means that the store itself is not."""
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(error.errno, error.strerror, address) from None


@contextlib.contextmanager
def _settled(address):
    """The address to write at: another one, then renamed, where a file appears bit by bit."""
    if addresses.appears_whole(address):
        yield address
        return
    yield f'{address}.tmp'
    addresses.call('rename', f'{address}.tmp', address, overwrite=True)


@contextlib.contextmanager
def written(path):
    """A local path to write to, which replaces `path` at once when the block ends well."""
    if is_address(path):
        with tempfile.TemporaryDirectory() as folder:
            yield os.path.join(folder, os.path.basename(path))
            copy(os.path.join(folder, os.path.basename(path)), path)
        return
    yield f'{path}.tmp'
    os.replace(f'{path}.tmp', path)


def write_json(path, value):
    """Replaces a file of JSON types; numpy scalars become numbers, NaN and infinity null."""
    write_text(path, json.dumps(plain(value), indent=2) + '\n')


def read_json(path):
    """Content of a JSON file, or None when there is none. ValueError: damaged."""
    if not storage.exists(path):
        return None
    return json.loads(storage.read_text(path, errors='strict'))


def read_record(path):
    """A JSON object that a run has written, a dict; None when it is missing or damaged.

    StorageError: the address cannot be read.
    """
    try:
        record = read_json(path)
    except StorageError:
        raise
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def copy(source, target):
    """Copies a file to a path or an address, over what is there."""
    if not is_address(source) and not is_address(target):
        shutil.copy2(source, target)
    elif is_address(target):
        with _settled(target) as place:
            addresses.call('copy', source, place, overwrite=True)
    else:
        addresses.call('copy', source, target, overwrite=True)


def copy_below(source, target, leave_out=None):
    """Copies all files below a folder into another one, but those of the name `leave_out`."""
    make_folder(target)
    for name in storage.below(source):
        if os.path.basename(name) != leave_out:
            make_folder(os.path.join(target, os.path.dirname(name)))
            copy(os.path.join(source, name), os.path.join(target, name))


def rename(old, new):
    """Renames a file or a folder; at an address it is copied, then removed."""
    if not is_address(old):
        os.rename(old, new)
    elif storage.is_folder(old):
        copy_below(old, new)
        remove_tree(old)
    else:
        copy(old, new)
        remove(old)


def put_aside(folder, names):
    """Moves what there is of `names` in a folder to its first free `earlier-N`; returns that."""
    place = next(path for path in (os.path.join(folder, f'earlier-{number}')
                                   for number in itertools.count(1)) if not storage.exists(path))
    make_folder(place)
    for name in names:
        if storage.exists(os.path.join(folder, name)):
            rename(os.path.join(folder, name), os.path.join(place, name))
    return place


def remove(path):
    """Removes a file. OSError: not there."""
    if is_address(path):
        addresses.call('remove', path)
    else:
        os.remove(path)


def remove_tree(path):
    """Removes a folder with what is in it, where there is one; what cannot be removed stays."""
    if not is_address(path):
        shutil.rmtree(path, ignore_errors=True)
    elif storage.is_folder(path):
        with contextlib.suppress(OSError):
            addresses.call('rmtree', path)


def sync_folder(path):
    """Makes renames in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path):
    """Makes a folder of the user's; ProgramError when that is impossible."""
    if is_address(path):
        with _writing(path):
            addresses.call('makedirs', path.rstrip('/'))
        return
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ProgramError(f'{path}: this folder cannot be made ({error.strerror}). '
                           'Give another one.')


def can_write(path):
    """Whether a folder can be written, or made where it is not there yet."""
    if is_address(path):
        probe = os.path.join(path, '.can-write')
        try:
            make_folder(path)
            write_text(probe, '')
            remove(probe)
        except OSError:
            return False
        return True
    path = os.path.abspath(path)
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return os.access(path, os.W_OK)


def plain(value):
    """JSON types of a value; numpy scalars become numbers, NaN and infinity null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, 'item'):  # a numpy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
