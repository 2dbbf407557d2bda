"""Several processes on the loopback train one network, through main.py and the launchers.

Every launch that trains is shared by the tests that look at it; noting.py says what its processes
read and what weights they ended with.
"""

import csv
import os
import shutil
import signal
import stat
import time

import input_params
import numpy as np
import processes
import program
import pytest

from estimator.devices import watch
from estimator.hooks import together

RECORDS, STEPS, BATCH = 64, 12, 8
SAME = dict(train_steps=STEPS, dropout_rate=0.5, gradient_clip_norm=0.5, dataset='tfrecord',
            save_checkpoints_steps=3, keep_checkpoint_max=9, num_train_images='null',
            num_eval_images='null', num_label_classes='null', recipe='slim', host_timeout=10)

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def changes(tmp_path_factory):
    """Flags of every run: records whose labels are their numbers, and where all start from."""
    folder = tmp_path_factory.mktemp('data')
    input_params.shards(folder, 'train', [RECORDS])
    input_params.shards(folder, 'validation', [11])
    program.run(folder / 'start', data_dir=folder, **dict(SAME, train_steps=1, mode='train'))
    return dict(SAME, data_dir=folder, init_checkpoint=folder / 'start')


@pytest.fixture(scope='module')
def whole(tmp_path_factory, changes):
    """(model_dir, texts) of two processes that train without a break."""
    folder = tmp_path_factory.mktemp('two') / 'whole'
    _, codes, said = processes.train(2, folder, mode='train', **changes)
    assert codes == [0, 0], '\n'.join(said)
    return folder, said


def notes_of(folder, number):
    """Variables that each process ended with, and its labels under 'labels'."""
    return [dict(np.load(f'{folder}.notes/{index}.npz')) for index in range(number)]


def assert_close(first, second):
    """All variables of two checkpoints are equal to 1e-6."""
    one, two = program.variables(first), program.variables(second)
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-6, atol=1e-6, err_msg=name)


def test_two_processes_equal_two_replicas(tmp_path, changes, whole):
    program.run(tmp_path, num_devices=2, mode='train', **changes)
    assert_close(tmp_path / 'model.ckpt-3', whole[0] / 'model.ckpt-3')
    result = program.result_of(whole[0])
    assert (result['num_devices'], result['global_batch']) == (2, 2 * BATCH)
    assert 'Restored 137 of 137 variables' in whole[1][0]


def test_both_end_with_the_weights_of_the_checkpoint(whole):
    saved = program.variables(whole[0])
    assert saved['global_step'] == STEPS
    for notes in notes_of(whole[0], 2):
        assert set(saved) <= set(notes)
        for name, value in saved.items():
            np.testing.assert_array_equal(notes[name], value, err_msg=name)


def test_each_record_is_read_by_one_process_an_epoch(whole):
    first, second = (notes['labels'] for notes in notes_of(whole[0], 2))
    assert first.shape == second.shape == (STEPS, BATCH)
    steps = RECORDS // BATCH // 2
    for begin in range(0, STEPS, steps):
        read = np.concatenate([own[begin:begin + steps].ravel() for own in (first, second)])
        assert sorted(read) == list(range(RECORDS))


def test_the_first_process_alone_writes_and_speaks(whole):
    folder, said = whole
    for place, _, names in os.walk(str(folder)):
        assert not os.path.basename(place).startswith('tmp_')
        if os.path.basename(place) == together.FOLDER:
            continue            # their words to each other
        for name in names:      # what the other one wrote would not be readable for all
            assert os.stat(os.path.join(place, name)).st_mode & stat.S_IROTH, name
    with open(str(folder / 'log.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == list(range(1, STEPS + 1))
    last = f'step {STEPS}/{STEPS}'
    assert last in said[0] and last not in said[1]
    for text in said:
        assert not [word for word in (
            'Error', 'Traceback', 'Exception', 'Warning', 'tensorflow:') if word in text], text


def test_killed_signalled_and_continued_bit_for_bit(tmp_path, changes, whole):
    parts, train, step = tmp_path / 'parts', dict(changes, mode='train'), 0
    for lost, run in (1, 4), (0, 1):
        listed, codes, said = processes.train(2, parts, {lost: f'SIGKILL@{run}'}, **train)
        assert (codes[1 - lost], codes[lost]) == (6, -signal.SIGKILL), '\n'.join(said)
        assert f'process {lost} ({listed[lost]})' in said[1 - lost]
        assert 'Traceback' not in said[1 - lost]
        assert program.variables(parts)['global_step'] == 3
    result = program.result_of(parts)       # of the first loss: later nobody was left to write it
    assert result['status'] == 'failed' and 'process 1' in result['error']

    for stopped in (1, 0):
        _, codes, said = processes.train(2, parts, {stopped: 'SIGTERM@1'}, **train)
        assert codes == [75, 75], '\n'.join(said)
        result, before = program.result_of(parts), step
        step = program.variables(parts)['global_step']
        assert (result['status'], result['global_step']) == ('preempted', step)
        assert before < step < STEPS - 1

    hosts = tmp_path / 'hosts'
    hosts.write_text('# two here\n' + '\n'.join(processes.free_addresses(2)) + '\n')
    words = launched(hosts, tmp_path / 'out', parts, dict(changes, steps_per_eval=STEPS - 1))
    codes, said = processes.Group([words], tmp_path).ended()
    if watch.DEADLOCK in said[0]:       # TensorFlow 1.15's; then the same command goes on
        assert codes == [6] and program.result_of(parts)['status'] == 'failed', said[0]
        codes, said = processes.Group([words], tmp_path).ended()
    assert codes == [0], '\n'.join(said)
    assert 'Final Performance images/sec : ' in said[0]
    assert (tmp_path / 'out/1/train_1.log').exists()
    program.assert_same_variables(whole[0], parts)
    with open(str(parts / 'log.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == list(range(1, STEPS + 1))
    with open(str(parts / 'eval.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == [STEPS - 1, STEPS]
    assert program.result_of(parts)['eval_examples'] == 11


def launched(hosts, output, model_dir, changes):
    """Words of a launcher that starts the processes of a hosts file."""
    return ['bash', os.path.join(program.ROOT, 'train_full_8p.sh')] + program.flags_of(dict(
        program.SMALL, hosts_file=hosts, output_path=output, model_dir=model_dir, **changes))


def test_a_process_that_hangs_ends_the_launch(tmp_path, changes):
    # finetune: two optimizers, and no batch statistics to reduce
    hosts, model_dir = tmp_path / 'hosts', tmp_path / 'run'
    listed = processes.free_addresses(2)
    hosts.write_text('\n'.join(listed) + '\n')
    launcher = processes.Group([launched(hosts, tmp_path / 'out', model_dir, dict(
        changes, recipe='finetune', mode='train', train_steps=100000,
        save_checkpoints_steps=50))], tmp_path)
    while not (model_dir / 'model.ckpt-50.index').exists() and launcher.runs():
        time.sleep(.2)
    os.kill(processes.trainers(model_dir)[1], signal.SIGSTOP)
    begun = time.time()
    codes, said = launcher.ended()
    assert codes == [6] and time.time() - begun < 60, '\n'.join(said)
    assert f'process 1 ({listed[1]})' in said[0] and 'Traceback' not in said[0]
    assert processes.trainers(model_dir) == {}
    assert program.result_of(model_dir)['status'] == 'failed'
    assert program.variables(model_dir)['global_step'] >= 50


def test_four_processes_continue_what_two_began(tmp_path, changes, whole):
    four, one = tmp_path / 'four', tmp_path / 'one'
    more = dict(changes, mode='train', train_steps=STEPS + 2, save_checkpoints_steps=1)
    for folder in (four, one):
        shutil.copytree(str(whole[0]), str(folder))
    _, codes, said = processes.train(4, four, **more)
    assert codes == [0] * 4, '\n'.join(said)
    program.run(one, num_devices=4, **more)
    # Four numbers are added in another order by each way. From there on a relu6 at its bound may
    # open for one and not for the other, so weights are compared after the first step.
    assert_close(four / f'model.ckpt-{STEPS + 1}', one / f'model.ckpt-{STEPS + 1}')
    result = program.result_of(four)
    assert abs(result['loss'] / program.result_of(one)['loss'] - 1) < 1e-5
    assert (result['global_step'], result['global_batch']) == (STEPS + 2, 4 * BATCH)
    read = np.concatenate([notes['labels'].ravel() for notes in notes_of(four, 4)])
    assert sorted(read) == list(range(RECORDS))
