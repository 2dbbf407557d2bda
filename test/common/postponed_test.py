"""What is said before TensorFlow is needed does not import it."""

import json

import program
import pytest


@pytest.fixture(scope='module')
def without_tensorflow(tmp_path_factory):
    """Environment in which an import of TensorFlow fails."""
    folder = tmp_path_factory.mktemp('path')
    package = folder / 'tensorflow'
    package.mkdir()
    (package / '__init__.py').write_text('raise ImportError("TensorFlow was imported")\n')
    return {'PYTHONPATH': str(folder), 'XDG_CACHE_HOME': str(folder)}


def test_help_needs_no_tensorflow(without_tensorflow):
    done = program.main_command('--help', env=without_tensorflow)
    assert (done.returncode, done.stderr) == (0, '') and '--model_name' in done.stdout


def test_explain_needs_no_tensorflow(without_tensorflow):
    done = program.main_command('--model_name=mixnet-s', '--explain', env=without_tensorflow)
    assert (done.returncode, done.stderr) == (0, '')
    assert 'network    mixnet-s, 10 classes' in done.stdout     # of the digits, converted just now


def test_inspect_needs_no_tensorflow(without_tensorflow):
    done = program.main_command('--model_name=mixnet-s', '--mode=inspect', '--format=json',
                                env=without_tensorflow)
    assert (done.returncode, done.stderr) == (0, '')
    assert json.loads(done.stdout)['parameters'] == 4134606


@pytest.mark.parametrize('words, code, text', [
    (['--model_name=mixnet-t'], 2, "Did you mean 'mixnet-s'"),
    (['--model_name=mixnet-s', '--data_dir=/nowhere', '--mode=inspect', '--bogus=1'], 2, 'bogus'),
    (['--model_name=mixnet-s', '--data_dir=/nowhere'], 3, 'no such directory: /nowhere'),
    (['--model_name=mixnet-s', '--data_dir=/nowhere', '--mode=eval'], 3, '/nowhere'),
    (['--model_name=mixnet-s', '--num_devices=99999', '--device=cpu'], 2, '--num_devices=99999')])
def test_mistakes_are_told_before(without_tensorflow, words, code, text):
    done = program.main_command(*words, env=without_tensorflow)
    assert done.returncode == code and text in done.stderr


def test_a_broken_tensorflow_is_told(without_tensorflow):
    done = program.main_command('--model_name=mixnet-s', '--mode=benchmark',
                                env=without_tensorflow)
    assert done.returncode == 1 and 'TensorFlow was imported' in done.stderr
