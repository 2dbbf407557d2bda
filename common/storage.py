"""Files by path or address: local ones through os, gs://, hdfs://, s3:// through tf.io.gfile.

TensorFlow is imported for addresses only, so the converter starts without it. What would block or
never end when read (a FIFO, a socket, a device, a link that leads to itself) is named, not opened.
"""

import atexit
import errno
import functools
import os
import shutil
import stat
import tempfile

from common import addresses
from common.addresses import is_address
from common.errors import DataError

_SPECIAL = ((stat.S_ISFIFO, 'a FIFO'), (stat.S_ISSOCK, 'a socket'), (stat.S_ISCHR, 'a device'),
            (stat.S_ISBLK, 'a device'))


def _found(address):
    """What tf.io.gfile knows of an address; None where nothing is. StorageError: no answer."""
    try:
        return addresses.call('stat', address)
    except (FileNotFoundError, NotADirectoryError):
        return None


def exists(path):
    """Whether there is such a file or folder."""
    return _found(path) is not None if is_address(path) else os.path.exists(path)


def is_folder(path):
    """Whether there is such a folder."""
    if is_address(path):
        found = _found(path)
        return found is not None and found.is_directory
    return os.path.isdir(path)


def is_file(path):
    """Whether there is such a file that can be read to its end."""
    if is_address(path):
        found = _found(path)
        return found is not None and not found.is_directory
    return os.path.isfile(path)


def size(path):
    """Size of a file in bytes. OSError: not there."""
    return addresses.call('stat', path).length if is_address(path) else os.path.getsize(path)


def stamp(path):
    """[size, time of the last change in ns]: another value means another content."""
    if is_address(path):
        found = addresses.call('stat', path)
        return [found.length, found.mtime_nsec]
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns]


def names(folder):
    """Sorted names in a folder. OSError: not there."""
    if is_address(folder):
        found = (name.rstrip('/') for name in addresses.call('listdir', folder))
        return sorted(set(found) - {''})        # a store may list the folder itself
    return sorted(os.listdir(folder))


def first_names(folder):
    """For a message: the first names in a folder that are not hidden, or 'nothing'."""
    return ', '.join([name for name in names(folder) if not name.startswith('.')][:5]) or 'nothing'


def names_or_none(folder):
    """Sorted names in a folder, [] where there is none."""
    return names(folder) if is_folder(folder) else []


def below(folder):
    """Sorted paths of all files below a folder, from there."""
    found = []
    for name in names(folder):
        path = os.path.join(folder, name)
        found += ([os.path.join(name, inner) for inner in below(path)] if is_folder(path)
                  else [name])
    return found


def absolute(path):
    """The same place from every folder: a path from the root, an address without a last slash."""
    return path.rstrip('/') if is_address(path) else os.path.abspath(path)


def open_binary(path, buffering=1 << 20):
    """A stream with read, seek and close, for `with`. OSError: not there."""
    if is_address(path):
        if not is_file(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return addresses.call('GFile', path, 'rb')
    return open(path, 'rb', buffering=buffering)


def read_bytes(path):
    """Content of a file. OSError: not there, or not to be read."""
    with open_binary(path) as stream:
        if not is_address(path):
            return stream.read()
        with addresses.told(path):
            return stream.read()


def read_text(path, encoding='utf-8', errors='surrogateescape'):
    """Content of a text file, line ends as they are. OSError: not there."""
    return read_bytes(path).decode(encoding, errors)


@functools.lru_cache(None)
def local(path, beside=()):
    """A path as it is; of an address the path of a copy, kept until the process ends.

    beside: names of files to have in the same folder, where they are there. OSError: not there.
    """
    if not is_address(path):
        return path
    path = path.rstrip('/')
    folder = tempfile.mkdtemp(prefix='copied-')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = os.path.join(folder, path.partition('://')[2].lstrip('/'))     # names may tell
    pairs = [(path, target)]
    if is_folder(path):
        pairs = [(os.path.join(path, name), os.path.join(target, name)) for name in below(path)]
        os.makedirs(target)
    else:
        near = ((os.path.join(os.path.dirname(path), name),
                 os.path.join(os.path.dirname(target), name)) for name in beside)
        pairs += [pair for pair in near if is_file(pair[0])]
    for source, copy in pairs:
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        addresses.call('copy', source, copy, overwrite=True)
    return target


def oddity(path):
    """What a local path is that is neither file nor folder, in words; None where all is well."""
    if is_address(path):
        return None
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return 'a link that leads to itself' if error.errno == errno.ELOOP else None
    return next((words for test, words in _SPECIAL if test(mode)), None)


def refuse_odd(path):
    """Raises DataError for a path that `oddity` has a word for."""
    words = oddity(path)
    if words:
        raise DataError(f'{path} is {words}, no file. Remove it, or name another place')
