"""A run whose model_dir is an address: the files, the numbers and the way on of a local one.

file:// is an address to both runtimes; ram://, a store in memory, is one to TensorFlow 2. Neither
is a bucket; docs/distribution.md says what was tried with one.
"""

import csv
import os
import sys
import tempfile

import input_params
import processes
import program
import pytest
import tensorflow.compat.v1 as tf

from common import files, storage
from common.errors import FlagError, StorageError
from estimator import curves, lock
from estimator.checkpoints import best, finding, reading
from estimator.devices import hosts
from estimator.hooks import together

RUN = dict(train_steps=4, steps_per_eval=2, save_summary_steps=2)
pytestmark = pytest.mark.usefixtures('shallow')


@pytest.fixture(scope='module')
def whole(shallow, tmp_path_factory):
    """The same run in a folder."""
    folder = str(tmp_path_factory.mktemp('whole'))
    assert program.run(folder, **RUN)[0] == 0
    return folder


@pytest.fixture(scope='module')
def run(shallow, tmp_path_factory):
    """The address of a run."""
    return trained(f'file://{tmp_path_factory.mktemp("runs")}/run')


def trained(address):
    code, result = program.run(address, **RUN)
    assert (code, result['status'], result['global_step']) == (0, 'completed', 4)
    assert result['report'][0] == f'{address}/report.html'
    return address


def rows(folder, name, *without):
    found = list(csv.DictReader(storage.read_text(f'{folder}/{name}').splitlines()))
    return [{key: value for key, value in row.items() if key not in without} for row in found]


def names(folder):
    """Files of a run below its folder; those that are named after the time by what they are."""
    return sorted(('events' if 'tfevents' in name else name for name in storage.below(folder)
                   if not os.path.basename(name).startswith('.')))


def same(first, second):
    program.assert_same_variables(reading.newest(first), reading.newest(second))
    timed = 'seconds', 'images_per_sec', 'input_wait'
    assert rows(first, 'log.csv', *timed) == rows(second, 'log.csv', *timed)
    assert rows(first, 'eval.csv') == rows(second, 'eval.csv')


def test_it_leaves_what_a_local_run_leaves(run, whole):
    same(run, whole)
    assert names(run) == names(whole)
    assert storage.read_text(f'{run}/archive/best_eval.txt') == storage.read_text(
        f'{whole}/archive/best_eval.txt').replace(whole, run)
    assert not storage.exists(f'{run}/.lock')


@pytest.mark.slow
@pytest.mark.skipif(not tf.__version__.startswith('2'), reason='ram:// is of TensorFlow 2')
def test_a_store_without_a_disk(whole):
    address = trained('ram://store/run')
    same(address, whole)
    assert program.run(address, mode='eval', eval_all=True)[1]['global_step'] == 4
    assert storage.read_text(f'{address}/report.html').endswith('</html>\n')


def test_it_goes_on_where_a_kill_left_it(run, whole, tmp_path):
    again = f'file://{tmp_path}/again'
    files.copy_below(run, again)
    for name in storage.names(again):
        if name.startswith('model.ckpt-4.') or name in ('checkpoint', 'result.json'):
            files.remove(f'{again}/{name}')
    files.make_folder(f'{again}/model.ckpt-4_temp_0a1b')
    for name in ('model.ckpt-4_temp_0a1b/part', 'model.ckpt-4.part-00000-of-00001.index'):
        files.write_text(f'{again}/{name}', 'half')
    files.write_json(f'{again}/.lock', {'process': 'elsewhere:1', 'time': 0})
    assert program.run(again, **RUN)[0] == 0
    same(again, whole)
    assert not [name for name in storage.names(again) if 'part' in name or 'temp' in name]


def test_other_modes_read_and_write_there(run, tmp_path):
    assert program.run(run, mode='eval', eval_name='again')[1]['global_step'] in (2, 4)
    assert program.run(run, mode='eval', eval_timeout=1)[1]['global_step'] == 4
    (tmp_path / 'one.jpg').write_bytes(input_params.jpeg(1))
    place = f'file://{tmp_path}/more'
    words = ['--model_name=mobilenet_v1_025', f'--model_dir={run}']
    assert program.main_code(*words, '--mode=predict', f'--data_dir={tmp_path}/one.jpg',
                             f'--export_dir={place}', f'--save_features={place}/f.npz') == 0
    files.make_folder(f'{place}/export')
    files.write_text(f'{place}/export/mobilenet_v1_025.pb', 'an earlier one')
    assert program.main_code(*words, '--mode=export', f'--export_dir={place}/export',
                             '--export_formats=frozen_pb') in (0, 1)
    assert storage.names(place) == ['export', 'f.npz', 'predictions.csv', 'predictions.png']
    assert storage.size(f'{place}/export/mobilenet_v1_025.pb') > 1000
    assert f'{run}/archive' in storage.read_text(f'{place}/export/model.json')


def test_weights_come_from_an_address(run, tmp_path, capsys):
    assert program.run(tmp_path / 'warm', mode='train', train_steps=1, init_checkpoint=run)[0] == 0
    assert f'from {run}/model.ckpt-4' in capsys.readouterr().out
    (tmp_path / 'one.jpg').write_bytes(input_params.jpeg(1))
    assert program.main_code('--model_name=mobilenet_v1_025', '--mode=predict',
                             f'--init_checkpoint={run}/nothing',
                             f'--data_dir={tmp_path}/one.jpg') == 5


def test_the_best_survives_a_kill_at_any_file(run, tmp_path):
    """Nothing is renamed there: until the last file is in place the one before counts."""
    folder = f'file://{tmp_path}/run'
    files.copy_below(run, folder)
    files.remove_tree(f'{folder}/archive')
    keeper = best.BestKeeper(folder)

    def offer(step, top_1):
        return keeper.offer(f'{folder}/model.ckpt-{step}',
                            {'top_1_accuracy': top_1, 'cross_entropy': 1.0})
    assert offer(2, 0.5)
    before = {name: storage.read_bytes(f'{folder}/archive/{name}')
              for name in storage.names(f'{folder}/archive')}
    assert offer(4, 0.6) and not offer(2, 0.5)
    after = {name: storage.read_bytes(f'{folder}/archive/{name}')
             for name in storage.names(f'{folder}/archive')}
    order = sorted(set(after) - set(before)) + ['checkpoint', 'best_eval.txt']
    for count in range(len(order) + 1):
        files.remove_tree(f'{folder}/archive')
        files.make_folder(f'{folder}/archive')
        for name, content in dict(before, **{name: after[name] for name in order[:count]}).items():
            files.write_bytes(f'{folder}/archive/{name}', content)
        kept = keeper.best()[2]
        assert reading.damage(kept) is None
        assert offer(4, 0.6) or kept.endswith('-4')
        assert keeper.best()[::2] == (0.6, f'{folder}/archive/model.ckpt-4')
        assert storage.names(f'{folder}/archive') == sorted(after)


def test_two_writers_are_warned_and_nobody_waits(tmp_path, capsys):
    folder = f'file://{tmp_path}'
    for process, age, warned in (('elsewhere:7', 5, True), ('elsewhere:7', 5000, False),
                                 (f'{lock.socket.gethostname()}:999999999', 5, False)):
        files.write_json(f'{folder}/.lock', {'process': process,
                                             'time': lock.time.time() - age})
        with lock.exclusive(folder):
            said = capsys.readouterr().err
            assert (process in said) == warned and said.count('WARNING') == warned
            lock.renew(folder)
            assert files.read_json(f'{folder}/.lock')['process'].endswith(f':{os.getpid()}')
        assert not storage.exists(f'{folder}/.lock')


def test_a_row_that_a_store_does_not_take_comes_with_the_next(tmp_path, monkeypatch, capsys):
    path, write = f'file://{tmp_path}/log.csv', files.write_bytes
    curves.append(path, ('step', 'loss'), {'step': 1, 'loss': 3})

    def refuse(path, content):
        raise StorageError(5, 'the store is away', path)
    monkeypatch.setattr(files, 'write_bytes', refuse)
    curves.append(path, ('step', 'loss'), {'step': 2, 'loss': 2})
    assert 'the rows from step 2 on come later (the store is away)' in capsys.readouterr().err
    monkeypatch.setattr(files, 'write_bytes', write)
    curves.append(path, ('step', 'loss'), {'step': 3, 'loss': 1})
    assert [row['step'] for row in curves.read(path)] == [1, 2, 3]


def test_what_cannot_be_at_an_address_says_what_to_type(tmp_path, monkeypatch, capsys):
    assert program.main_code(*program.flags_of(dict(
        program.SMALL, model_dir='nowhere://b/run', mode='train', train_steps=1))) == 2
    assert 'knows no nowhere:// addresses' in capsys.readouterr().err
    with pytest.raises(FlagError, match='Mount it'):
        hosts.require_folder(hosts.Hosts(('a:1', 'b:1'), 0), 'gs://bucket/run')
    hosts.require_folder(hosts.Hosts(), 'gs://bucket/run')
    (tmp_path / 'temporary').mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / 'temporary'))
    meeting = [together.Together(f'file://{tmp_path}/run', rank) for rank in range(2)]
    meeting[0].begin(8)
    meeting[1].begin(8)
    assert os.listdir(str(tmp_path)) == ['temporary']


def test_a_store_that_goes_away_ends_the_run_with_a_message(tmp_path, monkeypatch, capsys):
    real = tf.train.Saver.save

    def save(saver, session, path, *arguments, **keywords):
        if keywords['global_step'] == 2:
            raise tf.errors.InternalError(None, None, f'{path}: connection refused')
        return real(saver, session, path, *arguments, **keywords)
    monkeypatch.setattr(tf.train.Saver, 'save', save)
    words = program.flags_of(dict(program.SMALL, model_dir=f'file://{tmp_path}/run', mode='train',
                                  train_steps=2))
    assert program.main_code(*words) == 1
    said = capsys.readouterr().err
    assert 'connection refused. Check the network' in said and 'same command' in said
    assert said.count('ERROR') == 1 and 'no result.json' in said
    monkeypatch.undo()
    assert program.main_code(*words) == 0


@pytest.mark.slow
def test_kill_9_at_an_address(tmp_path):
    """The uninterrupted run, bit for bit, on processes of their own."""
    words = dict(program.SMALL, mode='train', train_steps=60, save_checkpoints_steps=10)
    assert program.main_command(*program.flags_of(dict(
        words, model_dir=f'file://{tmp_path}/whole'))).returncode == 0
    killed = program.flags_of(dict(words, model_dir=f'file://{tmp_path}/killed'))
    done = program.command(sys.executable, processes.NOTING, tmp_path / 'notes', 'SIGKILL@33',
                           *killed)
    assert done.returncode == -9
    assert finding.latest_good(f'file://{tmp_path}/killed').endswith('-30')
    done = program.main_command(*killed)
    assert done.returncode == 0 and 'continuing at step' in done.stdout
    program.assert_same_variables(*(f'{tmp_path}/{name}' for name in ('whole', 'killed')))
