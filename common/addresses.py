"""Addresses such as gs://bucket/folder: tf.io.gfile with errors that a user can be told.

TensorFlow is imported when the first address is asked about. Under TensorFlow 2 some schemes come
with tensorflow-io, which is imported where TensorFlow alone does not know one.
"""

import atexit
import contextlib
import errno
import importlib
import importlib.util
import os
import re
import sys
import time

from common.errors import FlagError, StorageError, first_line

_ADDRESS = re.compile(r'([A-Za-z][A-Za-z0-9+.-]+)://')
# Stores in which a file appears when it is closed, so that no other name is written first. A
# rename there is a copy.
APPEARS_WHOLE = ('gs', 's3', 'az', 'oss')
# What tensorflow-io brings to TensorFlow 2.
_BY_PLUGIN = ('s3', 'hdfs', 'viewfs', 'har', 'az', 'oss')
_DENIED = re.compile(r'denied|forbidden|\b40[13]\b|credential|unauthorized', re.IGNORECASE)


def is_address(path):
    """Whether a path starts with a scheme, as in gs://bucket/folder."""
    return bool(_ADDRESS.match(path))


def appears_whole(address):
    """Whether a file at such an address is there in whole or not at all."""
    return _scheme(address) in APPEARS_WHOLE


def _scheme(address):
    return _ADDRESS.match(address).group(1).lower()


def call(name, address, *arguments, **keywords):
    """tf.io.gfile's function of that name.

    FileNotFoundError, NotADirectoryError: nothing is there; StorageError: not to be reached, or
    not allowed; FlagError: TensorFlow does not know the scheme.
    """
    import tensorflow.compat.v1 as tf
    try:
        with told(address):
            return getattr(tf.io.gfile, name)(address, *arguments, **keywords)
    except _UnknownScheme:
        _plugin(_scheme(address), address)
    with told(address):
        return getattr(tf.io.gfile, name)(address, *arguments, **keywords)


class _State:
    plugin = False      # whether tensorflow-io has been imported
    until = 0.0         # when a store that has failed is asked again about what can wait
    gone = None         # what it said last, where it is not asked any more


def away():
    """Whether a store has just failed: what can wait is tried again after ten times as long."""
    return time.monotonic() < _State.until


def give_up(error=None):
    """From now on every question about an address fails at once with this error, until called with
    None: a run that ends for want of its store does not wait for it again and again."""
    _State.gone = error


def leave(code):
    """sys.exit; after tensorflow-io, which aborts in its own end, without the interpreter's."""
    if _State.plugin:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


class _UnknownScheme(FlagError):
    """TensorFlow alone does not know the scheme."""


@contextlib.contextmanager
def told(address):
    """Makes TensorFlow's errors about an address those of `call`."""
    import tensorflow.compat.v1 as tf
    start = time.monotonic()
    if _State.gone:
        raise StorageError(errno.EIO, _State.gone, address)
    try:
        yield
        _State.until = 0.0
    except tf.errors.NotFoundError as error:
        if '.so' in str(error):         # hdfs:// without Hadoop's library
            raise StorageError(errno.EIO, first_line(error), address) from None
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), address) from None
    except (tf.errors.OpError, NotImplementedError) as error:
        said = first_line(error)
        if said.endswith('Not a directory'):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), address) from None
        if re.search(r'scheme .*not implemented', said):
            raise _UnknownScheme(said) from None
        kinds = tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError
        denied = isinstance(error, kinds) or _DENIED.search(said)
        said = said.strip(' :.') or type(error).__name__
        _State.until = time.monotonic() + 10 * (time.monotonic() - start)
        raise StorageError(errno.EACCES if denied else errno.EIO, said, address) from None


def _plugin(scheme, address):
    """Imports what brings a scheme; FlagError where nothing does."""
    import tensorflow.compat.v1 as tf
    advice = 'Mount the storage (s3fs, gcsfuse, NFS) and name the folder.'
    if scheme in _BY_PLUGIN and tf.version.VERSION.startswith('2'):
        if importlib.util.find_spec('tensorflow_io'):
            try:
                importlib.import_module('tensorflow_io')
                _State.plugin = True
                return
            except Exception as error:  # pylint: disable=broad-except
                advice = (f'tensorflow-io is installed, but cannot be imported '
                          f'({first_line(error)}); take the release made for this TensorFlow.')
        else:
            advice = ('pip install tensorflow-io brings them (0.36.0 is the release for TensorFlow '
                      '2.15), or mount the storage and name the folder.')
    raise FlagError(f'{address}: TensorFlow {tf.version.VERSION} knows no {scheme}:// addresses. '
                    + advice)
