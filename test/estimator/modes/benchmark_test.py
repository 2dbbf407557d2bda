"""--mode=benchmark: what it reports, and that it leaves nothing behind."""

import json
import os

import pytest

import flags
import main
from estimator.modes import benchmark
from models import get_network

pytestmark = pytest.mark.usefixtures('shallow')

SMALL = ['main.py', '--mode=benchmark', '--model_name=mobilenet_v1_025', '--input_image_size=32']


def test_json(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = main.main(SMALL + ['--train_steps=4', '--train_batch_size=8', '--format=json',
                              f'--model_dir={tmp_path}/model', '--moving_average_decay=0.9'])
    assert code == 0 and os.listdir(str(tmp_path)) == []
    report = json.loads(capsys.readouterr().out)
    assert (report['steps'], report['warm_up'], report['batch']) == (4, benchmark.WARM_UP, 8)
    assert report['device'] == '1 x cpu' and report['versions']['tensorflow']
    assert 'synthetic' in report['data'] and 'float32' in report['precision']
    for name in ('training', 'inference', 'input'):
        row = report[name]
        assert row['steps'] == 4 and row['batch'] == 8
        assert 0 < row['median_ms'] <= row['p90_ms'] <= row['p99_ms']
        assert row['images_per_sec'] > 0


def test_table_of_real_images(tmp_path, monkeypatch, capsys):
    """The embedded digits through the real pipeline, at the network's preprocessing."""
    monkeypatch.chdir(tmp_path)
    assert main.main(SMALL + ['--train_steps=2', '--dataset=digits']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'batch 16' in lines[0] and '2 steps' in lines[0]
    rows = {line.split()[0]: line.split()[1:] for line in lines[-3:]}
    assert sorted(rows) == ['inference', 'input', 'training']
    assert all(row[-1] == '2' and len(row) == 5 for row in rows.values())
    assert os.listdir(str(tmp_path)) == []


def test_defaults_lie_between_recipe_and_command_line():
    network = get_network('mixnet-s')

    def merged(*words):
        given = flags.parse(['main.py', '--model_name=mixnet-s', '--mode=benchmark'] + list(words))
        return flags.merge(given, main.recipes(network, given, None))
    params = merged()
    assert (params.train_steps, params.train_batch_size) == (30, 16)
    assert params.train_epochs is None and params.dataset == 'synthetic'
    assert params.optimizer == network.recipe['optimizer']
    params = merged('--train_batch_size=3', '--data_dir=/data')
    assert (params.train_batch_size, params.dataset) == (3, None)


def test_statistics():
    row = benchmark.statistics([0.1] * 9 + [0.2], batch=4)
    assert row['images_per_sec'] == pytest.approx(40 / 1.1, abs=0.01)
    assert row['median_ms'] == 100 and row['steps'] == 10
    assert row['p99_ms'] == pytest.approx(191)
