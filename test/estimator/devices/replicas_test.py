"""Several devices in one process: CPU devices stand in for GPUs."""

import csv
import os
import tempfile

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

from common.errors import NanError
from estimator.devices import replicas
from estimator.training import losses


def log_of(directory):
    """Rows of log.csv as dicts of floats."""
    with open(str(directory / 'log.csv')) as stream:
        return [{name: float(value) for name, value in row.items()}
                for row in csv.DictReader(stream)]


@pytest.mark.slow
@program.shallow()
def test_two_devices_train_and_evaluate(tmp_path, monkeypatch):
    elsewhere = tmp_path / 'temporary'
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(elsewhere))
    code, result = program.run(tmp_path, num_devices=2, train_steps=3, num_eval_images=11)
    assert code == 0
    assert os.listdir(str(elsewhere)) == []         # nothing that a kill would leave there
    assert (result['num_devices'], result['global_batch'], result['examples_seen']) == (2, 16, 48)
    assert result['eval_examples'] == 11        # 4 + 4, then 3 and nothing
    _, alone = program.run(tmp_path, mode='eval', num_eval_images=11)
    assert alone['eval_examples'] == 11
    for name in ('top_1_accuracy', 'cross_entropy_ema', 'cross_entropy_raw'):
        assert alone[name] == pytest.approx(result[name], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize('steps, first, changes', [
    (20, 7, dict(model_name='efficientnet-b0', survival_prob=0.5)),
    (20, 7, dict(gradient_accumulation_steps=2, mixup_alpha=0.2, gradient_clip_norm=0.5)),
    # The first eight or so overflow, are left out, and count.
    (14, 11, dict(precision_mode='force_fp16', loss_scale='dynamic', optimizer='momentum',
                  momentum=0.9)),
], ids=['random', 'accumulated', 'float16'])
def test_restart_on_two_devices_continues_bit_for_bit(tmp_path, steps, first, changes):
    changes = dict(changes, num_devices=2, mode='train', dataset='digits', num_train_images='null',
                   num_eval_images='null')
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    program.run(whole, train_steps=steps, **changes)
    program.run(parts, train_steps=first, **changes)
    program.run(parts, train_steps=steps, **changes)
    program.assert_same_variables(whole, parts)
    rows, others = log_of(whole), log_of(parts)
    for name in ('step', 'loss', 'train_accuracy', 'cross_entropy'):
        assert [row[name] for row in rows] == [row[name] for row in others]


@pytest.mark.slow
@program.shallow()
def test_warm_start_on_two_devices(tmp_path):
    program.run(tmp_path / 'one', mode='train', train_steps=2)
    program.run(tmp_path / 'two', mode='train', train_steps=1, num_devices=2, learning_rate=1e-9,
                init_checkpoint=tmp_path / 'one')
    first, second = program.variables(tmp_path / 'one'), program.variables(tmp_path / 'two')
    name = 'MobilenetV1/Logits/Conv2d_1c_1x1/weights'
    average = first[name + '/ExponentialMovingAverage']
    np.testing.assert_allclose(second[name], average, atol=1e-6)
    np.testing.assert_allclose(second[name + '/ExponentialMovingAverage'], average, atol=1e-6)


@pytest.mark.slow
@program.shallow()
def test_nan_in_one_replica_stops_before_a_checkpoint(tmp_path, monkeypatch):
    program.run(tmp_path, num_devices=2, mode='train', train_steps=2)
    honest = losses.cross_entropy

    def poisoned(*args, **kwargs):
        bad = tf.where(tf.equal(replicas.index(), 1), np.nan, 1.0)
        return honest(*args, **kwargs) * tf.cast(bad, tf.float32)

    monkeypatch.setattr(losses, 'cross_entropy', poisoned)
    with pytest.raises(NanError, match='step 2'):
        program.run(tmp_path, num_devices=2, mode='train', train_steps=9,
                    save_checkpoints_steps=1)
    assert program.variables(tmp_path)['global_step'] == 2
