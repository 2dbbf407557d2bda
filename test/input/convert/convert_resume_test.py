"""Interruptions, restarts and output folders that hold something else."""

import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import image_tools as tools
import program
import pytest

from common.errors import DataError
from input import progress
from input.convert import conversion, parallel, partition, shard_writer, staging
from input.convert.conversion import Options, convert
from input.records import dataset_json

ROOT = program.ROOT


def contents(folder):
    found = {}
    for name in staging.shards_in(str(folder)):
        with open(os.path.join(str(folder), name), 'rb') as stream:
            found[name] = stream.read()
    return found


def quietly(root, out, **options):
    return convert(Options(str(root), str(out), workers=1, holdout=0, **options),
                   say=lambda line: None)


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """A conversion of four shards that stopped in the third."""
    root, out = tools.tree(tmp_path / 'in', images=20), tmp_path / 'out'
    write = shard_writer.tfrecord.Writer.write
    written = []

    def stop_later(self, *payload):
        written.append(payload)
        if len(written) == 25:
            raise parallel.Stopped('interrupted')
        write(self, *payload)
    with monkeypatch.context() as patch:
        patch.setattr(shard_writer.tfrecord.Writer, 'write', stop_later)
        with pytest.raises(parallel.Stopped):
            quietly(root, out, shards=4)
    return root, out


def test_an_interrupted_run_shows_nothing_and_goes_on(interrupted, tmp_path, monkeypatch):
    root, out = interrupted
    assert contents(out) == {} and not (out / 'dataset.json').exists()
    staged = out / staging.FOLDER
    assert len(staging.shards_in(str(staged))) == 2
    assert not [name for name in os.listdir(str(staged)) if name.endswith('.tmp')]
    fresh = tmp_path / 'fresh'
    quietly(root, fresh, shards=4)
    written = []
    write = shard_writer.tfrecord.Writer.write
    monkeypatch.setattr(shard_writer.tfrecord.Writer, 'write',
                        lambda self, *payload: (written.append(1), write(self, *payload)))
    assert quietly(root, out, shards=4) == dataset_json.read(str(fresh))
    assert len(written) == 20    # two of the four shards
    assert contents(out) == contents(fresh) and not staged.exists()


def test_a_damaged_or_changed_finished_shard_is_written_again(interrupted):
    root, out = interrupted
    staged = str(out / staging.FOLDER / 'train-00000-of-00004')
    with open(staged, 'r+b') as stream:
        stream.seek(100)
        stream.write(b'\0\0\0\0')
    quietly(root, out, shards=4)
    assert tools.run('--verify', out) == 0


def test_killed_while_publishing(interrupted):
    root, out = interrupted
    os.replace(str(out / staging.FOLDER / 'train-00000-of-00004'),
               str(out / 'train-00000-of-00004'))
    quietly(root, out, shards=4)
    assert tools.run('--verify', out) == 0 and len(contents(out)) == 4


def test_killed_after_publishing(interrupted, monkeypatch):
    root, out = interrupted
    with monkeypatch.context() as patch:
        patch.setattr(staging, 'discard', lambda output: os.remove(
            os.path.join(output, staging.FOLDER, staging.PLAN)))
        done = quietly(root, out, shards=4)
    assert (out / staging.FOLDER).exists()
    assert quietly(root, out, shards=4) == done
    assert not (out / staging.FOLDER).exists()


def test_other_folders_are_refused(interrupted, tmp_path, capsys):
    root, out = interrupted
    other = tools.tree(tmp_path / 'other', ('x', 'y'))
    assert tools.convert(other, out) == 3
    assert 'beginning of another conversion' in capsys.readouterr().err
    quietly(root, out, shards=4)
    before = contents(out)
    for arguments in ((other,), (root, '--seed=1'), (root, '--label_offset=1')):
        assert tools.convert(arguments[0], out, *arguments[1:], '--shards=4') == 3
        assert 'different data set' in capsys.readouterr().err
    assert contents(out) == before
    assert tools.convert(root, root) == 3
    tools.put(f'{tmp_path}/bare/train-00000-of-00001', b'')
    assert tools.convert(root, tmp_path / 'bare') == 3
    assert 'other TFRecords' in capsys.readouterr().err


def test_output_inside_the_input_is_no_class(tmp_path):
    root = tools.tree(tmp_path / 'in')
    for _ in range(2):
        assert tools.convert(root, f'{root}/records') == 0
    assert dataset_json.read(f'{root}/records')['num_classes'] == 2


def test_the_workers_of_a_killed_conversion_are_waited_for(tmp_path):
    root, out = tools.tree(tmp_path / 'in'), str(tmp_path / 'out')
    os.makedirs(os.path.join(out, staging.FOLDER))
    lock = open(os.path.join(out, staging.FOLDER, 'lock'), 'w', encoding='utf-8')
    fcntl.flock(lock, fcntl.LOCK_EX)
    threading.Timer(0.5, lock.close).start()
    assert tools.convert(root, out) == 0


def test_two_conversions_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, 'PATIENCE', 0.1)
    root, out = tools.tree(tmp_path / 'in'), str(tmp_path / 'out')
    os.makedirs(os.path.join(out, staging.FOLDER))
    with open(os.path.join(out, staging.FOLDER, 'lock'), 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataError, match='another conversion is writing'):
            quietly(root, out)
    quietly(root, out)


@pytest.mark.parametrize('place, name', [(staging, '_take'), (conversion, '_tasks')])
def test_one_that_another_has_overtaken_says_so(tmp_path, monkeypatch, capsys, place, name):
    """The other one ends, and removes the staging folder, just before this one has the lock."""
    root, out, real = tools.tree(tmp_path / 'in'), tmp_path / 'out', getattr(place, name)

    def overtaken(*given):
        found = real(*given) if place is conversion else None
        monkeypatch.undo()
        quietly(root, out)
        return found or real(*given)
    monkeypatch.setattr(place, name, overtaken)
    assert tools.convert(root, out) == 3
    assert 'another conversion has just finished' in capsys.readouterr().err
    assert tools.convert(root, out) == 0 and tools.run('--verify', out) == 0


def test_files_of_other_parts_come_and_go(tmp_path, monkeypatch):
    tools.put(f'{tmp_path}/one.tmp', b'12345')
    names = os.listdir(str(tmp_path))
    monkeypatch.setattr(partition.os, 'listdir', lambda path: names + ['renamed.tmp'])
    assert partition.written(str(tmp_path)) == 5


def test_unwritable_output_and_full_disk(tmp_path, monkeypatch, capsys):
    root = tools.tree(tmp_path / 'in')
    tools.put(str(tmp_path / 'file'), b'')
    assert tools.convert(root, tmp_path / 'file' / 'out') == 3
    assert 'cannot be written' in capsys.readouterr().err

    def full(self, *payload):
        raise OSError(28, 'No space left on device')
    for method in ('write', '__init__'):
        with monkeypatch.context() as patch:
            patch.setattr(shard_writer.tfrecord.Writer, method, full)
            assert tools.convert(root, tmp_path / 'out') == 75
        error = capsys.readouterr().err
        assert 'the disk is full' in error and 'same command again' in error
    assert tools.convert(root, tmp_path / 'out') == 0


# The converter, whose workers never end by themselves once there is a first shard.
ENDLESS = '''
import os, sys, time
import convert_tfrecord
from common import console, signals
from input.convert import shard_writer, staging
console.own_streams()
signals.install()
write = shard_writer._write_items
def endless(task, *others):
    write(task, *others)
    while staging.shards_in(task.settings.staging):
        time.sleep(.01)
        others[-1](0)      # advance
shard_writer._write_items = endless
code = convert_tfrecord.main(sys.argv[1:])
signals.over()
sys.exit(code)
'''


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_cleanly(number, tmp_path):
    root, out = tools.tree(tmp_path / 'in', images=4), tmp_path / 'out'
    for index in range(2000):
        os.link(f'{root}/cat/{index % 4}.jpg', f'{root}/dog/more{index}.jpg')
    words = [f'--input_dir={root}', f'--output_dir={out}', '--shards=200', '--workers=2',
             '--holdout=0']
    process = subprocess.Popen([sys.executable, '-c', ENDLESS] + words, cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    staged = out / staging.FOLDER
    while process.poll() is None and not (staged.exists() and staging.shards_in(str(staged))):
        time.sleep(0.01)
    process.send_signal(number)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 75, error
    assert 'same command again' in error and contents(out) == {}
    assert not [name for name in os.listdir(str(staged)) if name.endswith('.tmp')]
    done = subprocess.run([sys.executable, os.path.join(ROOT, 'convert_tfrecord.py')] + words,
                          stdout=subprocess.PIPE, check=True)
    assert b'2,008 images in 200 shards' in done.stdout and tools.run('--verify', out) == 0


def test_a_killed_worker_is_reported(tmp_path):
    with pytest.raises(parallel.Stopped, match='worker process was killed'):
        parallel.run(kill_itself, [1, 2, 3], 2, progress.bar('', 3))


def kill_itself(task, advance):
    del task, advance
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_begins_after_its_parent_has_gone_goes_too():
    """As when a signal ends the program while it starts its workers."""
    context = multiprocessing.get_context('fork')
    shared = {'parent': 1 << 30, 'stop': context.RawValue('b', 0)}
    worker = context.Process(target=begin_and_wait, args=(shared,))
    worker.start()
    worker.join(timeout=60)
    assert worker.exitcode == 1


def begin_and_wait(shared):
    parallel._start_worker(shared)
    time.sleep(20)


def catches_signals(process):
    """Whether a process has taken over SIGUSR1, and so what it takes over before (Linux)."""
    try:
        with open(f'/proc/{process.pid}/status', encoding='utf-8') as stream:
            caught = next(line for line in stream if line.startswith('SigCgt'))
    except (OSError, StopIteration):
        return False
    return bool(int(caught.split()[1], 16) >> (signal.SIGUSR1 - 1) & 1)


@pytest.mark.skipif(not os.path.exists('/proc/self/status'), reason='asks /proc')
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize('delay', [0.0, 0.15])
def test_signals_during_start_and_scan(number, delay, tmp_path):
    root, out = tools.tree(tmp_path / 'in', images=4), tmp_path / 'out'
    for index in range(3000):
        os.link(f'{root}/cat/{index % 4}.jpg', f'{root}/dog/more{index}.jpg')
    process = subprocess.Popen(
        [sys.executable, os.path.join(ROOT, 'convert_tfrecord.py'), f'--input_dir={root}',
         f'--output_dir={out}', '--workers=2', '--shards=300'], stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, start_new_session=True)
    while process.poll() is None and not catches_signals(process):
        time.sleep(0.001)
    time.sleep(delay)
    for _ in range(2):      # as a terminal or a launcher's process group sends it
        os.killpg(process.pid, number)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 75 and 'Traceback' not in error, error
    assert contents(out) == {} if out.exists() else True
