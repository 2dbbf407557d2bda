"""The embedded digits."""

import io
import multiprocessing
import os
import shutil

import image_tools as tools
import numpy as np
import pytest
from PIL import Image

from common.errors import DataError
from input.records import dataset_json
from input.sources import digits


def test_scans_are_those_of_uci():
    images, labels = digits.load()
    assert images.shape == (1797, 8, 8) and (images.min(), images.max()) == (0, 255)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert images[0, 0].tolist() == [0, 0, 79, 207, 143, 15, 0, 0]    # 0 0 5 13 9 1 0 0


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp('digits') / 'below' / 'digits')
    context = multiprocessing.get_context('spawn')
    processes = [context.Process(target=digits.prepare, args=(folder,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    return folder


def test_two_processes_leave_one_good_folder(prepared):
    assert os.listdir(os.path.dirname(prepared)) == ['digits']
    assert tools.run('--verify', prepared, '--workers=1') == 0
    content = dataset_json.read(prepared)
    assert content['class_names'] == [str(digit) for digit in range(10)]
    assert content['splits']['train']['num_examples'] == 1437
    assert content['splits']['validation']['num_examples'] == 360


def test_split_and_fidelity(prepared):
    images, labels = digits.load()
    rows = tools.by_name(prepared, 'validation')
    assert sorted(rows) == [f'{row:04d}.png' for row in range(1437, 1797)]
    for row in range(1437, 1797, 20):
        found = rows[f'{row:04d}.png']
        assert found['image/class/label'] == [labels[row]]
        image = np.asarray(Image.open(io.BytesIO(found['image/encoded'][0])), np.float32)
        assert image.shape == (32, 32)
        means = image.reshape(8, 4, 8, 4).mean((1, 3))
        assert np.corrcoef(means.ravel(), images[row].ravel())[0, 1] > 0.97


def test_default_folder_and_second_call(prepared, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert digits.default_directory() == str(tmp_path / 'small-classifiers' / 'digits')
    assert digits.prepare(prepared) == prepared and capsys.readouterr().out == ''
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', '/home/someone')
    assert digits.default_directory() == '/home/someone/.cache/small-classifiers/digits'


def test_another_process_is_faster_by_a_moment(prepared, tmp_path, monkeypatch):
    """Its folder appears after this one has looked for dataset.json."""
    ready, place, exists = str(tmp_path / 'ready'), str(tmp_path / 'digits'), os.path.exists
    shutil.copytree(prepared, ready)

    def overtaken(path):
        found = exists(path)
        if exists(ready):
            os.rename(ready, place)
        return found
    monkeypatch.setattr(os.path, 'exists', overtaken)
    assert digits.prepare(place) == place


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    tools.put(f'{tmp_path}/mine/notes.txt', b'keep')
    with pytest.raises(DataError, match='holds no dataset.json'):
        digits.prepare(f'{tmp_path}/mine')
    assert os.listdir(f'{tmp_path}/mine') == ['notes.txt']
