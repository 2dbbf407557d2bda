"""Without the packages: one line that says what to type."""

import os
import sys

import program
import pytest


@pytest.mark.parametrize('script', ['main.py', 'convert_tfrecord.py'])
def test_a_python_without_the_packages_is_told_what_to_type(script):
    done = program.command(sys.executable, '-S', '-E', script, '--help')
    assert done.returncode == 1
    assert done.stderr.startswith('ERROR: the package ') and 'Traceback' not in done.stderr
    assert sys.executable in done.stderr and 'make setup' in done.stderr
    assert 'pip install -r requirements-tf2.txt' in done.stderr


def test_a_module_of_ours_keeps_its_trace(tmp_path):
    done = program.command(sys.executable, '-c', 'from common import missing; missing.tell()\n'
                           'import input.nothing')
    assert 'Traceback' in done.stderr and 'make setup' not in done.stderr


@pytest.mark.skipif(not os.path.exists('/proc/self/task') or 'OPENBLAS_NUM_THREADS' in os.environ,
                    reason='asks /proc, and the environment has the last word')
def test_numpy_does_not_start_a_thread_a_core():
    """With many cores their stacks are what a limit of memory has no room for: a crash."""
    done = program.command(sys.executable, '-c', 'import os\n'
                           'os.sched_setaffinity(0, range(os.cpu_count()))\n'
                           'from common import missing; missing.tell()\n'
                           'import numpy; print(len(os.listdir("/proc/self/task")))',
                           env={'PYTHONPATH': ''})
    assert done.stdout == '1\n', done.stderr


def test_too_little_memory():
    done = program.command('bash', '-c', 'ulimit -v 400000; exec "$0" main.py '
                           '--model_name=mixnet-s --mode=benchmark', sys.executable)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert 'ulimit -v' in done.stderr
