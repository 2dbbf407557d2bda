"""ModelArts: data copied in from the store, unzipped, results copied out.

The store (OBS or S3 addresses, or any folder) is read and written through `moxing` where it is
installed and the address is not local, else through tf.io.gfile.

    with staged(Places(data_url='obs://bucket/data', ...)) as places: train

NOTE: the originals copy nothing out of a run that fails; here what there is is copied out.
"""

import collections
import contextlib
import fcntl
import importlib.util
import os
import shutil
import zipfile

from common import files, storage
from common.console import say
from common.errors import DataError

LOCK = '.lock'      # of a running training's model_dir

Places = collections.namedtuple(
    'Places', ['data_url', 'data_path', 'train_url', 'output_path', 'checkpoint_url', 'load_path',
               'unzip'])
Places.__new__.__defaults__ = (None, '/cache/data', None, '/cache/train', None,
                               '/cache/checkpoint_path', None)
Places.__doc__ = """An address of the store and the local folder that stands for it, three times:
data, results, checkpoint to start from. unzip: name of a zip file of the data without .zip, which
becomes the folder of that name; None: there is none."""


@contextlib.contextmanager
def staged(places):
    """Brings data, checkpoint and earlier results in; results go out when the block ends."""
    with _alone(places.data_path) as first:
        if first:
            _bring(places)
    if places.train_url:
        os.makedirs(places.output_path, exist_ok=True)
    try:
        yield
    finally:
        if places.train_url and os.environ.get('DEVICE_INDEX', '0') == '0':
            copy(places.output_path, places.train_url)


def _bring(places):
    if places.data_url:
        copy(places.data_url, places.data_path)
    if places.unzip:
        unzip(places.data_path, places.unzip)
    if places.checkpoint_url:
        copy(places.checkpoint_url, places.load_path)
    if places.train_url and _exists(places.train_url):
        copy(places.train_url, places.output_path)


@contextlib.contextmanager
def _alone(path):
    """True for one process of a job on this machine, while the job's others wait for it.

    The file lists the ranks that have been here. One that comes again belongs to another launch
    under the same JOB_ID (the launchers' is always the same), for which things are brought anew.
    """
    rank = os.environ.get('RANK_ID') or os.environ.get('DEVICE_INDEX', '0')
    job = os.environ.get('JOB_ID') if int(os.environ.get('RANK_SIZE') or 1) > 1 else None
    if not job:
        yield True
        return
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(f'{path.rstrip("/")}.{job}.lock', 'a+') as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        here = stream.read().split()
        first = not here or rank in here
        yield first
        if first:
            stream.truncate(0)
        stream.write(f'{rank}\n')


def around(given, defaults, start):
    """Runs and copies model_dir to --obs_dir, as the TensorFlow ports' launchers meant to."""
    address = given.pop('obs_dir', None)
    if not address:
        return start(given, defaults)
    given.setdefault('model_dir', './result')
    with staged(Places(train_url=address, output_path=given['model_dir'])):
        return start(given, defaults)


def copy(source, target):
    """Copies a folder's content, or a file into a folder; what is there is overwritten.

    Raises DataError: no such source, no right to read or write, no client for such addresses.
    """
    try:
        if not _exists(source):
            raise FileNotFoundError('nothing is there')
        say(f'copying {source} to {target}')
        if _by_moxing(source + target):
            import moxing
            moxing.file.copy_parallel(source, target)
        else:
            _copy(source, target)
    except Exception as error:  # moxing and tf.io.gfile raise many kinds
        raise DataError(f'{source} cannot be copied to {target}: {error}. Check the address, and '
                        'that this job may read the one and write the other.')


def _by_moxing(addresses):
    return '://' in addresses and importlib.util.find_spec('moxing') is not None


def _exists(address):
    if _by_moxing(address):
        import moxing
        return moxing.file.exists(address)
    return storage.exists(address)


def _copy(source, target):
    if storage.is_folder(source):
        files.copy_below(source, target, LOCK)
    else:
        files.make_folder(target)
        files.copy(source, os.path.join(target, os.path.basename(source)))


def unzip(folder, name):
    """Unpacks folder/name.zip to folder/name, once; a folder of that name is left as it is.

    The zip may hold the folder `name` or its content. Raises DataError: neither is there, damaged.
    """
    target, path = os.path.join(folder, name), os.path.join(folder, name + '.zip')
    if os.path.isdir(target):
        return
    if not os.path.exists(path):
        raise DataError(f'{path}: no such file, and no folder {target} (modelarts_dataset_unzip_'
                        'name). Check data_url, or set need_modelarts_dataset_unzip to False.')
    say(f'unpacking {path}')
    partial = target + '.partial'
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(partial)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f'{path} cannot be unpacked: {error}')
    inside = os.path.join(partial, name)
    os.replace(inside if os.path.isdir(inside) else partial, target)
    shutil.rmtree(partial, ignore_errors=True)
