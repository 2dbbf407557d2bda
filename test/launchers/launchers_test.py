"""The shell launchers' contract: options, files, last lines, exit codes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import program
import pytest

from common import storage
from input.sources import digits
from launchers import launch as sender
from launchers.ranks import Rank

KEYS = ['Network', 'RankSize', 'BatchSize', 'DeviceType', 'CaseName', 'ActualFPS', 'TrainingTime',
        'TrainAccuracy', 'ActualLoss', 'E2ETrainingTime']
SMALL = ['--model_name=mobilenet_v1_025', '--input_image_size=32', '--preprocessing_name=digits',
         '--batch_size=8', '--learning_rate=0.01']

# What is known of every run once its data and network are.
KNOWN = ('recipe', 'dataset', 'data_dir', 'device', 'num_devices', 'precision_mode', 'loss_scale',
         'learning_rate', 'train_steps', 'train_epochs', 'steps_per_eval', 'num_train_images',
         'num_eval_images', 'num_label_classes', 'label_offset', 'input_image_size',
         'preprocessing_name', 'pixel_mean', 'pixel_std', 'dropout_rate', 'batch_norm_momentum',
         'batch_norm_epsilon', 'train_batch_size', 'eval_batch_size', 'save_checkpoints_steps')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return digits.prepare(str(tmp_path_factory.mktemp('a path with spaces') / 'digits'))


def launch(script, *words, env=(), root=program.ROOT, **keywords):
    return program.command('bash', os.path.join(str(root), script), *words,
                           env=dict(program.SHALLOW, **dict(env)), **keywords)


def read_log(directory, name):
    with open(os.path.join(str(directory), name)) as stream:
        return [line.rstrip('\n').split(' = ') for line in stream]


@pytest.mark.parametrize('script', ['train_full_1p.sh', 'train_performance_1p.sh',
                                    'test/train_full_1p.sh', 'train_performance_8p.sh'])
def test_help_and_missing_data(script, tmp_path):
    done = launch(script, '--help', cwd=str(tmp_path))
    assert done.returncode == 0 and '--data_path=DIR' in done.stdout
    assert '--gradient_clip_norm' in done.stdout        # main.py's own flags are listed too
    done = launch(script, cwd=str(tmp_path))
    assert done.returncode != 0 and '[Error] para "data_path"' in done.stderr


def test_logs_and_figures_go_to_an_address(tmp_path, capsys):
    folder = tmp_path / 'base' / '3'
    folder.mkdir(parents=True)
    (folder / 'train_3.log').write_text('of an earlier launch')
    before = [storage.stamp(str(folder / 'train_3.log'))]
    (folder / 'train_3.log').rename(folder / 'train_3.log.1')
    (folder / 'train_3.log').write_text('of this launch')
    os.utime(str(folder / 'train_3.log'), (5, 5))       # the clock has been set back
    there = f'file://{tmp_path}/there'
    assert sender.send(str(tmp_path / 'base'), there, [Rank('3', {})], before, 75) == 75
    assert os.listdir(f'{tmp_path}/there/3') == ['train_3.log']
    for code, found in (0, 1), (4, 4):      # a run that failed keeps its own code
        assert sender.send(str(tmp_path / 'base'), f'file://{folder}/train_3.log', [Rank('3', {})],
                           before, code) == found
        assert 'logs and figures stay in' in capsys.readouterr().err


def test_performance(data, tmp_path):
    done = launch('train_performance_1p.sh', f'--data_path={data}', *SMALL, '--train_steps=8',
                  '--precision_mode=allow_mix_precision', f'--output_path={tmp_path}/out',
                  cwd=str(tmp_path), env={'ASCEND_DEVICE_ID': '3'})
    assert done.returncode == 0, done.stderr + done.stdout
    output = tmp_path / 'out' / '3'
    rows = read_log(output, 'mobilenet_v1_025_bs8_1p_perf.log')
    assert [key for key, _ in rows] == KEYS
    values = dict(rows)
    assert (values['RankSize'], values['BatchSize']) == ('1', '8')
    rate, step_time = float(values['ActualFPS']), float(values['TrainingTime'])
    assert step_time == pytest.approx(8 * 1000 / rate, rel=0.01)
    assert 0 <= float(values['TrainAccuracy']) <= 1
    with open(str(output / 'train_mobilenet_v1_025_bs8_1p_perf_loss.txt')) as stream:
        losses = stream.read().split()
    assert losses and float(losses[-1]) == float(values['ActualLoss'])
    assert f'Final Performance images/sec : {values["ActualFPS"]}' in done.stdout
    assert re.search(r'^Final Train Accuracy : ', done.stdout, re.M)
    assert re.search(r'^E2E Training Duration sec : \d+$', done.stdout, re.M)
    assert done.stdout.startswith('Device ID: 3\n')
    log = (output / 'train_3.log').read_text()
    assert 'INFO:tensorflow:loss = ' in log and 'mixed precision is a no-op on a CPU' in log
    assert sorted(os.listdir(str(output))) == sorted([
        'ckpt', 'train_3.log', 'mobilenet_v1_025_bs8_1p_perf.log',
        'train_mobilenet_v1_025_bs8_1p_perf_loss.txt'])
    kept = output / 'ckpt' / 'mobilenet_v1_025-performance'
    assert (kept / 'model.ckpt-8.index').exists() and f'Checkpoints in {kept}' in done.stdout
    (output / 'mine.txt').write_text('not a launcher\'s')
    done = launch('train_performance_8p.sh', f'--data_path={data}', *SMALL, '--train_steps=4',
                  f'--output-path={tmp_path}/out', env={'ASCEND_DEVICE_ID': '3'})
    assert done.returncode == 0, done.stderr + done.stdout
    assert f'{kept}: checkpoints of an earlier performance run, removed' in done.stdout
    note = 'NOTE: this command is written for 8 devices, and 1 can be used here'
    assert -1 < done.stdout.find(note) < done.stdout.find('step 4/4')      # before it trains
    assert 'NOTE: this launcher is for 8 devices; the figures are those of 1' in done.stdout
    assert program.result_of(kept)['global_step'] == 4
    assert (output / 'mine.txt').exists() and (output / 'train_3.log.1').read_text() == log


def test_full_trains_evaluates_and_keeps_its_numbers(data, tmp_path):
    words = [f'--data_path={data}', f'--output_path={tmp_path}', *SMALL]
    done = launch('test/train_full_1p.sh', *words, '--train_steps=3', cwd='/')
    assert done.returncode == 0, done.stderr + done.stdout
    said = (tmp_path / '0' / 'train_0.log').read_text()
    assert 'for 1,437 training images there is --recipe=small' in said
    values = dict(read_log(tmp_path / '0', 'mobilenet_v1_025_bs8_1p_acc.log'))
    result = program.result_of(tmp_path / '0' / 'ckpt' / 'mobilenet_v1_025')
    assert result['eval_examples'] == 360
    assert float(values['TrainAccuracy']) == pytest.approx(result['top_1_accuracy'], abs=1e-4)
    first = dict(read_log(tmp_path / '0', 'mobilenet_v1_025_bs8_1p_acc.log'))
    losses = (tmp_path / '0/train_mobilenet_v1_025_bs8_1p_acc_loss.txt').read_text().split()
    assert len(losses) == 1 and losses[-1] == first['ActualLoss']
    done = launch('train_full_1p.sh', *words, '--train_steps=3')
    assert done.returncode == 0 and 'Nothing was left to train' in done.stdout
    assert f'Final Performance images/sec : {first["ActualFPS"]}' in done.stdout
    assert dict(read_log(tmp_path / '0', 'mobilenet_v1_025_bs8_1p_acc.log')) == first


def test_main_py_s_names_are_the_launcher_s(data, tmp_path):
    words = [f'--data-path={data}', f'--checkpoint_dir={tmp_path}/mine', *SMALL, '--explain',
             '--iterations_per_loop=30', '--use_xla', '--npu_auto_tune']
    done = launch('train_full_8p.sh', *words, cwd=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for said in ('NOTE: this command is written for 8 devices, and 1 can', 'precision  float32 (',
                 '--iterations_per_loop=30: no loop', '--use_xla: does nothing',
                 '--npu_auto_tune: does nothing'):
        assert '\n' + said in done.stdout
    for name in KNOWN:
        assert re.search(f'^  {name} +[^- ]', done.stdout, re.M), name
    assert re.search(r'model_dir +\S+/mine +command line \(--checkpoint_dir\)', done.stdout)
    assert re.search(r'learning_rate +0.01 ', done.stdout)
    assert os.listdir(str(tmp_path)) == []      # --explain makes nothing
    done = launch('train_full_1p.sh', f'--data_path={data}', '--learning_rat=1')
    assert done.returncode == 2 and '--learning_rate' in done.stderr


def test_exit_codes_are_passed_on(data, tmp_path):
    output = f'--output_path={tmp_path}'
    assert launch('train_full_1p.sh', f'--data_path={tmp_path}/none', output).returncode == 3
    done = launch('train_full_1p.sh', f'--data_path={data}', output, '--no_such_option=1')
    assert done.returncode == 2 and 'no_such_option' in done.stdout + done.stderr


def test_launchers_work_from_a_copy_with_spaces_in_its_path(data, tmp_path):
    """Where a training that cannot go on ends with its code, too."""
    copy = tmp_path / 'my project'
    shutil.copytree(program.ROOT, str(copy), ignore=shutil.ignore_patterns(
        '.*', 'goldens', '__pycache__', 'result', 'output'))
    done = launch('train_performance_1p.sh', f'--data_path={data}', *SMALL[:-1],
                  '--train_steps=50', '--learning_rate=1e30', root=copy)
    assert done.returncode == 4, done.stdout + done.stderr
    log = (copy / 'output' / '0' / 'train_0.log').read_text()
    assert 'last finite loss' in log


def started(tmp_path, data, *words):
    """A launcher in a process group of its own, which is gone after five minutes at the latest."""
    process = subprocess.Popen(
        ['bash', os.path.join(program.ROOT, 'train_full_1p.sh'), f'--data_path={data}',
         f'--output_path={tmp_path}', '--train_steps=100000', '--log_step_count_steps=1',
         *SMALL, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        universal_newlines=True, start_new_session=True,
        env=dict(os.environ, PYTHON=sys.executable, **program.SHALLOW))
    limit = threading.Timer(300, lambda: process.poll() is None and os.killpg(
        process.pid, signal.SIGKILL))
    limit.daemon = True
    limit.start()
    return process


def test_signals_to_the_group_are_one_signal(data, tmp_path):
    process = started(tmp_path, data)
    for line in process.stdout:
        if line.startswith('step 2/'):
            break
    second = started(tmp_path, data)        # meanwhile: refused, and the first one's log stays
    said = second.stdout.read()
    assert second.wait(timeout=60) == 1 and 'is being written by another launcher' in said
    for _ in range(3):
        os.killpg(process.pid, signal.SIGTERM)
        time.sleep(0.1)
    process.stdout.read()
    assert process.wait(timeout=60) == 75
    assert program.result_of(tmp_path / '0/ckpt/mobilenet_v1_025')['status'] == 'preempted'
    assert 'step 2/100000' in (tmp_path / '0' / 'train_0.log').read_text()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_during_start_up_ends_at_once(data, tmp_path, number):
    process = started(tmp_path, data, f'--model-dir={tmp_path}/m')
    assert process.stdout.readline() == 'Device ID: 0\n'
    os.killpg(process.pid, number)
    said = process.stdout.read()
    assert process.wait(timeout=60) == 75 and 'Traceback' not in said


@pytest.mark.parametrize('name', ['output_path', 'hosts_file'])
def test_an_option_at_the_end_without_its_value_is_refused(name):
    done = launch('train_full_1p.sh', '--data_path=x', f'--{name}')
    assert done.returncode == 2 and f'--{name} needs a value' in done.stderr


@pytest.mark.parametrize('number', ['../../x', '/x', '-1', '1\n'])
def test_a_device_number_is_a_number(tmp_path, number):
    done = launch('train_full_1p.sh', '--data_path=x', f'--output_path={tmp_path}/a/b',
                  env={'ASCEND_DEVICE_ID': number})
    assert done.returncode == 2 and 'is no number' in done.stderr
    assert os.listdir(str(tmp_path)) == []
