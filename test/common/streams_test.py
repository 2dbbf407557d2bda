"""The standard streams a program is started with: gone, closed, or of few characters."""

import os
import subprocess
import sys

import program
import pytest

HELP = ['main.py', '--help']
EXPLAIN = ['main.py', '--model_name=mixnet-s', '--dataset=synthetic', '--explain']


def shell(line, words):
    """(exit code, standard error) of a line of bash in which "$@" stands for a command."""
    done = subprocess.run(['bash', '-c', line, 'bash', sys.executable] + words, cwd=program.ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    return done.returncode, done.stderr


@pytest.fixture
def conversion(tmp_path):
    """Words of the converter; it writes to tmp_path / 'out'."""
    for number, name in enumerate('ab'):
        (tmp_path / 'tree' / name).mkdir(parents=True)
        (tmp_path / 'tree' / name / 'x.ppm').write_bytes(b'P6 9 9 255 ' + bytes([number]) * 243)
    return ['convert_tfrecord.py', f'--input_dir={tmp_path}/tree', f'--output_dir={tmp_path}/out',
            '--holdout=0', '--workers=1']


def test_a_reader_that_goes_away_is_no_error(conversion, tmp_path):
    for words in HELP, EXPLAIN, conversion:     # it has ended before the first line comes
        line = '{ sleep .05; "$@"; echo $? >&2; } | true'
        assert shell(line, words)[1].splitlines()[-1] == '0', words
    assert 'train-00000-of-00001' in os.listdir(str(tmp_path / 'out'))


def test_closed_streams(conversion, tmp_path):
    for words in EXPLAIN, conversion:
        assert shell('"$@" <&- >&- 2>&-', words)[0] == 0
    assert 'train-00000-of-00001' in os.listdir(str(tmp_path / 'out'))


def test_files_do_not_get_the_numbers_of_closed_streams():
    code = ('from common import console; console.own_streams(); import os, sys; '
            'sys.exit(os.open(os.devnull, os.O_RDONLY) <= 2 or sys.stdout is None)')
    assert shell('PYTHONPATH=. "$@" <&- >&- 2>&-', ['-c', code])[0] == 0


def test_help_without_docstrings():
    for words in HELP, ['convert_tfrecord.py', '--help']:
        assert shell('"$@" > /dev/null', ['-OO'] + words) == (0, '')
