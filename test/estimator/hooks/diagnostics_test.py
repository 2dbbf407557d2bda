"""--npu_dump_data, --npu_overflow_dump, --profiling: what they write, and that it is true."""

import json
import os

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

from common.errors import DataError, FlagError, NanError
from estimator.hooks import published
from estimator.hooks.diagnostics import dump, overflow, steps
from estimator.modes import compare

pytestmark = pytest.mark.usefixtures('shallow')


@pytest.fixture(scope='module')
def seed_run(tmp_path_factory):
    """The line of the originals' READMEs: 5 steps with a dump and a profile."""
    folder = tmp_path_factory.mktemp('seed')
    _, result = program.run(folder / 'm', mode='train', train_steps=5, npu_dump_data='True',
                            npu_profiling='True', dump_dir=folder / 'dump', optimizer='sgd',
                            profiling_dir=folder / 'profile', save_checkpoints_steps=1,
                            keep_checkpoint_max=9)
    return folder, result


def test_a_dump_is_one_state_before_the_update(seed_run):
    folder, _ = seed_run
    assert os.listdir(str(folder / 'dump')) == ['step_0.npz']
    held = compare.read(str(folder / 'dump' / 'step_0.npz'))
    before = program.variables(folder / 'm' / 'model.ckpt-0')
    after = program.variables(folder / 'm' / 'model.ckpt-1')
    assert held['numbers/step'] == before['global_step'] == 0
    for name, value in before.items():
        group = 'optimizer' if name.endswith(('Average', 'global_step')) else 'variables'
        assert np.array_equal(held[f'{group}/{name}'], value)
    gradients = {key[len('gradients/'):]: value for key, value in held.items()
                 if key.startswith('gradients/')}
    assert len(gradients) == 7 * 3 + 2          # a kernel, gamma and beta each; the head
    for name, gradient in gradients.items():
        np.testing.assert_allclose(
            after[name], before[name] - held['numbers/learning_rate'] * gradient, atol=1e-6)
    assert held['loss/loss'] == pytest.approx(
        held['loss/cross_entropy'] + held['loss/weight_decay'], rel=1e-6)
    assert held['inputs/image'].shape == (8, 32, 32, 3) and held['inputs/label'].shape == (8,)
    assert {f'endpoints/block_{n}' for n in range(3)} < set(held)
    assert held['endpoints/logits'].shape == (8, 10)


def test_a_profile_is_bounded_readable_and_not_counted(seed_run):
    folder, result = seed_run
    names = set(os.listdir(str(folder / 'profile')))
    last = 4 if tf.version.VERSION.startswith('1.') else 3
    assert names - {'plugins'} == {f'profile_2-{last}.txt', f'timeline_step_{last}.json'}
    assert ('plugins' in names) == (last == 3)
    text = (folder / 'profile' / f'profile_2-{last}.txt').read_text()
    assert 'input waiting' in text and 'memory peak' in text and 'FusedBatchNorm' in text
    with open(str(folder / 'profile' / f'timeline_step_{last}.json')) as stream:
        assert json.load(stream)['traceEvents']
    assert result['global_step'] == 5


def test_windows():
    assert steps.default_window(0, 20) == (10, 15)
    assert steps.default_window(0, 5) == (2, 4)
    assert steps.default_window(0, 1) == (0, 0)
    assert steps.default_window(100, 437898) == (110, 115)
    assert steps.window('10-15') == (10, 15) and steps.window('7') == (7, 7)
    for text in ('1|3', '9-3'):
        with pytest.raises(FlagError, match='--profile_steps'):
            steps.window(text)


def test_steps_that_cannot_occur():
    chosen = steps.Steps('0|5|10-1000000000')
    assert 5 in chosen and 11 in chosen and 9 not in chosen
    assert chosen.impossible(0, 6) == '10-1000000000'
    assert chosen.impossible(3, 2000000000) == '0'
    assert steps.Steps('9-3').impossible(0, 20) == '9-3 (first above last)'


@pytest.mark.slow
def test_a_chosen_step_beyond_the_run_is_said(tmp_path, capfd):
    program.run(tmp_path / 'm', mode='train', train_steps=2, npu_dump_data=True,
                data_dump_step='1|10', dump_dir=tmp_path / 'd', gradient_accumulation_steps=2)
    assert 'steps 0 to 1, so nothing is dumped for 10' in capfd.readouterr().err
    assert sorted(os.listdir(str(tmp_path / 'd'))) == ['step_1.npz', 'step_1_micro_2.npz']


@pytest.mark.parametrize('precision', [
    'must_keep_origin_dtype', pytest.param('force_fp16', marks=pytest.mark.slow)])
def test_an_overflow_is_reported_before_the_run_ends(tmp_path, precision):
    pairs = 13 if precision == 'force_fp16' else 3      # deep: float16 overflows in part of it
    with pytest.raises(NanError), program.shallow(pairs):
        program.run(tmp_path / 'm', mode='train', train_steps=20, learning_rate=1e30,
                    npu_overflow_dump=True, precision_mode=precision, loss_scale=1024,
                    dump_dir=tmp_path / 'd')
    names = os.listdir(str(tmp_path / 'd'))
    assert names
    with open(str(tmp_path / 'd' / sorted(names)[-1])) as stream:
        report = json.load(stream)
    assert report['first']['not_finite'] > 0
    assert report['learning_rate'] == pytest.approx(1e30)
    kinds = {row['kind'] for row in report['tensors']}
    assert kinds == {'input', 'activation', 'loss', 'gradient', 'variable'}
    assert any(row['beyond_float16'] > 0 for row in report['tensors'])


def test_overflow_statistics_and_first_layer(tmp_path):
    values = tf.constant([1.0, -70000.0, np.nan, np.inf])
    with tf.Session() as session:
        found = session.run(overflow.statistics(values))
    np.testing.assert_allclose(found, [-70000, 1, -69999 / 2, 0.5, 0.25], rtol=1e-6)
    tf.train.create_global_step()
    weight = tf.get_variable('block/weights', initializer=[1.0, 2.0], use_resource=True)
    good, bad = weight * 2.0, tf.math.log(weight - 1.5)
    published.publish_group('endpoints', {'stem': good, 'block': bad, 'head': bad})
    published.publish_group('gradients', {'block/weights': weight, 'head/weights': bad})
    published.publish(cross_entropy=good[0], weight_decay=good[0], loss=bad[0],
                      learning_rate=good[0])
    for _ in range(2):
        with tf.train.MonitoredSession(
                hooks=[overflow.DumpOverflow(str(tmp_path))]) as session:
            session.run(good)
    assert sorted(os.listdir(str(tmp_path))) == ['overflow_step_0.json', 'overflow_step_0_2.json']
    report = json.loads((tmp_path / 'overflow_step_0.json').read_text())
    assert (report['first']['kind'], report['first']['name']) == ('activation', 'block')
    assert report['first']['not_finite'] == 0.5 and report['not_finite'] == 4


def test_compare_puts_the_worst_difference_first(tmp_path, capsys):
    same = {'inputs/image': np.ones([2, 3]), 'endpoints/a': np.array([1.0, 2.0]),
            'gradients/b': np.array([4.0, -8.0]), 'loss/loss': np.array(3.0)}
    other = dict(same, **{'endpoints/a': np.array([1.0, 2.002]), 'gradients/b': np.array([4.0, 0]),
                          'loss/loss': np.array(np.nan), 'more': np.zeros(1)})
    dump.write(str(tmp_path / 'a'), 'step_0.npz', same)
    dump.write(str(tmp_path / 'b'), 'step_0.npz', other)
    report = compare.compare(compare.read(str(tmp_path / 'a' / 'step_0.npz')), other)
    assert [row['name'] for row in report['rows']] == [
        'loss/loss', 'gradients/b', 'endpoints/a', 'inputs/image']
    assert report['rows'][1]['relative'] == 1.0 and report['rows'][1]['mean'] == 4.0
    assert report['parted'] == 'endpoints/a' and report['only_second'] == ['more']
    import main
    words = ['main.py', '--mode=compare', f'--dump_dir={tmp_path}/a']
    assert main.main(words) == 0
    assert 'inputs/image' in capsys.readouterr().out
    assert main.main(words + [f'--compare_to={tmp_path}/b']) == 0
    assert 'endpoints/a is the first beyond rounding' in capsys.readouterr().out
    with pytest.raises(DataError, match='--npu_dump_data'):
        main.main(['main.py', '--mode=compare', f'--dump_dir={tmp_path}'])
    (tmp_path / 'a' / 'step_0.npz').write_bytes(b'PK cut off')
    with pytest.raises(DataError, match='not a readable dump'):
        main.main(words)
