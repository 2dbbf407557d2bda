"""Whole runs on the stand-in for an Ascend: one device in this process, several by the launchers.

Shown: what is called, what a device could not run, what is counted, who writes, how ranks stop.
Not shown: compilation, speed and arithmetic of a device.
"""

import json
import os
import signal
import subprocess

import ascend_tools
import program
import pytest
import tensorflow.compat.v1 as tf

import main
from estimator import curves, job, runner
from input.sources import digits

pytestmark = pytest.mark.skipif(not tf.version.VERSION.startswith('1.'),
                                reason='the adapter is for TensorFlow 1.15')

SMALL = ['--model_name=mobilenet_v1_025', '--input_image_size=32', '--preprocessing_name=digits',
         '--batch_size=8', '--learning_rate=0.01', '--log_step_count_steps=1']


def assert_a_device_could_run(calls, rank=0):
    audits = calls('audit', rank=rank)
    assert audits and all(a['dynamic'] == [] and a['foreign'] == [] for a in audits), audits
    assert len({str(c['names']) for c in calls('fetches', rank=rank) if c['mode'] == 'train'}) == 1


@program.shallow()
def test_loops_and_filled_up_batches(monkeypatch, tmp_path):
    calls = ascend_tools.install(monkeypatch, tmp_path, ASCEND_DEVICE_ID='0')
    model_dir = tmp_path / 'model'
    code, result = program.run(model_dir, train_steps=12, iterations_per_loop=5,
                               log_step_count_steps=3)
    assert code == 0 and result['global_step'] == 12 and result['num_devices'] == 1
    assert result['precision'].startswith('allow_mix_precision')
    assert calls('NPURunConfig')[0]['iterations_per_loop'] == 4     # the next that divides 12
    rows = curves.read(str(model_dir / 'log.csv'))
    assert [row['step'] for row in rows] == [4, 8, 12]
    assert result['examples_seen'] == 12 * 8 and result['images_per_sec'] > 0
    assert_a_device_could_run(calls)
    # 10 images in batches of 4: the same numbers as on a CPU, which gets a last batch of 2
    (model_dir / 'checkpoint').read_text().index('"model.ckpt-12"')     # can be moved
    code, there = program.run(model_dir, mode='eval', device='cpu')
    for name in ('eval_examples', 'top_1_accuracy', 'top_5_accuracy', 'weights'):
        assert there[name] == result[name]
    for name in ('cross_entropy_ema', 'cross_entropy_raw'):
        assert there[name] == pytest.approx(result[name], rel=1e-5)


@program.shallow()
def test_an_overflow_is_no_step(monkeypatch, tmp_path):
    calls = ascend_tools.install(monkeypatch, tmp_path, ASCEND_DEVICE_ID='0',
                                 NPU_STAND_IN_OVERFLOW='1,2')
    code, result = program.run(tmp_path / 'model', mode='train', train_steps=4, loss_scale=64)
    assert code == 0 and result['global_step'] == 4
    rows = curves.read(str(tmp_path / 'model' / 'log.csv'))
    assert [row['step'] for row in rows] == [1, 2, 3, 4]
    assert_a_device_could_run(calls)


def resolved(monkeypatch, **values):
    """(network, params, open_inputs) that main.py hands to the runner."""
    found = []
    monkeypatch.setattr(runner, 'run', lambda *given: found.append(given))
    main.main(['main.py'] + program.flags_of(dict(program.SMALL, **values)))
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize('name', ['mixnet-s', 'efficientnet-condconv-b0-8e', 'mobilenet_v2',
                                  'mnasnet-a1', 'mnasnet1_0', 'mobilenet_v1'])
def test_a_device_has_every_operator(monkeypatch, tmp_path, name):
    calls = ascend_tools.install(monkeypatch, tmp_path, ASCEND_DEVICE_ID='0')
    network, params, open_inputs = resolved(
        monkeypatch, model_name=name, model_dir=tmp_path / 'model', dropout_rate=0.2,
        mixup_alpha=0.2, gradient_clip_norm=1)
    one = job.Job(network, params, open_inputs(), None)
    estimator = one.estimator(eval_weights=('ema', 'raw'), save=(100, None), loop=1)
    for mode, input_fn in (
            ('train', one.inputs.train_input_fn(params.train_batch_size, first_example=0)),
            ('eval', one.inputs.eval_input_fn(params.eval_batch_size, full_batches=True))):
        with tf.Graph().as_default():
            tf.train.create_global_step()
            features, labels, _ = estimator._get_features_and_labels_from_input_fn(input_fn, mode)
            spec = estimator._call_model_fn(features, labels, mode, estimator.config)
            for hook in spec.training_hooks + spec.evaluation_hooks:
                if type(hook).__name__ == 'Audit':
                    hook.look()
    audits = calls('audit')
    assert [audit['mode'] for audit in audits] == ['train', 'eval']
    assert all(audit['operations'] > 500 for audit in audits)
    assert all(audit['dynamic'] == audit['foreign'] == [] for audit in audits), audits


def launch(script, folder, *words, size=2, **more):
    environment = ascend_tools.environment(folder, size)
    environment.update(more)
    given = {word.split('=')[0] for word in words}
    words = [word for word in SMALL if word.split('=')[0] not in given] + list(words)
    return subprocess.Popen(
        ['bash', os.path.join(program.ROOT, script), f'--output_path={folder}/out', *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, cwd=program.ROOT,
        env=environment)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return '--data_path=' + digits.prepare(str(tmp_path_factory.mktemp('data') / 'digits'))


def weights(folder, size):
    """The sums of the weights each rank ended each training with."""
    return [[(call['step'], call['sha256']) for call in ascend_tools.calls(folder, 'weights', rank)]
            for rank in range(size)]


def assert_together(folder, size, steps):
    """All ranks ended at these steps with the same weights and slots."""
    ended = weights(folder, size)
    assert [[step for step, _ in one] for one in ended] == [steps] * size
    assert all(one == ended[0] for one in ended)


def stop_at(process, line, target=None):
    """Sends SIGTERM to the launcher, or a process of it, when a line comes; returns the output."""
    seen = []
    for text in process.stdout:
        seen.append(text)
        if text.startswith(line):
            os.kill(target() if target else process.pid, signal.SIGTERM)
            break
    seen.append(process.stdout.read())
    process.wait(timeout=100)
    return ''.join(seen)


@pytest.mark.slow
def test_eight_ranks(data, tmp_path):
    process = launch('train_full_8p.sh', tmp_path, data, '--train_steps=3', size=8)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    assert_together(tmp_path, 8, [3])
    result = program.result_of(tmp_path / 'out' / '0' / 'ckpt' / 'mobilenet_v1_025-8p')
    assert (result['status'], result['num_devices'], result['global_batch'],
            result['global_step'], result['eval_examples']) == ('completed', 8, 64, 3, 360)
    assert len(list(tmp_path.rglob('result.json'))) == 1
    log = (tmp_path / 'out' / '0' / 'mobilenet_v1_025_bs8_8p_acc.log').read_text()
    assert 'RankSize = 8\n' in log and 'Device ID: 0\n' in out
    for line in ('Final Performance images/sec : ', 'Final Train Accuracy : ',
                 'E2E Training Duration sec : '):
        assert '\n' + line in out
    for rank in range(8):
        assert_a_device_could_run(
            lambda name, rank: ascend_tools.calls(tmp_path, name, rank), rank)
        one, = ascend_tools.calls(tmp_path, 'environment', rank)[:1]
        assert (one['DEVICE_ID'], one['ASCEND_DEVICE_ID']) == (str(rank), None)
        assert bool(ascend_tools.calls(tmp_path, 'NPUCheckpointSaverHook', rank)) == (rank == 0)


@pytest.mark.slow
def test_a_training_of_two_that_is_stopped_is_an_uninterrupted_one(data, tmp_path):
    """One rank only gets the signal, all stop at one step, the same command goes on."""
    def train(name, stop):
        folder = tmp_path / name
        words = (data, '--mode=train', '--train_steps=6')
        if stop:
            process = launch('train_full_8p.sh', folder, *words)
            out = stop_at(process, 'step 2/', lambda: pid_of(folder, 1))
            assert process.returncode == 75, out
            step, = {steps[0][0] for steps in weights(folder, 2)}
            assert 2 < step < 6
            assert_together(folder, 2, [step])
        process = launch('train_full_8p.sh', folder, *words)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, out
        return str(folder / 'out' / '0' / 'ckpt' / 'mobilenet_v1_025-8p')

    one, other = train('whole', False), train('stopped', True)
    assert weights(tmp_path / 'whole', 2)[0][-1] == weights(tmp_path / 'stopped', 2)[0][-1]
    program.assert_same_variables(one, other)


def pid_of(folder, rank):
    """Process of a rank of the last launch."""
    with open(os.path.join(str(folder), f'calls-{rank}.jsonl')) as stream:
        written = [line for line in stream if line.endswith('\n')]     # it goes on writing
    return json.loads(written[-1])['pid']


@pytest.mark.slow
def test_a_rank_that_fails_ends_the_launch(data, tmp_path):
    process = launch('train_full_8p.sh', tmp_path, data, '--train_steps=50', '--loss_scale=off',
                     '--learning_rate=1e30')
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 4, out
    logs = ''.join(path.read_text() for path in tmp_path.rglob('train_?.log'))
    assert 'Continue from it with a lower --base_learning_rate' in logs


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_the_launch(data, tmp_path):
    process = launch('train_full_8p.sh', tmp_path, data, '--train_steps=5000',
                     NPU_STAND_IN_TIMEOUT='100')
    for text in process.stdout:
        if text.startswith('step 2/'):
            os.kill(pid_of(tmp_path, 1), signal.SIGKILL)
            break
    out = process.stdout.read()
    assert process.wait(timeout=100) == 128 + 9
    assert 'rank 1 of 2 (device 1)' in out
