"""Learning rates against the originals' numbers, and the plan they derive from."""

import json
import math
import os
import types

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

from common.errors import FlagError
from estimator import plan as plans
from estimator.training import schedules

GOLDENS = os.path.join(program.ROOT, 'test', 'goldens', 'common', 'lr_schedules.json')
EMPTY = dict(learning_rate=None, base_learning_rate=None, lr_schedule='constant', lr_init=None,
             lr_warmup_epochs=None, lr_decay_factor=None, lr_decay_epoch=None,
             end_learning_rate=None, lr_decay_boundaries=None, lr_decay_values=None)


def _params(**given):
    return types.SimpleNamespace(**dict(EMPTY, **given))


def _plan(steps, steps_per_epoch, batch=256):
    return plans.Plan(steps, steps_per_epoch, batch, steps / steps_per_epoch)


def _rates(params, plan, steps):
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int64, [])
        rate = schedules.learning_rate(params, plan, step)
        assert rate.dtype == tf.float32 and rate.shape.rank == 0
        return np.array([session.run(rate, {step: value}) for value in steps], np.float64)


def _case(name, facts):
    """(params, plan) of one golden case, its values named as the original names them."""
    family, kind = name.split('/')[:2]
    schedule = {'mnasnet_main': 'exponential', 'slim_mobilenet_v1_train': 'slim_exponential',
                'slim_train_image_classifier/exponential/batch32': 'slim_exponential',
                }.get(name if family == 'slim_train_image_classifier' else family, kind)
    if family == 'ascend_mobilenet_v2' and kind == 'exponential':
        schedule = 'ascend_exponential'
    given = dict(lr_schedule=schedule, lr_warmup_epochs=facts.get('warmup_epochs'))
    per_epoch = facts.get('steps_per_epoch') or 1281167 / 32
    if family == 'slim_mobilenet_v1_train':
        per_epoch, given['lr_decay_epoch'] = facts['imagenet_size_in_code'] / 64, 2.5
    if 'base_learning_rate' in facts:
        given['base_learning_rate'] = facts['base_learning_rate']
    else:
        given['learning_rate'] = facts.get('scaled_lr', facts.get('learning_rate'))
    total = next((facts[key] for key in ('train_steps', 'total_steps', 'max_number_of_steps')
                  if key in facts), 10 ** 6)
    return _params(**given), _plan(total, per_epoch, facts.get('train_batch_size', 256))


def test_goldens():
    with open(GOLDENS) as file:
        goldens = json.load(file)
    assert len(goldens) == 27
    for name, golden in goldens.items():
        params, plan = _case(name, golden['params'])
        rates = _rates(params, plan, golden['steps'])
        np.testing.assert_allclose(rates, golden['lr'], rtol=1e-6, atol=0, err_msg=name)


def _mindspore(mode, i, start, peak, end, total, warm):
    """lr_generator.py's rate of step i, straight from its description."""
    if mode == 'steps':
        return peak * 0.1 ** sum(i >= part * total for part in (.3, .6, .8))
    if i < warm:
        return start + (peak - start) * (i + (mode == 'cosine')) / warm
    left = (total - i) / (total - warm)
    if mode == 'poly':
        return peak * left ** 2
    if mode == 'linear':
        return peak - (peak - end) * (i - warm) / (total - warm)
    wave = .5 * (1 + math.cos(2 * math.pi * .47 * i / (total - warm)))
    return peak * (left * wave + 1e-5)


@pytest.mark.parametrize('mode', ['linear', 'poly', 'cosine', 'steps'])
@pytest.mark.parametrize('warm_up', [0, 5])
def test_mindspore(mode, warm_up):
    steps = [0, 1, 49, 50, 51, 269, 270, 271, 540, 720, 898, 899]
    params = _params(lr_schedule=f'mindspore_{mode}', learning_rate=.1, lr_init=.01,
                     end_learning_rate=1e-5, lr_warmup_epochs=warm_up)
    expected = [_mindspore(mode, i, .01, .1, 1e-5, 900, 10 * warm_up) for i in steps]
    np.testing.assert_allclose(_rates(params, _plan(900, 10.7), steps), expected, rtol=1e-5)


def test_torch_cosine():
    params = _params(lr_schedule='torch_cosine', learning_rate=.7, lr_warmup_epochs=5)
    rates = _rates(params, _plan(3000, 10.0), [0, 9, 10, 49, 50, 1525, 2999])
    cosine = [.5 * (1 + math.cos(math.pi * (epoch - 5) / 295)) for epoch in (5, 152, 299)]
    expected = [.7 * part for part in [.1, .1, .28, .82] + cosine]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_piecewise():
    given = dict(lr_schedule='piecewise', learning_rate=.4, lr_decay_boundaries=[30, 60])
    steps = [0, 299, 300, 599, 600, 10 ** 6]
    plan = _plan(900, 10.0)
    np.testing.assert_allclose(
        _rates(_params(**given), plan, steps), [.4, .4, .04, .04, .004, .004], rtol=1e-6)
    given['lr_decay_values'] = [1, 2, 3]
    np.testing.assert_allclose(_rates(_params(**given), plan, steps), [1, 1, 2, 2, 3, 3])
    with pytest.raises(FlagError, match='one rate more'):
        _rates(_params(**dict(given, lr_decay_values=[1, 2])), plan, [0])


def test_peak():
    plan = _plan(10, 5.0, batch=1024)
    assert schedules.peak_learning_rate(_params(base_learning_rate=.016), plan) == .064
    assert schedules.peak_learning_rate(
        _params(base_learning_rate=.016, learning_rate=.5), plan) == .5
    with pytest.raises(FlagError, match='--learning_rate'):
        schedules.peak_learning_rate(_params(), plan)
    with pytest.raises(FlagError, match='cosine_annealing'):
        schedules.learning_rate(_params(lr_schedule='cosin', learning_rate=1.), plan, 0)


def test_every_schedule_starts_and_ends_finite():
    for name in schedules.SCHEDULES:
        params = _params(lr_schedule=name, base_learning_rate=.1, lr_warmup_epochs=2,
                         lr_decay_boundaries=[1])
        rates = _rates(params, _plan(50, 12.3), [0, 24, 49, 50, 51, 10 ** 7])
        assert np.isfinite(rates).all() and (rates >= 0).all(), name


def test_plan():
    params = types.SimpleNamespace(train_steps=None, train_epochs=350)
    plan = plans.make_plan(params, 1281167, 1024)
    assert plan.steps_per_epoch == 1281167 / 1024 and plan.global_batch == 1024
    assert plan.train_steps == 437899 and abs(plan.epochs - 350) < 1e-3
    params.train_steps = 7
    assert plans.make_plan(params, 1281167, 1024).train_steps == 7
    with pytest.raises(FlagError, match='--train_epochs'):
        plans.make_plan(types.SimpleNamespace(train_steps=None, train_epochs=None), 10, 2)
    with pytest.raises(FlagError, match='positive'):
        plans.make_plan(types.SimpleNamespace(train_steps=0, train_epochs=None), 10, 2)
