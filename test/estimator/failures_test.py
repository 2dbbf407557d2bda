"""Errors of a run: one message with what to do, and no search where the data are not to blame."""

import errno

import pytest
import tensorflow.compat.v1 as tf

from common.errors import FlagError, ProgramError
from estimator import failures


def told(error):
    asked = []
    with pytest.raises(ProgramError) as caught:
        with failures.told('/runs/a', lambda: '/runs/a/model.ckpt-3',
                           lambda failed: asked.append(failed) or 'shard 3, record 4'):
            raise error
    return caught.value.exit_code, str(caught.value), bool(asked)


@pytest.mark.parametrize('error, code, part, scans', [
    (tf.errors.NotFoundError(None, None, 'Key a/Adam not found in checkpoint [[save/RestoreV2]]'),
     5, 'holds no a/Adam', False),
    (tf.errors.ResourceExhaustedError(None, None, '/runs/a/model.ckpt-4: No space left on device'),
     1, 'No space left', False),
    (tf.errors.UnknownError(None, None, '/runs/a/model.ckpt-4_temp; File too large'),
     1, 'File too large', False),
    (tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating tensor'),
     1, '--train_batch_size', False),
    (ValueError('Shape [9,9] is too large (more than 2**63 - 1 entries)'),
     1, '--train_batch_size', False),
    (ValueError("Parent directory of /runs/a/model.ckpt doesn't exist, can't save."),
     1, 'The folder /runs/a has been removed', False),
    (OSError(errno.EROFS, 'Read-only file system', '/runs/a/log.csv'), 1, '/runs/a/log.csv', False),
    (OSError(errno.ENOSPC, 'No space left on device'), 1, '/runs/a cannot be written', False),
    (tf.errors.InvalidArgumentError(None, None, 'bad image [[IteratorGetNext]]'),
     3, 'record 4', True)])
def test_errors_are_told_without_a_search(error, code, part, scans):
    found = told(error)
    assert (found[0], found[2]) == (code, scans) and part in found[1]


def test_an_error_of_ours_stays_what_it_is():
    """A FlagError is a ValueError, and speaks of files."""
    with pytest.raises(FlagError, match='^--config_file=x: No such file or directory$'):
        with failures.told('/runs/a', lambda: None, lambda failed: pytest.fail('scanned')):
            raise FlagError('--config_file=x: No such file or directory')


def test_an_error_of_the_graph_does_not_scan_the_data():
    error = tf.errors.InvalidArgumentError(None, None, 'Incompatible shapes [[gradients/mul]]')
    with pytest.raises(tf.errors.InvalidArgumentError):
        with failures.told('/runs/a', lambda: None, lambda failed: pytest.fail('scanned')):
            raise error
