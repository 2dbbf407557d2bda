"""--init_checkpoint: originals' checkpoints, other heads, other networks."""

import shutil

import numpy as np
import program
import pytest

from common.errors import CheckpointError
from estimator.checkpoints import reading as checkpoints
from estimator.checkpoints import variants
from models import get_network

pytestmark = pytest.mark.usefixtures('shallow')

SHAPES = {f'net/layer_{i}/weights': [3, 4] for i in range(19)}
SHAPES['net/head/weights'] = [4, 10]
HEAD = 'MobilenetV1/Logits/Conv2d_1c_1x1/weights'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    directory = tmp_path_factory.mktemp('trained')
    program.run(directory, mode='train', train_steps=3)
    return directory


def fake(monkeypatch, held):
    monkeypatch.setattr(checkpoints, 'resolve', lambda path: path)
    monkeypatch.setattr(checkpoints, 'damage', lambda path: None)
    monkeypatch.setattr(checkpoints, 'shapes', lambda path: held)


def test_other_class_count_leaves_the_head_out(monkeypatch):
    fake(monkeypatch, dict(SHAPES, **{'net/head/weights': [4, 1001]}))
    plan = checkpoints.plan_restore('x', SHAPES)
    assert 'net/head/weights' not in plan.assignment and len(plan.assignment) == 19
    assert 'Restored 19 of 20' in plan.report and '[4, 1001] there, [4, 10] here' in plan.report


def test_averages_are_preferred_where_they_exist(monkeypatch):
    held = dict(SHAPES)
    held.update({name + checkpoints.AVERAGE: shape for name, shape in SHAPES.items()})
    fake(monkeypatch, held)
    assert set(checkpoints.plan_restore('x', SHAPES).assignment.values()) == {
        name + checkpoints.AVERAGE for name in SHAPES}


def test_most_of_the_backbone_missing_is_refused(monkeypatch):
    fake(monkeypatch, dict(list(SHAPES.items())[:15]))
    with pytest.raises(CheckpointError, match='5 of 20 variables cannot be restored'):
        checkpoints.plan_restore('x', SHAPES)


def test_excluded_prefixes_are_not_counted_as_lost(monkeypatch):
    fake(monkeypatch, dict(SHAPES))
    plan = checkpoints.plan_restore('x', SHAPES, exclude=('net/layer_1',))
    assert len(plan.assignment) == 20 - 10 and 'excluded' in plan.report


def test_every_way_to_name_a_checkpoint(trained):
    prefix = str(trained / 'model.ckpt-3')
    for path in (trained, prefix, prefix + '.index', prefix + '.data-00000-of-00001',
                 trained / 'checkpoint'):
        assert checkpoints.resolve(str(path)) == prefix
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        checkpoints.resolve(prefix + '0')


@pytest.mark.parametrize('damage', [
    lambda data: data[:len(data) // 2], lambda data: data[:5000] + bytes(64) + data[5064:]],
    ids=['cut off', 'zeros in the middle'])
def test_a_damaged_one_is_told(trained, tmp_path, damage):
    """Its .index is whole, so names and shapes fit."""
    copy, name = tmp_path / 'copy', 'model.ckpt-3.data-00000-of-00001'
    shutil.copytree(str(trained), str(copy))
    (copy / name).write_bytes(damage((trained / name).read_bytes()))
    with pytest.raises(CheckpointError, match='model.ckpt-3 is damaged: .* Give another'):
        program.run(tmp_path / 'run', mode='train', train_steps=1, init_checkpoint=copy)


@pytest.mark.parametrize('decay', [0.9, 0])
def test_averages_arrive_and_training_goes_on(trained, tmp_path, capsys, decay):
    program.run(tmp_path, mode='train', train_steps=1, init_checkpoint=trained, learning_rate=1e-9,
                num_label_classes=5, weight_decay=0, moving_average_decay=decay,
                head_start='zero' if decay else 'random')
    assert 'skipped MobilenetV1/Logits/Conv2d_1c_1x1/weights' in capsys.readouterr().out
    source, started = program.variables(trained), program.variables(tmp_path)
    name = 'MobilenetV1/Conv2d_3_pointwise/weights'
    np.testing.assert_allclose(
        started[name], source[name + checkpoints.AVERAGE], atol=1e-6)
    if decay:       # the shadow starts from the restored value too
        np.testing.assert_allclose(
            started[name + checkpoints.AVERAGE], source[name + checkpoints.AVERAGE], atol=1e-6)
        assert np.abs(started[HEAD + checkpoints.AVERAGE]).max() < 1e-6
    assert started['MobilenetV1/Logits/Conv2d_1c_1x1/biases'].shape == (5,)
    assert (np.abs(started[HEAD]).max() < 1e-6) == bool(decay)


def test_another_network_is_refused(trained, tmp_path):
    with pytest.raises(CheckpointError, match='not a checkpoint of this network'):
        program.run(tmp_path, mode='train', train_steps=1, init_checkpoint=trained,
                    model_name='mobilenet_v1_050')


@pytest.mark.parametrize('name, form', [
    ('mobilenet_v2_035', {'classifier': 'fc'}), ('mobilenet_v2_035', {'classifier': 'conv'}),
    ('mobilenet_v2_075', {'finegrain': False}),
    pytest.param('mnasnet-d1', {'use_keras': True}, marks=pytest.mark.slow)])
def test_the_checkpoint_chooses_the_published_form(monkeypatch, name, form):
    network = get_network(name)
    left_open = {'num_classes': 7}
    held = network.variables(num_classes=7, **form)
    fake(monkeypatch, held)
    chosen, wrong = variants.fitting(network, left_open, 'x')
    assert wrong == [] and network.variables(**chosen) == held
    forced = dict(left_open, **{
        key: {'fc': 'conv', 'conv': 'fc'}.get(value, not value) for key, value in form.items()})
    assert variants.fitting(network, forced, 'x')[1]      # a flag is not overruled
    assert variants.num_classes(network, chosen, 'x') == 7
