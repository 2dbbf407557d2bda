"""Several processes on the loopback train one network, through main.py and the launchers."""

import csv
import os
import re
import signal
import subprocess
import sys
import time

import input_params
import numpy as np
import program
import pytest
from watch_test import free_addresses

SAME_NUMBERS = dict(mode='train', train_steps=3, dropout_rate=0.5, gradient_clip_norm=0.5,
                    dataset='tfrecord', num_train_images='null', num_eval_images='null',
                    num_label_classes='null')


def start(number, model_dir, **changes):
    """`number` processes of main.py with one model_dir."""
    listed = free_addresses(number)
    found = []
    for index in range(number):
        words = program.flags_of(dict(program.SMALL, model_dir=model_dir, hosts=','.join(listed),
                                      host_index=index, **changes))
        found.append(subprocess.Popen(
            [sys.executable, os.path.join(program.ROOT, 'main.py')] + words, cwd=program.ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True))
    return listed, found


def run(number, model_dir, **changes):
    """Output of each of `number` processes that all end with 0."""
    _, processes = start(number, model_dir, **changes)
    said = [process.communicate(timeout=280)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * number, said
    return said


def wait_for_step(process, step):
    for line in process.stdout:
        if line.startswith(f'step {step}/'):
            return


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """(folder with one shard of records, checkpoint that every run starts from)."""
    folder = tmp_path_factory.mktemp('data')
    input_params.shards(folder, 'train', [64])
    input_params.shards(folder, 'validation', [11])
    program.run(folder / 'start', data_dir=folder, **dict(SAME_NUMBERS, train_steps=1))
    return folder, folder / 'start'


@pytest.mark.slow
@pytest.mark.parametrize('number', [2, 4])
def test_processes_equal_as_many_replicas(tmp_path, data, number):
    folder, begin = data
    changes = dict(SAME_NUMBERS, data_dir=folder, init_checkpoint=begin)
    program.run(tmp_path / 'replicas', num_devices=number, **changes)
    said = run(number, tmp_path / 'processes', **changes)
    one, many = (program.variables(tmp_path / name) for name in ('replicas', 'processes'))
    assert set(one) == set(many)
    for name in one:
        np.testing.assert_allclose(many[name], one[name], atol=1e-6, err_msg=name)
    assert program.result_of(tmp_path / 'processes')['global_batch'] == 8 * number
    for text in said:
        assert 'Error' not in text and 'INFO:tensorflow:Running' not in text, text
    assert 'step 3/3' in said[0] and 'step 3/3' not in said[1]


@pytest.mark.slow
def test_killed_and_started_again_continues_bit_for_bit(tmp_path, data):
    changes = dict(SAME_NUMBERS, data_dir=data[0])
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    run(2, whole, **dict(changes, train_steps=20))
    _, processes = start(2, parts, save_checkpoints_steps=7, **dict(changes, train_steps=20))
    wait_for_step(processes[0], 8)
    for process in processes:
        process.kill()
        process.wait()
    assert program.variables(parts)['global_step'] >= 7
    run(2, parts, **dict(changes, train_steps=20))
    program.assert_same_variables(whole, parts)
    with open(str(parts / 'log.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == list(range(1, 21))


@pytest.mark.slow
def test_evaluation_and_another_number_of_processes(tmp_path):
    run(2, tmp_path, train_steps=4, steps_per_eval=2, num_eval_images=11)
    assert program.result_of(tmp_path)['eval_examples'] == 11
    assert not [name for name in os.listdir(str(tmp_path)) if name.startswith('tmp_')]
    run(3, tmp_path, train_steps=6, num_eval_images=11)
    result = program.result_of(tmp_path)
    assert (result['global_step'], result['global_batch']) == (6, 24)


@pytest.mark.slow
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_process_ends_the_others(tmp_path, number):
    listed, processes = start(2, tmp_path, mode='train', train_steps=100000, host_timeout=10,
                              save_checkpoints_steps=5)
    wait_for_step(processes[0], 7)
    processes[1].send_signal(number)
    begun = time.time()
    said, _ = processes[0].communicate(timeout=100)
    assert time.time() - begun < 60
    processes[1].kill()
    processes[1].wait()
    assert processes[0].returncode == 6, said
    assert f'process 1 ({listed[1]})' in said and 'Traceback' not in said
    result = program.result_of(tmp_path)
    assert result['status'] == 'failed' and 'process 1' in result['error']
    step = program.variables(tmp_path)['global_step']
    assert step >= 5
    run(2, tmp_path, mode='train', train_steps=int(step) + 2)
    assert program.result_of(tmp_path)['global_step'] == step + 2


@pytest.mark.slow
@pytest.mark.parametrize('index', [0, 1])
def test_a_signal_to_one_saves_a_common_step(tmp_path, index):
    _, processes = start(2, tmp_path, mode='train', train_steps=100000)
    wait_for_step(processes[0], 7)
    processes[index].terminate()
    said = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [75, 75], said
    result = program.result_of(tmp_path)
    assert result['status'] == 'preempted' and result['global_step'] >= 7
    assert program.variables(tmp_path)['global_step'] == result['global_step']


@pytest.mark.slow
def test_launcher_with_a_hosts_file(tmp_path, data):
    hosts = tmp_path / 'hosts'
    hosts.write_text('# two here\n' + '\n'.join(free_addresses(2)) + '\n')
    words = program.flags_of(dict(program.SMALL, **dict(
        SAME_NUMBERS, data_dir=data[0], hosts_file=hosts, output_path=tmp_path / 'out')))
    done = program.command('bash', os.path.join(program.ROOT, 'train_full_8p.sh'), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    result = program.result_of(tmp_path / 'out/0/ckpt/mobilenet_v1_025-8p')
    assert (result['num_devices'], result['global_step']) == (2, 3)
    assert (tmp_path / 'out/1/train_1.log').exists()
    assert re.search('Final Performance images/sec : [0-9.]+', done.stdout)
