"""`pip install .`: two commands, one name in site-packages."""

import os
import shutil
import subprocess
import sys

import program
import pytest

try:
    import tomllib
except ImportError:
    tomllib = None


@pytest.mark.skipif(tomllib is None, reason='tomllib is part of Python 3.11')
def test_every_package_is_installed():
    with open(os.path.join(program.ROOT, 'pyproject.toml'), 'rb') as stream:
        listed = set(tomllib.load(stream)['tool']['setuptools']['packages'])
    found = {'small_classifiers'}
    for package in ('common', 'estimator', 'flags', 'input', 'launchers', 'models'):
        for folder, _, names in os.walk(os.path.join(program.ROOT, package)):
            if '__init__.py' in names:
                path = os.path.relpath(folder, program.ROOT).replace(os.sep, '.')
                found.add(f'small_classifiers.{path}')
    assert listed == found


@pytest.mark.slow
def test_the_commands_of_an_installed_copy(tmp_path):
    """Needs a package index: pip fetches setuptools to build with."""
    copy, target = tmp_path / 'copy', tmp_path / 'site'
    shutil.copytree(program.ROOT, str(copy), ignore=shutil.ignore_patterns('.*', 'test', 'result'))
    done = program.command(sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--target',
                           target, copy)
    assert done.returncode == 0, done.stderr
    assert {name for name in os.listdir(str(target)) if '.' not in name} == {
        'bin', 'small_classifiers'}
    environment = dict(os.environ, PYTHONPATH=str(target))
    for command, word in (('classifiers', '--model_name'), ('classifiers-convert', '--input_dir')):
        said = subprocess.check_output([sys.executable, str(target / 'bin' / command), '--help'],
                                       env=environment, cwd=str(tmp_path), universal_newlines=True)
        assert word in said
    said = subprocess.check_output(
        [sys.executable, str(target / 'bin' / 'classifiers'), '--mode=inspect',
         '--model_name=mobilenet_v1_025'], env=environment, cwd=str(tmp_path),
        universal_newlines=True)
    assert 'multiply-adds' in said
