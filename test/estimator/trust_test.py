"""Nothing lost, nothing silently wrong: damage, full disks, evaluations beside a training."""

import csv
import fcntl
import json
import os
import shutil
import types

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

import flags
from common import files
from common.errors import CheckpointError, FlagError, NanError, ProgramError
from estimator import curves, evaluations, lock, plan, resuming, runner
from estimator.checkpoints import best, finding, reading, weights
from estimator.hooks import nan_guard
from estimator.lock import exclusive
from estimator.modes import evaluate

pytestmark = pytest.mark.usefixtures('shallow')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Three checkpoints, evaluated at steps 2 and 4 and 6."""
    folder = tmp_path_factory.mktemp('trained')
    program.run(folder, train_steps=6, steps_per_eval=2)
    return folder


@pytest.fixture
def copy(trained, tmp_path):
    folder = tmp_path / 'run'
    shutil.copytree(str(trained), str(folder))
    return folder


def content(path):
    with open(str(path), 'rb') as stream:
        return stream.read()


@pytest.mark.parametrize(
    'damage', [None, b'', b'\x00\xff' * 50, b'model_checkpoint_path: "gone-9"'],
    ids=['missing', 'empty', 'garbage', 'names none'])
def test_the_index_files_are_the_truth(copy, capsys, damage):
    (copy / 'checkpoint').unlink()
    if damage is not None:
        (copy / 'checkpoint').write_bytes(damage)
    assert finding.latest_good(str(copy)) == str(copy / 'model.ckpt-6')
    assert 'newest whole checkpoint' in capsys.readouterr().err
    assert tf.train.latest_checkpoint(str(copy)).endswith('model.ckpt-6')      # repaired
    assert finding.latest_good(str(copy)) and capsys.readouterr().err == ''


def test_a_list_that_is_damaged_throughout_still_finds_a_whole_one(copy):
    (copy / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt-6"\n')
    (copy / 'model.ckpt-6.data-00000-of-00001').unlink()
    assert finding.latest_good(str(copy)).endswith('model.ckpt-4')
    for path in copy.glob('*.index'):
        path.write_bytes(b'')
    with pytest.raises(CheckpointError, match='every checkpoint in it is damaged'):
        finding.latest_good(str(copy))


def test_a_run_does_not_start_again_over_the_old_one(copy, capsys):
    (copy / 'checkpoint').unlink()
    program.run(copy, mode='train', train_steps=7)
    assert 'continuing at step 6 of 7' in capsys.readouterr().out
    with open(str(copy / 'log.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == list(range(1, 8))


def test_leftovers_of_a_killed_save_are_removed(tmp_path):
    for name in ('model.ckpt-8_temp_0a1b', 'model.ckpt-8.data-00000-of-00001.tempstate1234'):
        (tmp_path / name).write_text('x')
    (tmp_path / 'model.ckpt-8_template').write_text('mine')
    finding.remove_unfinished(str(tmp_path))
    assert os.listdir(str(tmp_path)) == ['model.ckpt-8_template']


def test_any_damage_to_the_small_files_is_survived(copy, capfd):
    for name in ('log.csv', 'eval.csv', 'best_objective.txt', 'archive/best_eval.txt',
                 'result.json', 'params.json', 'labels.txt', '.lock'):
        (copy / name).write_bytes(b'\x00\xff{"half": ')
    code, result = program.run(copy, train_steps=8, steps_per_eval=2)
    assert (code, result['global_step']) == (0, 8)
    said = capfd.readouterr().err
    assert said.count('was damaged') == 2 and 'say nothing' in said and 'Traceback' not in said
    (copy / 'params.json').write_bytes(b'\x00\xff{"half": ')
    assert program.run(copy, mode='eval', train_steps=8)[0] == 0


def test_an_evaluation_that_was_stopped_is_made_up_for(copy, trained):
    """As after a signal during the evaluation at step 6, and at its very end."""
    rows = content(trained / 'eval.csv')
    kept = best.BestKeeper(str(trained)).best()[:2]
    lines = rows.decode().splitlines(True)
    (copy / 'eval.csv').write_text(''.join(lines[:-1]))
    program.run(copy, train_steps=6, steps_per_eval=2)
    assert content(copy / 'eval.csv') == rows
    assert best.BestKeeper(str(copy)).best()[:2] == kept


def test_a_stop_in_the_middle_evaluates_first(tmp_path, monkeypatch):
    program.run(tmp_path, mode='train', train_steps=2)
    done = []
    monkeypatch.setattr(runner, '_evaluate', lambda job, record: done.append(job.step()))
    monkeypatch.setattr(runner, '_pictures', lambda job: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        program.run(tmp_path, train_steps=3, steps_per_eval=2)
    assert done == [2, 3]


def test_pictures_do_not_fail_a_run(monkeypatch, capsys):
    monkeypatch.setattr(runner.pictures, 'draw', lambda job: 1 / 0)
    assert runner._pictures(None) == ()
    assert 'no pictures: division by zero' in capsys.readouterr().err


def test_one_rule_for_the_checkpoint(copy, tmp_path):
    directory = str(copy)
    assert finding.chosen(directory, str(copy / 'model.ckpt-2.index')) == (
        f'{directory}/model.ckpt-2', '--init_checkpoint')
    prefix, why = finding.chosen(directory, None)
    assert os.path.dirname(prefix) == f'{directory}/archive' and 'the best' in why
    shutil.rmtree(f'{directory}/archive')
    assert finding.chosen(directory, None) == (
        f'{directory}/model.ckpt-6', f'the newest of {directory}')
    (copy / 'model.ckpt-6.data-00000-of-00001').unlink()
    assert finding.chosen(directory, None)[0].endswith('model.ckpt-4')
    for given in (None, 'x'):
        with pytest.raises(CheckpointError):
            finding.chosen(str(tmp_path / 'none'), given and str(tmp_path / 'none'))


def test_an_evaluation_has_its_own_files(copy, capsys):
    before = {name: content(copy / name) for name in
              ('params.json', 'result.json', 'eval.csv', 'archive/best_eval.txt')}
    with exclusive(str(copy)):      # beside a trainer
        _, result = program.run(copy, mode='eval', input_image_size=64,
                                init_checkpoint=copy / 'model.ckpt-2', eval_name='big')
    assert result['checkpoint'].endswith('model.ckpt-2') and result['global_step'] == 2
    assert result['params']['input_image_size'] == 64
    assert f'checkpoint {copy}/model.ckpt-2 (--init_checkpoint)' in capsys.readouterr().out
    assert before == {name: content(copy / name) for name in before}


def test_evaluators_write_one_after_the_other(copy, monkeypatch):
    """Two at once would rename each other's half-written files."""
    held = []
    real = files.write_text

    def write(path, text):
        if os.path.dirname(path) == str(copy):
            with open(str(copy / '.lock-evaluations')) as stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    held.append((os.path.basename(path), False))
                except BlockingIOError:
                    held.append((os.path.basename(path), True))
        real(path, text)
    monkeypatch.setattr(files, 'write_text', write)
    program.run(copy, mode='eval')
    assert dict(held) == {'evaluation.json': True, 'report.html': True, 'report.md': True}


def test_an_evaluator_that_stands_still_is_not_waited_for(copy, monkeypatch, capsys):
    monkeypatch.setattr(lock, 'PATIENCE', 0.1)
    with open(str(copy / '.lock-evaluations'), 'a') as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        resuming.tidy(str(copy), str(copy / 'model.ckpt-4'))
    assert 'not waited for' in capsys.readouterr().err
    assert [row['step'] for row in curves.read(str(copy / 'eval.csv'))] == [2, 4]


def test_an_evaluator_beside_a_trainer_adds_to_the_run(copy, capsys):
    shutil.rmtree(str(copy / 'archive'))
    (copy / 'eval.csv').unlink()
    with exclusive(str(copy)):
        program.run(copy, mode='eval', eval_timeout=1, train_steps=6)
    assert evaluations.recorded(str(copy), 6)
    assert best.BestKeeper(str(copy)).best()[2].endswith('archive/model.ckpt-6')
    capsys.readouterr()
    shutil.rmtree(str(copy / 'archive'))
    (copy / 'eval.csv').unlink()
    program.run(copy, mode='eval', num_eval_images=9)           # other data: not the run's
    assert 'num_eval_images 10 in the training, 9 here' in capsys.readouterr().err
    assert not (copy / 'eval.csv').exists() and not (copy / 'archive').exists()


@pytest.mark.parametrize('owner, name', [(evaluate.Job, 'evaluate'), (weights, 'to_evaluate')])
def test_a_checkpoint_that_is_removed_meanwhile(copy, monkeypatch, capsys, owner, name):
    """By the trainer: between the choice and the reading, and between that and the restoring."""
    real = getattr(owner, name)

    def late(first, prefix, *more):
        after = real(first, prefix) if owner is weights else None
        if prefix.endswith('-4'):
            for path in copy.glob('model.ckpt-4.*'):
                path.unlink()
        return after or real(first, prefix, *more)
    monkeypatch.setattr(owner, name, late)
    _, result = program.run(copy, mode='eval', eval_all=True)
    assert [row['global_step'] for row in result['evaluations']][-2:] == [2, 6]
    assert 'has been removed meanwhile' in capsys.readouterr().err


def test_the_best_checkpoint_that_is_removed_meanwhile(copy, capsys):
    """Evaluated, then gone: the row counts, what is kept stays whole."""
    before = best.BestKeeper(str(copy)).best()
    (copy / 'eval.csv').unlink()
    for path in copy.glob('model.ckpt-4.*'):
        path.unlink()
    job = types.SimpleNamespace(params=flags.make(model_dir=str(copy)), global_batch=8)
    evaluations.record(job, str(copy / 'model.ckpt-4'), {
        'top_1_accuracy': 1.0, 'top_5_accuracy': 1.0, 'cross_entropy_raw': 0.1, 'weights': 'raw',
        'eval_examples': 10})
    assert 'with a higher --keep_checkpoint_max' in capsys.readouterr().err
    assert evaluations.recorded(str(copy), 4)
    assert best.BestKeeper(str(copy)).best() == before and reading.damage(before[2]) is None


def test_a_folder_that_cannot_be_written_is_read(copy, monkeypatch, capsys):
    before = sorted(os.listdir(str(copy)))
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    with pytest.raises(FileNotFoundError):      # no evaluation.json to give back
        program.run(copy, mode='eval')
    captured = capsys.readouterr()
    assert 'only printed' in captured.err and 'top-1' in captured.out
    assert sorted(os.listdir(str(copy))) == before


def test_what_has_changed_is_said():
    before = {'seed': 0, 'optimizer': 'sgd', 'train_steps': None, 'freeze': [],
              'resolved': {'global_batch': 8, 'train_steps': 10, 'num_devices': 1,
                           'tensorflow': '2.15.1'}}
    now = {'seed': 1, 'optimizer': 'sgd', 'train_steps': 20, 'freeze': (), 'global_batch': 16,
           'num_devices': 1, 'tensorflow': '1.15.5'}
    said = resuming.changes(before, now)
    assert [line.split(' was ')[0] for line in said] == [
        'tensorflow', 'global_batch', 'seed', 'train_steps']
    assert said[1].startswith('global_batch was 8 and is 16: the learning rate')
    assert resuming.changes({}, now) == []


def test_resuming_says_where_and_what(copy, capsys):
    program.run(copy, mode='train', train_steps=7, train_batch_size=16, seed=3,
                init_checkpoint=copy / 'model.ckpt-2')
    captured = capsys.readouterr()
    assert 'continuing at step 6 of 7' in captured.out
    for part in ('global_batch was 8 and is 16', 'seed was 0 and is 3',
                 'train_steps was 6 and is 7', 'is ignored'):
        assert part in captured.err


def test_a_plan_nobody_means_is_said():
    params = flags.make(train_steps=437898)
    assert 'epochs of 160 images; set --train_epochs' in plan.doubts(
        params, plan.make_plan(params, 160, 64), 160)[0]
    assert 'a step takes 256 images' in plan.doubts(
        params, plan.make_plan(params, 10 ** 5, 256), 160)[0]
    with pytest.raises(FlagError, match='2 epochs of 3 training images do not fill one step of 16'):
        plan.make_plan(flags.make(train_epochs=2.0), 3, 16)
    usual = plan.make_plan(flags.make(train_epochs=350.0), 1281167, 256)
    assert plan.doubts(params, usual, 1281167) == []
    twice = flags.make(balanced_sampling=True, class_weights='balanced')
    assert 'rare classes count twice' in plan.doubts(twice, usual, 1281167)[0]
    assert plan.default_steps_per_eval(usual) == 5005
    assert list(runner.cycles(0, 12000, plan.default_steps_per_eval(usual))) == [5005, 10010, 12000]
    assert plan.default_steps_per_eval(plan.make_plan(params, 160, 64)) == 100


def test_no_checkpoint_with_a_nan(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        fine = tf.get_variable('fine', [2], use_resource=True)
        slot = tf.get_variable('fine/Slot', [2], trainable=False, use_resource=True,
                               initializer=tf.zeros_initializer())
        tf.get_variable('count', [], tf.int64, tf.zeros_initializer(), trainable=False)
        guard = nan_guard.FiniteVariables()
        session.run(tf.global_variables_initializer())
        guard.check(session, 5)
        session.run(slot.assign([0, np.inf]))
        with pytest.raises(NanError, match='step 5: 1 of 2 .* first: fine/Slot'):
            guard.check(session, 5)
        del fine


def test_a_broken_statistic_reaches_no_checkpoint(tmp_path, monkeypatch):
    """Loss and gradient stay finite: only the average of a weight is broken."""
    from estimator.training import averaging
    monkeypatch.setattr(averaging.MovingAverage, 'ramp',
                        lambda self, step: tf.constant(np.float32('nan')))
    with pytest.raises(NanError, match='No checkpoint is written at step 2'):
        program.run(tmp_path, mode='train', train_steps=4, save_checkpoints_steps=2)
    assert [os.path.basename(p) for p in reading.indexed(str(tmp_path))] == ['model.ckpt-0']
    assert program.result_of(tmp_path)['status'] == 'failed'


def test_infinite_weights_reach_no_checkpoint(copy, tmp_path):
    """The first checkpoint is looked at when its weights are not those of the initialisers."""
    found = tf.train.load_checkpoint(reading.newest(str(copy)))
    with tf.Graph().as_default(), tf.Session() as session:
        for name in found.get_variable_to_shape_map():
            value = found.get_tensor(name)
            tf.get_variable(name, initializer=value * np.inf if 'beta' in name else value)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / 'broken'), write_meta_graph=False)
    with pytest.raises(NanError, match='No checkpoint is written at step 0'):
        program.run(tmp_path / 'new', mode='train', train_steps=1,
                    init_checkpoint=str(tmp_path / 'broken'))
    assert not reading.indexed(str(tmp_path / 'new'))


def test_another_optimizer_is_told_at_once(copy):
    before = content(copy / 'params.json')
    with pytest.raises(CheckpointError, match='holds no .*Adam.*trained with another optimizer'):
        program.run(copy, mode='train', train_steps=7, optimizer='adam')
    assert content(copy / 'params.json') == before


def test_a_full_disk_while_saving(copy, monkeypatch):
    def full(self, session, path, **more):
        raise tf.errors.ResourceExhaustedError(None, None, f'{path}: No space left on device')
    monkeypatch.setattr(tf.train.Saver, 'save', full)
    with pytest.raises(ProgramError, match='No space left on device') as caught:
        program.run(copy, mode='train', train_steps=8)
    assert caught.value.exit_code == 1
    assert finding.latest_good(str(copy)).endswith('model.ckpt-6')


def test_frozen_means_frozen(tmp_path, capsys):
    with program.shallow(10):       # of which one has a name that begins like a frozen one's
        program.run(tmp_path, mode='train', train_steps=3, save_checkpoints_steps=1,
                    freeze='MobilenetV1/Conv2d_1_depthwise,MobilenetV1/Conv2d_0/',
                    keep_checkpoint_max=9)
    first, last = (program.variables(tmp_path / f'model.ckpt-{step}') for step in (1, 3))
    scopes = ('MobilenetV1/Conv2d_1_depthwise/', 'MobilenetV1/Conv2d_0/')
    frozen = [n for n in first if n.startswith(scopes)]
    assert len([n for n in frozen if 'moving_' in n and 'Average' not in n]) == 4
    changed = [n for n in frozen if not np.array_equal(first[n], last[n])]
    assert changed == []
    for name in ('MobilenetV1/Conv2d_10_depthwise/depthwise_weights',
                 'MobilenetV1/Conv2d_1_pointwise/BatchNorm/moving_mean'):
        assert not np.array_equal(first[name], last[name])
    assert 'frozen     10 of 107 ' in capsys.readouterr().out


def test_a_scope_that_matches_nothing_is_refused(tmp_path):
    for freeze, near in (('backbone', ''), ('MobilenetV1/Conv2d', 'MobilenetV1/Conv2d_0')):
        with pytest.raises(FlagError, match=f'--freeze={freeze} .*{near}') as caught:
            program.run(tmp_path / freeze, mode='train', train_steps=1, freeze=freeze)
        assert caught.value.exit_code == 2


def test_the_record_of_a_training_knows_what_became_of_its_flags(trained):
    with open(str(trained / 'params.json')) as stream:
        record = json.load(stream)['resolved']
    assert (record['global_batch'], record['train_steps'], record['image_size']) == (8, 6, 32)
    assert (record['num_eval_images'], record['num_classes']) == (10, 10)
    assert record['tensorflow'] == tf.version.VERSION


def test_what_is_left_without_checkpoints_is_not_the_new_run_s(copy, capsys):
    best_before = content(copy / 'archive' / 'best_eval.txt')
    for path in copy.glob('model.ckpt-*'):
        path.unlink()
    (copy / 'checkpoint').unlink()
    program.run(copy, train_steps=2, steps_per_eval=2)
    said = capsys.readouterr().err
    assert 'this run starts at step 0' in said and f'{copy}/earlier-1' in said
    assert content(copy / 'earlier-1' / 'archive' / 'best_eval.txt') == best_before
    assert [row['step'] for row in curves.read(str(copy / 'earlier-1' / 'eval.csv'))] == [2, 4, 6]
    assert [row['step'] for row in curves.read(str(copy / 'eval.csv'))] == [2]
    assert best.BestKeeper(str(copy)).best()[2].endswith('archive/model.ckpt-2')


def test_evaluations_later_than_the_checkpoint_are_made_again(copy):
    for name in ('model.ckpt-6.index', 'model.ckpt-6.data-00000-of-00001'):
        (copy / name).unlink()
    resuming.tidy(str(copy), str(copy / 'model.ckpt-4'))
    assert [row['step'] for row in curves.read(str(copy / 'eval.csv'))] == [2, 4]


def test_other_class_names_are_said(copy, monkeypatch, capsys):
    from input import Inputs
    names = ['ant', 'bee'] + [f'c{number}' for number in range(8)]
    (copy / 'labels.txt').write_text(''.join(f'{n}:{name}\n' for n, name in enumerate(names)))
    for given, said in ((names, False), (names[1::-1] + names[2:], True)):
        monkeypatch.setattr(Inputs, 'class_names', property(
            lambda self, given=given: given, lambda self, value: None), raising=False)
        program.run(copy, mode='train', train_steps=7)
        assert ('other class names' in capsys.readouterr().err) == said
