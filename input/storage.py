"""Files by path or address: local ones through os, gs://, hdfs://, s3:// through tf.io.gfile.

TensorFlow is imported for addresses only, so the converter starts without it. What would block or
never end when read (a FIFO, a socket, a device, a link that leads to itself) is named, not opened.
"""

import errno
import os
import stat

from common.errors import DataError
from common.files import is_address

_SPECIAL = ((stat.S_ISFIFO, 'a FIFO'), (stat.S_ISSOCK, 'a socket'), (stat.S_ISCHR, 'a device'),
            (stat.S_ISBLK, 'a device'))


def _gfile():
    import tensorflow.compat.v1 as tf
    return tf.io.gfile


def _asked(question, path):
    """The answer of tf.io.gfile; OSError where its file system has none."""
    import tensorflow.compat.v1 as tf
    try:
        return question(path)
    except (tf.errors.OpError, NotImplementedError) as error:
        raise OSError(errno.EIO, str(error).split('\n')[0], path) from error


def is_folder(path):
    """Whether there is such a folder."""
    return _asked(_gfile().isdir, path) if is_address(path) else os.path.isdir(path)


def is_file(path):
    """Whether there is such a file that can be read to its end."""
    if is_address(path):
        return _asked(_gfile().exists, path) and not is_folder(path)
    return os.path.isfile(path)


def size(path):
    """Size of a file in bytes. OSError: not there."""
    if is_address(path):
        return _asked(_gfile().stat, path).length
    return os.path.getsize(path)


def stamp(path):
    """[size, time of the last change in ns]: another value means another content."""
    if is_address(path):
        found = _asked(_gfile().stat, path)
        return [found.length, found.mtime_nsec]
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns]


def names(folder):
    """Sorted names in a folder. OSError: not there."""
    if is_address(folder):
        return sorted(name.rstrip('/') for name in _asked(_gfile().listdir, folder))
    return sorted(os.listdir(folder))


def open_binary(path, buffering=1 << 20):
    """A stream with read, seek and close, for `with`. OSError: not there."""
    if is_address(path):
        if not is_file(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return _gfile().GFile(path, 'rb')
    return open(path, 'rb', buffering=buffering)


def read_text(path):
    """Content of a text file. OSError: not there."""
    with open_binary(path) as stream:
        return stream.read().decode('utf-8', 'surrogateescape')


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
