"""A model_dir that was copied, whose file `checkpoint` still names the folder it came from."""

import os
import shutil

import program
import pytest
import tensorflow.compat.v1 as tf

from estimator.checkpoints import finding, reading

pytestmark = pytest.mark.usefixtures('shallow')


@pytest.fixture
def folders(tmp_path):
    """(origin, copy): the list has whole paths, as tf.train.Saver writes it without being asked."""
    origin, copy = tmp_path / 'origin', tmp_path / 'copy'
    origin.mkdir()
    program.trained(origin, mode='train', train_steps=3, save_checkpoints_steps=1)
    prefixes = list(reversed(reading.indexed(str(origin))))
    tf.train.update_checkpoint_state(str(origin), prefixes[-1], prefixes)
    shutil.copytree(str(origin), str(copy))
    return origin, copy


def test_readers_take_the_copy_s_own(folders):
    origin, copy = folders
    assert reading.names_others(str(copy)) and not reading.names_others(str(origin))
    assert reading.newest(str(copy)) == str(copy / 'model.ckpt-3')
    assert finding.chosen(str(copy), None)[0] == str(copy / 'model.ckpt-3')
    for path in copy.glob('model.ckpt-3.*'):        # copied by halves
        path.unlink()
    assert reading.newest(str(copy)) == str(copy / 'model.ckpt-2')


def test_training_in_the_copy_touches_nothing_in_the_origin(folders, capsys):
    origin, copy = folders
    before = {path.name: path.read_bytes() for path in origin.iterdir()}
    program.run(copy, mode='train', train_steps=5, save_checkpoints_steps=1, keep_checkpoint_max=1)
    captured = capsys.readouterr()
    assert 'names checkpoints of another folder' in captured.err
    assert f'continuing at step 3 of 5 ({copy}/model.ckpt-3)' in captured.out
    assert {path.name: path.read_bytes() for path in origin.iterdir()} == before
    steps = [reading.step_of(prefix) for prefix in reading.indexed(str(copy))]
    assert steps == [5, 4, 3, 2]        # for each that comes one goes


def test_a_repaired_list_moves_with_its_folder(folders):
    _, copy = folders
    finding.latest_good(str(copy))
    moved = str(copy) + '-moved'
    os.rename(str(copy), moved)
    assert tf.train.latest_checkpoint(moved) == os.path.join(moved, 'model.ckpt-3')
    assert finding.latest_good(moved) == os.path.join(moved, 'model.ckpt-3')
    assert not reading.names_others(moved)
