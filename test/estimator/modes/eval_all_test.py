"""--eval_all evaluates every checkpoint of a folder; --trainable_scopes trains what it names."""

import program
import pytest
import tensorflow.compat.v1 as tf

import flags
from common.errors import CheckpointError, FlagError
from estimator import updates

pytestmark = pytest.mark.usefixtures('shallow')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    program.run(folder, mode='train', train_steps=1)
    return folder


def test_every_checkpoint_of_a_model_dir(trained):
    _, result = program.run(trained, mode='eval', eval_all=True)
    steps = [row['global_step'] for row in result['evaluations']]
    assert steps == [0, 1]
    assert all(row['eval_examples'] == 10 for row in result['evaluations'])
    assert result['checkpoint'].endswith('model.ckpt-1')
    assert not (trained / 'report.html').exists()       # of one checkpoint only


def test_every_checkpoint_of_another_folder(trained, tmp_path):
    (trained / 'checkpoint').rename(trained / 'state')      # a folder somebody copied together
    try:
        _, result = program.run(tmp_path, mode='eval', eval_all=True, init_checkpoint=trained)
    finally:
        (trained / 'state').rename(trained / 'checkpoint')
    assert [row['global_step'] for row in result['evaluations']] == [0, 1]
    with pytest.raises(CheckpointError, match='no checkpoint in this directory'):
        program.run(tmp_path / 'fresh', mode='eval', eval_all=True)


def test_trainable_scopes_and_freeze():
    with tf.Graph().as_default():
        for name in ('A/x', 'A/y', 'B/x'):
            tf.get_variable(name, [1])

        def names(**given):
            return [v.op.name for v in updates.trained_variables(flags.make(**given))]
        assert names() == ['A/x', 'A/y', 'B/x']
        assert names(trainable_scopes='B') == ['B/x']
        assert names(trainable_scopes='A,B', freeze='A/y') == ['A/x', 'B/x']
        with pytest.raises(FlagError, match='leave no variable to train'):
            names(trainable_scopes='C')
