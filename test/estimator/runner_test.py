"""The road of a run: train, evaluate, resume, stop, refuse."""

import csv
import os
import signal
import subprocess
import sys
import tempfile

import numpy as np
import program
import pytest

from common.errors import CheckpointError, NanError, ProgramError
from estimator import runner
from estimator.checkpoints import best, finding
from estimator.lock import exclusive

pytestmark = pytest.mark.usefixtures('shallow')


def test_train_and_eval_writes_everything(tmp_path, capfd, monkeypatch):
    elsewhere = tmp_path / 'temporary'
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(elsewhere))
    code, result = program.run(tmp_path, train_steps=4, steps_per_eval=2)
    assert code == 0
    assert os.listdir(str(elsewhere)) == []         # nothing that a kill would leave there
    assert result['status'] == 'completed'
    assert (result['global_step'], result['examples_seen']) == (4, 32)
    assert result['eval_examples'] == 10            # 4 + 4 + 2: the partial batch counts
    assert result['weights'] == 'ema'
    assert 0 <= result['top_1_accuracy_raw'] <= 1 and 0 <= result['top_5_accuracy'] <= 1
    assert result['images_per_sec'] > 0 and result['loss'] > 0
    assert result['checkpoint'].endswith('model.ckpt-4')
    assert result['versions']['tensorflow'] and 'float32' in result['precision']
    assert result['params']['train_steps'] == 4
    with open(str(tmp_path / 'log.csv')) as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row['step']) for row in rows] == [1, 2, 3, 4]
    assert float(rows[-1]['learning_rate']) == pytest.approx(0.01)
    with open(str(tmp_path / 'eval.csv')) as stream:
        rows = list(csv.DictReader(stream))
    assert [(int(row['step']), float(row['epoch'])) for row in rows] == [(2, 0.25), (4, 0.5)]
    assert float(rows[-1]['top_1_accuracy']) == result['top_1_accuracy']
    for name in ('params.json', 'learning_curve.png', 'predictions.png', 'best_objective.txt'):
        assert (tmp_path / name).exists()
    captured = capfd.readouterr()
    assert 'step 4/4  epoch 0.50' in captured.out
    assert captured.err == ''      # one kind of line


def test_restart_continues_bit_for_bit(tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    program.run(whole, mode='train', train_steps=20)
    program.run(parts, mode='train', train_steps=7)
    program.run(parts, mode='train', train_steps=20)
    program.assert_same_variables(whole, parts)
    with open(str(parts / 'log.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == list(range(1, 21))


@pytest.mark.slow
def test_restart_with_every_random_choice(tmp_path):
    changes = dict(
        model_name='efficientnet-b0', mode='train', dataset='digits', num_train_images='null',
        num_eval_images='null', augment_name='randaugment', mixup_alpha=0.2, cutmix_alpha=1.0,
        random_erasing=0.5, survival_prob=0.5, dropout_rate=0.5)
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    program.run(whole, train_steps=4, **changes)
    program.run(parts, train_steps=1, **changes)
    program.run(parts, train_steps=4, **changes)
    program.assert_same_variables(whole, parts)


# What most tests here start from: checkpoints at steps 0, 1 and 2.
TWO_STEPS = dict(mode='train', train_steps=2, save_checkpoints_steps=1)


def test_dropout_and_seed_matter(tmp_path):
    program.trained(tmp_path, **TWO_STEPS)
    program.run(tmp_path / 'other', mode='train', train_steps=2, seed=1)
    name = 'MobilenetV1/Logits/Conv2d_1c_1x1/weights'
    first, second = program.variables(tmp_path), program.variables(tmp_path / 'other')
    assert not np.array_equal(first[name], second[name])


def test_already_trained_is_success(tmp_path, capsys):
    _, first = program.run(tmp_path, train_steps=2)
    code, result = program.run(tmp_path, train_steps=2)
    assert code == 0 and result['global_step'] == 2 and result['eval_examples'] == 10
    for name in ('images_per_sec', 'loss', 'train_accuracy', 'top_1_accuracy'):
        assert result[name] == first[name] is not None
    assert 'already trained 2/2 steps' in capsys.readouterr().out
    assert program.run(tmp_path, train_steps=1)[1]['global_step'] == 2
    out = capsys.readouterr().out
    assert 'already trained 2/1 steps' in out and 'continuing' not in out


def test_eval_mode_and_missing_averages(tmp_path):
    program.run(tmp_path, mode='train', train_steps=2, moving_average_decay=0, weight_decay=0.1)
    code, result = program.run(tmp_path, mode='eval', eval_name='again', train_batch_size=None,
                               input_image_size=None)
    assert result['params']['weight_decay'] == 0.1      # part of the loss that is shown
    assert (result['examples_seen'], result['params']['input_image_size']) == (16, 32)
    assert code == 0 and result['weights'] == 'raw' and result['eval_examples'] == 10
    assert (tmp_path / 'eval_again').is_dir()
    with pytest.raises(CheckpointError, match='--eval_weights=raw'):
        program.run(tmp_path, mode='eval', eval_weights='ema')


def test_averages_are_what_evaluation_uses(tmp_path):
    _, result = program.run(tmp_path, train_steps=6, learning_rate=0.1)
    assert result['cross_entropy_ema'] != result['cross_entropy_raw']
    _, raw = program.run(tmp_path, mode='eval', eval_weights='raw')
    assert raw['cross_entropy_raw'] == pytest.approx(result['cross_entropy_raw'], rel=1e-5)


def test_nan_stops_with_a_diagnosis(tmp_path):
    program.trained(tmp_path, **TWO_STEPS)
    before = program.variables(tmp_path)
    with pytest.raises(NanError) as error:
        program.run(tmp_path, mode='train', train_steps=40, learning_rate=1e30)
    assert error.value.exit_code == 4
    assert 'learning rate 1e+30' in str(error.value) and 'last finite loss' in str(error.value)
    assert program.result_of(tmp_path)['status'] == 'failed'
    after = program.variables(tmp_path)
    assert all(np.isfinite(value).all() for value in after.values())
    assert after['global_step'] == before['global_step'] == 2


def test_another_network_or_class_count_is_refused(tmp_path):
    program.trained(tmp_path, **TWO_STEPS)
    with pytest.raises(CheckpointError, match='Logits/Conv2d_1c_1x1') as error:
        program.run(tmp_path, mode='train', train_steps=3, num_label_classes=7)
    assert error.value.exit_code == 5
    with pytest.raises(CheckpointError, match='not in the checkpoint'):
        program.run(tmp_path, mode='train', train_steps=3, model_name='mobilenet_v2_035')


def test_damaged_checkpoint_falls_back(tmp_path, capsys):
    program.trained(tmp_path, **TWO_STEPS)
    newest = str(tmp_path / 'model.ckpt-2.data-00000-of-00001')
    with open(newest, 'r+b') as stream:
        stream.truncate(os.path.getsize(newest) // 2)
    assert finding.latest_good(str(tmp_path)).endswith('model.ckpt-1')
    assert 'damaged' in capsys.readouterr().err


def test_two_runs_in_one_model_dir(tmp_path):
    with exclusive(str(tmp_path)):
        with pytest.raises(ProgramError, match='in use by process'):
            with exclusive(str(tmp_path)):
                pass


def test_cycles():
    assert list(runner.cycles(0, 10, 4)) == [4, 8, 10]
    assert list(runner.cycles(5, 10, 4)) == [8, 10]
    assert list(runner.cycles(10, 10, 4)) == []
    assert list(runner.cycles(0, 10, None)) == [10]


def test_best_keeper_survives_a_kill(tmp_path):
    program.trained(tmp_path, **TWO_STEPS)
    directory = str(tmp_path)
    keeper = best.BestKeeper(directory)

    def offer(step, top_1, loss):
        return keeper.offer(f'{directory}/model.ckpt-{step}',
                            {'top_1_accuracy': top_1, 'cross_entropy': loss})
    assert offer(1, 0.5, 2.0)
    assert not offer(2, 0.4, 1.0)
    objective, loss, kept = best.BestKeeper(directory).best()
    assert (objective, loss) == (0.5, 2.0) and kept.endswith('archive/model.ckpt-1')
    os.rename(f'{directory}/archive', f'{directory}/archive.old')     # killed between the renames
    os.makedirs(f'{directory}/archive.new')
    assert best.BestKeeper(directory).best()[2].endswith('model.ckpt-1')
    assert not os.path.exists(f'{directory}/archive.new')
    assert not offer(2, 0.5, 2.0) and not offer(2, 0.5, 2.5)
    assert offer(2, 0.5, 1.9)                                       # a tie: the lower loss
    with open(f'{directory}/best_objective.txt') as stream:
        assert stream.read() == '0.500000'
    for name in ('best_objective.txt', 'archive/checkpoint'):       # the archive says it itself
        (tmp_path / name).write_bytes(b'\xff\x00')
    assert best.BestKeeper(directory).best()[:2] == (0.5, 1.9)


@pytest.mark.parametrize('mode', ['train', 'train_and_eval'])
def test_sigterm_saves_and_exits_75(tmp_path, mode):
    words = program.flags_of(dict(program.SMALL, model_dir=tmp_path, mode=mode, train_steps=100000))
    process = subprocess.Popen([sys.executable, os.path.join(program.ROOT, 'main.py')] + words,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               universal_newlines=True, cwd=program.ROOT,
                               env=dict(os.environ, **program.SHALLOW))
    for line in process.stdout:
        if line.startswith('step 3/'):
            process.send_signal(signal.SIGTERM)
            break
    process.stdout.read()
    assert process.wait(timeout=60) == 75
    result = program.result_of(tmp_path)
    assert result['status'] == 'preempted' and result['global_step'] >= 3
    assert program.variables(tmp_path)['global_step'] == result['global_step']


def test_mistakes_end_in_messages_not_traces(tmp_path):
    cases = [
        (['--model_name=mixnet-q'], 2, "Did you mean 'mixnet-s'"),
        (['--model_name=mixnet-s', '--train_stepz=3'], 2, '--train_steps'),
        (['--model_name=mixnet-s', f'--data_dir={tmp_path}/none'], 3, f'{tmp_path}/none'),
    ]
    for words, code, text in cases:
        done = program.main_command(*words, f'--model_dir={tmp_path}/m')
        assert (done.returncode, 'Traceback' in done.stderr) == (code, False), done.stderr
        assert text in done.stderr


def test_frozen_variables_stay(tmp_path):
    program.run(tmp_path, mode='train', train_steps=3, save_checkpoints_steps=1,
                freeze='MobilenetV1/Conv2d_0', keep_checkpoint_max=9)
    first = program.variables(tmp_path / 'model.ckpt-1')
    last = program.variables(tmp_path / 'model.ckpt-3')
    assert np.array_equal(first['MobilenetV1/Conv2d_0/weights'],
                          last['MobilenetV1/Conv2d_0/weights'])
    name = 'MobilenetV1/Conv2d_3_pointwise/weights'
    assert not np.array_equal(first[name], last[name])


def test_evaluation_waits_for_a_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match='no checkpoint appeared'):
        program.run(tmp_path, mode='eval', eval_timeout=1, train_steps=1)


def test_accumulated_micro_batches_make_one_step(tmp_path):
    _, result = program.run(tmp_path, mode='train', train_steps=3, gradient_accumulation_steps=2)
    assert (result['global_step'], result['examples_seen']) == (3, 48)
    with open(str(tmp_path / 'log.csv')) as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row['step']) for row in rows] == [1, 2, 3]
    assert float(rows[-1]['epoch']) == pytest.approx(3 * 16 / 64)


@pytest.mark.slow
@program.shallow(7)        # of the usual three pairs nothing overflows
def test_skipped_steps_count_and_resume_exactly(tmp_path):
    """A dynamic loss scale: from float32 to float16, in one go and in two, and back."""
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    changes = dict(mode='train', precision_mode='force_fp16')
    for folder in (whole, parts):
        folder.mkdir()
        program.trained(folder, mode='train', train_steps=2)
    _, result = program.run(whole, train_steps=11, **changes)
    program.run(parts, train_steps=6, **changes)
    program.run(parts, train_steps=11, **changes)
    program.assert_same_variables(whole, parts)
    held = program.variables(whole)
    assert held['skipped_steps'] > 0 and held['global_step'] == 11
    assert (result['global_step'], result['examples_seen']) == (11, 88)
    assert result['skipped_steps'] == held['skipped_steps']
    with open(str(parts / 'log.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == list(range(1, 12))
    _, result = program.run(whole, mode='train', train_steps=12)
    assert result['global_step'] == 12
