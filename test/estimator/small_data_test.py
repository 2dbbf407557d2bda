"""A user's folder of a few images, without a recipe: what is chosen, and that it is said."""

import os

import input_params
import program
import pytest

import flags
from common.errors import FlagError
from estimator import evaluations
from estimator import run as run_lib

pytestmark = pytest.mark.usefixtures('shallow')

TINY = dict(dataset='folder', input_image_size=32, num_train_images=None,
            num_eval_images=None, num_label_classes=None, train_batch_size=None,
            moving_average_decay=None, learning_rate=None, dropout_rate=None, eval_batch_size=None)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """20 images of two classes, without a validation split."""
    place = tmp_path_factory.mktemp('mine')
    for number in range(20):
        path = place / ('cat', 'dog')[number % 2] / f'{number}.png'
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(input_params.jpeg(number, image_format='PNG'))
    return place


@pytest.fixture(scope='module')
def small(folder, tmp_path_factory):
    """A run of one epoch on it."""
    place = tmp_path_factory.mktemp('small')
    return program.run(place, data_dir=folder, train_epochs=1, **TINY)[1], place


def test_few_images_get_the_small_recipe(small):
    result, _ = small
    params = result['params']
    assert (params['recipe'], params['train_batch_size'], params['optimizer']) == (
        'small', 8, 'momentum')
    assert result['global_step'] == 2 and result['eval_examples'] == 2      # 18 and 2 images


def test_small_images_are_not_blown_up(small, folder, tmp_path, capsys):
    """Those of the folder have 24 x 20 pixels, the weights' had 32; what is given wins."""
    def said(*words):
        assert program.main_code('--model_name=mobilenet_v1_025', '--dataset=folder', '--explain',
                                 f'--data_dir={folder}', f'--model_dir={tmp_path}', *words) == 0
        out = capsys.readouterr().out
        size = next(line for line in out.splitlines() if ' input_image_size ' in line)
        return size.split()[1], 'small ones: at 64 pixels; --recipe=slim' in out
    assert said() == ('64', True)
    assert said('--input_image_size=96')[0] == '96'
    assert said('--recipe=slim') == ('224', False)
    weights = f'--init_checkpoint={small[1]}'
    assert said(weights)[0] == '32' and said(weights, '--recipe=slim')[0] == '224'


def test_weights_and_few_images_are_tuned(small, folder, tmp_path, capsys):
    _, trained = small
    _, result = program.run(tmp_path, data_dir=folder, train_epochs=1, init_checkpoint=trained,
                            input_image_size=48, **{k: v for k, v in TINY.items()
                                                    if k != 'input_image_size'})
    said = capsys.readouterr().out
    assert ('recipe finetune of mobilenet_v1_025: 18 training images; --recipe=slim is the '
            'published one') in said
    assert '(ema weights)' in said      # the averages of `small` are what is tuned
    assert (result['params']['recipe'], result['params']['backbone_lr_scale']) == ('finetune', 0.05)
    assert result['params']['batch_norm_statistics'] == 'moving'
    assert os.path.exists(str(tmp_path / 'learning_curve.png'))


def test_a_batch_larger_than_the_data_is_a_plan_that_works(folder, tmp_path, capsys):
    _, result = program.run(tmp_path, data_dir=folder, mode='train', train_steps=2,
                            **dict(TINY, train_batch_size=24))
    assert (result['global_step'], result['examples_seen']) == (2, 48)
    assert 'a step takes 24 images and there are 18; set --train_batch_size=N' in (
        capsys.readouterr().err)


@pytest.mark.slow
def test_early_stopping_ends_a_run_that_stands_still_and_again_when_started_again(
        tmp_path, capsys):
    plan = dict(train_steps=50, steps_per_eval=1, learning_rate=0, early_stopping='cross_entropy',
                patience=1, eval_weights='raw', batch_norm_statistics='moving')
    for _ in range(2):
        code, result = program.run(tmp_path, **plan)
        assert (code, result['status'], result['global_step']) == (0, 'completed', 2)
        assert result['eval_examples'] == 10
        assert ('stops at step 2: cross_entropy has not improved since step 1' in
                capsys.readouterr().out)


def test_early_stopping_waits_with_patience(tmp_path):
    def after(values, metric='top_1_accuracy', patience=2, beside=()):
        rows = [f'{10 * step},{value},{-value}' for step, value in enumerate(values, 1)]
        rows += [f'{step},0,0' for step in beside]      # of an evaluation that somebody else runs
        (tmp_path / 'eval.csv').write_text('\n'.join(
            ['step,top_1_accuracy,cross_entropy'] + rows) + '\n')
        return evaluations.stopped(str(tmp_path), metric, patience, 10)
    assert after([.1, .3, .2]) is None and after([.3, .2, .4]) is None
    assert after([.1, .3, .3, .2]) == (20, .3)
    assert after([.1, .3, .3, .2], 'cross_entropy') == (20, -.3)
    assert after([.1, .3, .2], beside=(21, 22, 33)) is None
    assert after([.1, .3, .3, .2], patience=3) is None and after([]) is None


def test_class_weights_are_said_and_change_the_loss(small, folder, tmp_path, capsys):
    _, trained = small
    losses = []
    for weights in (None, '2,2'):
        place = tmp_path / str(weights)
        program.run(place, data_dir=folder, mode='train', train_steps=1, init_checkpoint=trained,
                    class_weights=weights, weight_decay=0, **TINY)
        losses.append(program.result_of(place)['loss'])
    assert 'classes    weigh in the loss: cat 2, dog 2' in capsys.readouterr().out
    assert losses[1] == pytest.approx(2 * losses[0])


def test_early_stopping_is_for_one_process():
    params = flags.make(early_stopping='top_1_accuracy', hosts=('a:1', 'b:1'), host_index=0,
                        device='cpu')
    with pytest.raises(FlagError, match='--early_stopping'):
        run_lib.prepare(params, 10, {})
