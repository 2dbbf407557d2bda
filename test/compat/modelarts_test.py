"""ModelArts: the store through moxing, one copying process a job, failures that are said."""

import os
import sys

import pytest

from common.errors import DataError
from compat import modelarts

# A moxing that keeps its objects below the folder `store`.
MOXING = '''
import os, shutil

class file:
    @staticmethod
    def _path(address):
        return address.replace('obs://', 'store/')

    @classmethod
    def exists(cls, address):
        return os.path.exists(cls._path(address))

    @classmethod
    def copy_parallel(cls, source, target):
        shutil.copytree(cls._path(source), cls._path(target))
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('JOB_ID', 'RANK_SIZE', 'RANK_ID', 'DEVICE_INDEX'):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(path, text='x'):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as stream:
        stream.write(text)


def test_addresses_go_through_moxing(here, monkeypatch):
    write('modules/moxing.py', MOXING)
    monkeypatch.syspath_prepend(str(here / 'modules'))
    write('store/bucket/data/train/a')
    places = modelarts.Places('obs://bucket/data', 'cache/data', 'obs://bucket/out', 'cache/out')
    try:
        with modelarts.staged(places):
            assert os.path.exists('cache/data/train/a')
            write('cache/out/model')
    finally:
        sys.modules.pop('moxing', None)
    assert os.path.exists('store/bucket/out/model')


def test_results_go_out_when_training_fails(here):
    write('data/a')
    places = modelarts.Places('data', 'cache/data', 'out', 'cache/out')
    with pytest.raises(KeyError):
        with modelarts.staged(places):
            write('cache/out/model')
            write('cache/out/.lock')
            raise KeyError
    assert os.listdir('out') == ['model']       # the lock is the running program's
    with modelarts.staged(places._replace(output_path='other/out')):
        assert os.listdir('other/out') == ['model']     # a new job continues


def test_one_process_of_a_job_copies(here, monkeypatch):
    write('data/a')
    places = modelarts.Places('data', 'cache/data', 'out', 'cache/out')
    monkeypatch.setenv('JOB_ID', '7')
    monkeypatch.setenv('RANK_SIZE', '8')
    with modelarts.staged(places):
        os.remove('cache/data/a')
        monkeypatch.setenv('DEVICE_INDEX', '1')
        with modelarts.staged(places):
            assert not os.path.exists('cache/data/a')
        assert not os.path.exists('out')
        monkeypatch.setenv('DEVICE_INDEX', '0')
    assert os.path.exists('out')


def test_another_launch_under_the_same_job_id_brings_its_own_data(here, monkeypatch):
    monkeypatch.setenv('JOB_ID', '10087')
    monkeypatch.setenv('RANK_SIZE', '2')
    for launch, order in ('a', '01'), ('b', '10'), ('c', '10'):
        write('data/file', launch)
        places = modelarts.Places('data', 'cache/data', '', 'cache/out')
        for rank in order:
            monkeypatch.setenv('RANK_ID', rank)
            with modelarts.staged(places), open('cache/data/file') as stream:
                assert stream.read() == launch


def test_a_wrong_address(here):
    with pytest.raises(DataError, match='none.*cannot be copied to cache.*nothing is there'):
        modelarts.copy('none', 'cache')
    write('./file')
    write('data/a')
    with pytest.raises(DataError, match='cannot be copied'):
        modelarts.copy('data', 'file/below')
    with pytest.raises(DataError, match='cannot be copied'):
        modelarts.copy('obs://bucket/data', 'cache')        # no moxing here, no such file system
