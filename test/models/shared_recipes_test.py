"""Recipes of small data: which one is the default, and that their numbers follow the data."""

import pytest

import flags
from common.errors import FlagError
from estimator import plan as plan_lib
from models import get_network, network_names, recipes
from models.recipes import Data

MIXNET = get_network('mixnet-s')


def merged(*words, name=None, devices=1, **data):
    """(Params, Plan) of a command line with so many images."""
    given = flags.parse(['main.py', '--model_dir=x', *words])
    params = flags.merge(given, [MIXNET.recipe_named(name, devices, Data(**data))])
    batch = params.train_batch_size * devices * params.gradient_accumulation_steps
    return params, plan_lib.make_plan(params, data['images'], batch)


def test_the_default_follows_the_data():
    names = [recipes.default(Data(images, None, weights)) for images, weights in (
        (500, False), (500, True), (recipes.FEW, False), (1281167, True), (None, False))]
    assert names == ['small', 'finetune', None, None, None]
    source, values = MIXNET.recipe_named(None, 1, Data(500))
    assert source == 'recipe small of mixnet-s: 500 training images' and values['recipe'] == 'small'
    assert MIXNET.recipe_named(None, 1, Data(1281167))[1] is MIXNET.recipes['tpu']
    assert MIXNET.recipe_named('tpu', 1, Data(500))[1] is MIXNET.recipes['tpu']
    with pytest.raises(FlagError, match='tpu, ascend, small, finetune'):
        MIXNET.recipe_named('smal')


@pytest.mark.parametrize('images', [3, 40, 500, 1437, 5000, 50000])
@pytest.mark.parametrize('devices', [1, 8])
@pytest.mark.parametrize('name', sorted(recipes.SHARED))
def test_length_and_batch_follow_the_number_of_images(name, devices, images):
    params, plan = merged('--init_checkpoint=x', name=name, devices=devices, images=images)
    assert plan.global_batch <= max(images, devices)
    assert not plan_lib.doubts(params, plan, max(images, devices)) and plan.train_steps < 50000
    assert plan.train_steps >= 200 or images < 40
    every = plan_lib.steps_per_eval(params, plan)
    assert -1e-6 <= every - params.epochs_per_eval * plan.steps_per_epoch < 1
    assert params.epochs_per_eval == 1 or images <= 300
    # Four or five progress lines an epoch, of a few images fewer.
    lines = plan.steps_per_epoch / params.log_step_count_steps
    assert lines < 6 and (lines >= 4 or params.log_step_count_steps == 10)
    # The averages have a memory of an epoch.
    assert params.moving_average_decay == pytest.approx(
        min(max(1 - 1 / plan.steps_per_epoch, 0.9), 0.9999), abs=1e-4)


@pytest.mark.parametrize('epochs, every', [(20, 1), (50, 1), (100, 2), (101, 3), (1000, 20)])
def test_a_run_is_evaluated_fifty_times_at_most(epochs, every):
    params, _ = merged(f'--train_epochs={epochs}', images=144, epochs=epochs)
    assert (params.train_epochs, params.epochs_per_eval) == (epochs, every)


def test_small_images_are_enlarged_to_twice_their_side_at_most():
    def size(side, name=None, network=MIXNET, images=500):
        data = Data(images, None, False, lambda: side)
        return network.recipe_named(name, 1, data)[1].get('input_image_size')
    assert [size(side) for side in (8, 28, 32, 33, 64, 96, 97, 112, 500, None)] == [
        64, 64, 64, 96, 128, 192, None, None, None, None]
    assert size(32, images=recipes.FEW) is None and size(32, 'finetune') is None
    assert size(32, 'tpu') is None and size(150, network=get_network('efficientnet-b7')) == 320


def test_flags_win_over_the_small_recipe():
    params, plan = merged('--train_batch_size=4', '--optimizer=adam', '--learning_rate=0.5',
                          '--train_steps=7', '--steps_per_eval=5', images=400, batch=4)
    assert (params.train_batch_size, params.optimizer, params.learning_rate) == (4, 'adam', 0.5)
    assert (plan.train_steps, plan_lib.steps_per_eval(params, plan)) == (7, 5)
    assert params.moving_average_decay == 0.99      # a hundred steps are an epoch
    params, plan = merged('--train_epochs=3', images=400)
    assert plan.epochs == pytest.approx(3) and params.train_steps is None


@pytest.mark.parametrize('network', network_names())
@pytest.mark.parametrize('name', sorted(recipes.SHARED))
def test_every_network_has_them_complete(network, name):
    values = get_network(network).recipe_named(name)[1]
    params = flags.merge(flags.parse(['main.py', '--mode=eval']), [(name, values)])
    assert params.optimizer and params.lr_schedule and params.train_batch_size


def test_fine_tuning_asks_for_weights():
    with pytest.raises(FlagError, match='--init_checkpoint=FILE'):
        merged(name='finetune', images=400)
    with pytest.raises(FlagError, match='head_epochs'):
        merged('--init_checkpoint=x', '--optimizer=ftrl', '--head_epochs=1', name='finetune',
               images=400)
