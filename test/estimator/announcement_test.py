"""--explain shows what will happen; the log says what a flag does on this device."""

import types

import program
import pytest

import main
from estimator import announcement

pytestmark = pytest.mark.usefixtures('shallow')


def explained(capsys, **changes):
    values = dict(program.SMALL, explain=True, dropout_rate=None, train_steps=16, **changes)
    assert main.main(['main.py'] + program.flags_of(values)) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line[:2] == '  '}
    return out, rows


def test_explain_shows_effective_values(tmp_path, capsys):
    out, rows = explained(capsys, model_dir=tmp_path / 'm', preprocessing_name=None,
                          iterations_per_loop=30)
    assert rows['dropout_rate'][0] == '0.001' and rows['batch_norm_momentum'][0] != '-'
    assert rows['train_epochs'][0] == '2.0' and rows['learning_rate'][0] == '0.01'
    assert rows['input_image_size'][0] == '32' and rows['num_label_classes'][0] == '10'
    assert rows['preprocessing_name'][0] == 'inception' and rows['num_eval_images'][0] == '10'
    assert rows['loss_scale'][0] == 'off' and rows['num_devices'][0] == '1'
    assert rows['device'][0] == 'cpu' and rows['recipe'][0] == 'slim'
    assert rows['pixel_mean'][0] == '127.5,127.5,127.5'
    assert rows['weight_decay_on'] == ['conv', 'the', 'network']
    assert rows['random_flip'][0] == 'True' and float(rows['crop_min_area'][0]) == 0.05
    assert rows['end_learning_rate'][0] != '-' and rows['num_parallel_calls'][0] == 'auto'
    assert rows['depth_coefficient'][0] == '-' and rows['depth_multiplier'][0] == '0.25'
    assert 'training   16 steps = 2.00 epochs of 8.0 steps, global batch 8' in out
    assert '--iterations_per_loop=30: no loop on a cpu; a checkpoint every 100 steps' in out
    assert not (tmp_path / 'm').exists()


def test_explain_without_data_says_so(tmp_path, capsys):
    out, rows = explained(capsys, dataset='tfrecord', data_dir=tmp_path / 'none')
    assert 'not known yet:' in out and rows['input_image_size'][0] == '32'


def test_an_evaluation_says_what_flags_do(tmp_path, capsys):
    assert program.run(tmp_path, mode='train', train_steps=1)[0] == 0
    capsys.readouterr()
    program.run(tmp_path, mode='eval', iterations_per_loop=7, npu_auto_tune=True,
                precision_mode='allow_mix_precision')
    out = capsys.readouterr().out
    assert 'precision  float32 (mixed precision is a no-op on a CPU)' in out
    assert '--iterations_per_loop=7: does nothing in an evaluation' in out
    assert '--npu_auto_tune: does nothing on a cpu' in out


def test_flags_that_depend_on_the_device():
    params = types.SimpleNamespace(npu_auto_tune=True, iterations_per_loop=None, use_xla=True)
    for kind, tune, xla in (('cpu', 'does nothing on a cpu', 'does nothing on a cpu'),
                            ('gpu', 'does nothing on a gpu', 'XLA compiles'),
                            ('npu', 'the Ascend compiler tunes', 'does nothing on an Ascend')):
        run = types.SimpleNamespace(params=params, device=types.SimpleNamespace(kind=kind))
        (_, first), (_, second) = announcement.device_flags(run)
        assert first.startswith(tune) and second.startswith(xla)
