"""Real .pth files: written by torch.save from timm's and torchvision's own networks.

Needs the environment of requirements-import.txt.
"""

import argparse
import json
import os

import pytest

torch = pytest.importorskip('torch')

import foreign_sources
import numpy as np

import main
from common.errors import CheckpointError
from estimator.checkpoints.foreign import published


def imported(name, path, folder, capsys):
    """Imports a file; returns what was printed and import.json."""
    assert main.main(['main.py', '--mode=import', f'--model_name={name}', f'--from={path}',
                      f'--model_dir={folder}', '--input_image_size=64']) == 0
    with open(str(folder / 'import.json')) as stream:
        return capsys.readouterr().out, json.load(stream)


def row_of(name):
    return next(row for row in published.PUBLISHED if row.name == name)


@pytest.mark.parametrize('zipped', (True, False), ids=('zip', 'old format'))
def test_a_state_dict_of_timm(tmp_path, capsys, zipped):
    state, _ = foreign_sources.torch_network(row_of('mobilenetv2_035'))
    path = tmp_path / 'mobilenetv2_035-1234abcd.pth'
    torch.save(state, str(path), _use_new_zipfile_serialization=zipped)
    said, report = imported('mobilenet_v2_035', path, tmp_path / 'out', capsys)
    assert 'timm' in report['check'] and 'gives the same logits' in said and report['ok']
    assert report['weights'] == 'timm mobilenetv2_035 -> mobilenet_v2_035'
    assert report['counts']['imported'] == report['counts']['variables']


def test_a_training_checkpoint_of_torchvision(tmp_path, capsys):
    state, _ = foreign_sources.torch_network(row_of('mnasnet0_5'))
    path = tmp_path / 'model_best.pth.tar'
    torch.save({'epoch': 3, 'arch': 'mnasnet0_5',
                'state_dict': {f'module.{name}': value for name, value in state.items()}},
               str(path))
    said, report = imported('mnasnet0_5', path, tmp_path / 'out', capsys)
    assert 'torchvision' in report['check'] and 'gives the same logits' in said
    assert "weights taken from its 'state_dict'" in report['notes']


def test_a_training_checkpoint_of_timm(tmp_path, capsys):
    """As its train.py writes one: arguments as a namespace, averages, an optimizer, a metric."""
    state, _ = foreign_sources.torch_network(row_of('mobilenetv2_035'))
    doubled = dict(state, **{'conv_stem.weight': 2 * state['conv_stem.weight']})
    torch.save({'epoch': torch.tensor(3), 'arch': 'mobilenetv2_035', 'state_dict': dict(state),
                'optimizer': {'state': {0: {'square_avg': torch.ones(2)}}, 'param_groups': []},
                'args': argparse.Namespace(model='mobilenetv2_035', lr=0.1),
                'metric': np.float64(71.5), 'state_dict_ema': doubled},
               str(tmp_path / 'mobilenetv2_035-last.pth.tar'))
    _, report = imported('mobilenet_v2_035', tmp_path / 'mobilenetv2_035-last.pth.tar',
                         tmp_path / 'out', capsys)
    assert report['ok'] and "weights taken from its 'state_dict_ema'" in report['notes']


def test_a_head_of_another_name_is_compared_too(tmp_path, capsys):
    state, _ = foreign_sources.torch_network(row_of('mobilenetv2_035'))
    torch.save({name.replace('classifier', 'fc'): value for name, value in state.items()},
               str(tmp_path / 'mobilenetv2_035.pth'))
    said, report = imported('mobilenet_v2_035', tmp_path / 'mobilenetv2_035.pth',
                            tmp_path / 'out', capsys)
    assert report['ok'] and 'gives the same logits' in said


def test_more_than_weights_is_not_opened(tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'was here'),)

    torch.save({'state_dict': Harmful()}, str(tmp_path / 'x.pth'))
    with pytest.raises(CheckpointError, match='weights alone'):
        main.main(['main.py', '--mode=import', '--model_name=mnasnet0_5',
                   f'--from={tmp_path}/x.pth', f'--model_dir={tmp_path}/out'])
    assert not (tmp_path / 'was here').exists()
