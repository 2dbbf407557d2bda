"""Files at paths and addresses: whole or absent, copied, renamed, removed.

file:// is an address to both runtimes; TensorFlow 2 has ram:// as well, a store in memory.
"""

import os
import uuid

import pytest
import tensorflow.compat.v1 as tf

from common import addresses, files, storage
from common.errors import FlagError, ProgramError, StorageError


@pytest.fixture(params=['path', 'file', 'ram'])
def place(request, tmp_path):
    """An empty folder of the user's."""
    if request.param == 'ram' and not tf.__version__.startswith('2'):
        pytest.skip('ram:// is of TensorFlow 2')
    return {'path': '', 'file': 'file://', 'ram': f'ram://{uuid.uuid4()}'}[request.param] + str(
        tmp_path)


def test_a_file_is_replaced_and_read(place):
    files.make_folder(place)
    path = f'{place}/a.txt'
    assert not storage.exists(path) and files.read_json(path) is None
    for text in 'first', 'the second \u00fc\n':
        files.write_text(path, text)
        assert storage.read_text(path) == text
    with files.written(path) as where:
        with open(where, 'w') as stream:
            stream.write('third')
        assert storage.read_text(path) == 'the second \u00fc\n'
    assert storage.read_bytes(path) == b'third' and storage.names(place) == ['a.txt']
    with pytest.raises(ZeroDivisionError):
        with files.written(path) as where:
            raise ZeroDivisionError
    assert storage.read_bytes(path) == b'third'


def test_folders_are_copied_renamed_and_removed(place):
    files.make_folder(f'{place}/old/inner')
    for name in 'old/one', 'old/inner/two':
        files.write_text(f'{place}/{name}', name)
    assert storage.below(f'{place}/old') == ['inner/two', 'one']
    files.copy_below(f'{place}/old', f'{place}/copy')
    files.rename(f'{place}/old', f'{place}/new')
    files.rename(f'{place}/new/one', f'{place}/new/three')
    assert storage.read_text(f'{place}/copy/inner/two') == 'old/inner/two'
    assert storage.below(f'{place}/new') == ['inner/two', 'three']
    files.remove(f'{place}/new/three')
    files.remove_tree(f'{place}/copy')
    files.remove_tree(f'{place}/never')
    assert storage.names(place) == ['new'] and not storage.is_folder(f'{place}/old')
    assert storage.names_or_none(f'{place}/never') == [] and not storage.is_file(f'{place}/new')
    assert files.can_write(f'{place}/new') and storage.names(f'{place}/new') == ['inner']


def test_a_local_copy_keeps_the_names_and_what_lies_beside(place):
    files.make_folder(f'{place}/mobilenet')
    for name in 'weights.pb', 'model.json', 'other':
        files.write_text(f'{place}/mobilenet/{name}', name)
    one = storage.local(f'{place}/mobilenet/weights.pb', ('model.json', 'config.json'))
    assert one.endswith('/mobilenet/weights.pb') and os.path.isfile(one)
    beside = sorted(os.listdir(os.path.dirname(one)))
    all_of_it = ['model.json', 'other', 'weights.pb']
    assert beside == (['model.json', 'weights.pb'] if storage.is_address(place) else all_of_it)
    assert sorted(os.listdir(storage.local(f'{place}/mobilenet'))) == all_of_it
    with pytest.raises(OSError):
        storage.read_bytes(f'{place}/mobilenet/nothing')


def test_the_same_place_by_another_spelling(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert storage.absolute('run/') == str(tmp_path / 'run')
    assert storage.absolute('s3://bucket/run/') == 's3://bucket/run'
    assert not storage.is_address(str(tmp_path)) and storage.is_address('S3://bucket')


def test_an_unknown_scheme_is_told_with_what_to_do(monkeypatch):
    with pytest.raises(FlagError, match='knows no nowhere:// addresses. Mount the storage'):
        storage.exists('nowhere://bucket/run')
    monkeypatch.setattr(tf.version, 'VERSION', '2.15.1')
    monkeypatch.setattr(addresses.importlib.util, 'find_spec', lambda name: None)
    monkeypatch.setattr(tf.io.gfile, 'stat', failing(tf.errors.UnimplementedError(
        None, None, "File system scheme 's3' not implemented (file: 's3://b/run')")))
    with pytest.raises(FlagError, match='pip install tensorflow-io brings them'):
        storage.exists('s3://b/run')


def failing(error):
    def function(*arguments, **keywords):
        raise error
    return function


@pytest.mark.parametrize('error, kind, part', [
    (tf.errors.PermissionDeniedError(None, None, 'no'), StorageError, 'gs://b/x: no. Check'),
    (tf.errors.InternalError(None, None, 'the bucket hangs'), StorageError, 'the bucket hangs'),
    (tf.errors.NotFoundError(None, None, 'libhdfs.so: cannot open'), StorageError, 'libhdfs.so')])
def test_a_store_that_does_not_answer_is_an_error_of_ours(error, kind, part, monkeypatch):
    """It is told without a trace, and it is an OSError where a missing file would do no harm."""
    for name in 'stat', 'makedirs', 'GFile':
        monkeypatch.setattr(tf.io.gfile, name, failing(error))
    for action in (lambda: storage.is_folder('gs://b/x'), lambda: files.make_folder('gs://b/x'),
                   lambda: files.write_text('gs://b/x', '')):
        with pytest.raises(kind) as caught:
            action()
        assert isinstance(caught.value, (ProgramError, OSError)) and caught.value.exit_code == 1
        assert part in str(caught.value)
    assert not files.can_write('gs://b/x')


def test_a_bucket_that_is_gone_is_no_missing_file(monkeypatch):
    monkeypatch.setattr(tf.io.gfile, 'GFile',
                        failing(tf.errors.NotFoundError(None, None, 'NoSuchBucket')))
    with pytest.raises(StorageError, match='gs://b/x: No such file or directory. Check'):
        files.write_text('gs://b/x', '')


def test_a_store_that_failed_slowly_is_left_alone_for_a_while(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(addresses.time, 'monotonic', lambda: clock[0])

    def slow(*arguments):
        clock[0] += 8.0
        raise tf.errors.UnknownError(None, None, ': Unable to connect to endpoint')
    monkeypatch.setattr(tf.io.gfile, 'stat', slow)
    with pytest.raises(StorageError, match='gs://b/x: Unable to connect to endpoint. Check'):
        storage.exists('gs://b/x')
    assert addresses.away()
    clock[0] += 81.0
    assert not addresses.away()
    addresses.give_up('gone')
    with pytest.raises(StorageError, match='gs://b/y: gone'):
        storage.exists('gs://b/y')
    addresses.give_up(None)
    assert clock[0] == 189.0        # it was not asked
    monkeypatch.setattr(tf.io.gfile, 'stat', failing(tf.errors.NotFoundError(None, None, 'no')))
    assert not storage.exists('gs://b/x')
