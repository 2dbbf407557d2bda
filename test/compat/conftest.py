"""Data and a working directory for the originals' command lines."""

import pytest
import seed_tools


@pytest.fixture(scope='session')
def world(tmp_path_factory):
    """(folder with the READMEs' data sets, folder of the TFRecords)."""
    root = tmp_path_factory.mktemp('world')
    return root, seed_tools.make_world(root)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('CUDA_VISIBLE_DEVICES', 'ASCEND_DEVICE_ID'):
        monkeypatch.setenv(name, '0')
    return tmp_path
