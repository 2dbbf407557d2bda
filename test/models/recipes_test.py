"""Recipes say what the originals' launchers and READMEs say."""

import pytest

import flags
from estimator.plan import make_plan
from models import get_network

IMAGENET = 1281167


def launched(name, devices):
    """(name of the recipe, Params) of the launchers on so many devices."""
    source, recipe = get_network(name).recipe_named('launcher', devices)
    return source.split()[1], flags.merge(None, [(source, dict(recipe, model_name=name))])


@pytest.mark.parametrize('name, devices, recipe, rate', [
    ('mnasnet1_0', 1, 'pytorch', 0.7), ('mnasnet1_0', 8, 'pytorch-8p', 1.4),
    ('mnasnet1_0', 4, 'pytorch', 0.7), ('mobilenet_v1', 1, 'mindspore-imagenet', 0.8),
    ('mobilenet_v1', 8, 'mindspore-imagenet', 0.8), ('mixnet-s', 8, 'ascend', None),
    ('efficientnet-condconv-b0-8e', 1, 'ascend', None), ('mobilenet_v2', 8, 'ascend', None),
    ('efficientnet-b0', 1, 'tpu', None)])
def test_launchers_follow_the_original_and_the_devices(name, devices, recipe, rate):
    chosen, params = launched(name, devices)
    assert (chosen, params.learning_rate) == (recipe, rate)
    assert recipe == 'tpu' or params.precision_mode == 'allow_mix_precision'


@pytest.mark.parametrize('name', ['mixnet-s', 'mnasnet-a1'])
@pytest.mark.parametrize('batch', [64, 1024])
def test_mixnet_and_mnasnet_train_350_epochs_at_any_batch(name, batch):
    _, params = launched(name, 1)
    plan = make_plan(params, IMAGENET, batch)
    assert plan.epochs == pytest.approx(350, abs=1e-4)
    assert batch == 64 or abs(plan.train_steps - 437898) <= 1      # the TPU configuration's steps


def test_mobilenet_v2_on_eight_devices():
    """README of the port: learning rate 0.8, 300 epochs of 8 x 256 images."""
    _, params = launched('mobilenet_v2', 8)
    plan = make_plan(params, IMAGENET, 8 * params.train_batch_size)
    assert params.base_learning_rate * plan.global_batch / 256 == pytest.approx(0.8)
    assert plan.epochs == pytest.approx(300, abs=1e-3)


def test_mindspore_off_ascend_is_float32_and_decays_everything():
    network = get_network('mobilenet_v1')
    for data in ('imagenet', 'cifar10'):
        ascend = flags.make(**network.recipe_named(f'mindspore-{data}')[1])
        other = flags.make(**network.recipe_named(f'mindspore-{data}-gpu')[1])
        assert (ascend.loss_scale, ascend.weight_decay_on) == (1024, 'kernels')
        assert (other.loss_scale, other.weight_decay_on) == (None, 'all')
        assert other.precision_mode == 'must_keep_origin_dtype'
        assert other.learning_rate == ascend.learning_rate


def test_all_ported_recipes_have_mixed_precision():
    for name, recipe in (('mixnet-s', 'ascend'), ('mnasnet1_0', 'pytorch-8p'),
                         ('mobilenet_v1', 'mindspore-cifar10'), ('mobilenet_v2', 'ascend')):
        values = get_network(name).recipe_named(recipe)[1]
        assert values['precision_mode'] == 'allow_mix_precision'
