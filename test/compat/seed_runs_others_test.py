"""Command lines of the PyTorch and MindSpore READMEs run: MnasNet, MobileNetV1."""

import json
import os
import re
import shlex
import shutil

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf
from seed_tools import COMPAT, SHORT, bash, run

from compat.mobilenet_v1 import shell
from launchers import ranks


@pytest.mark.slow
def test_mnasnet_pytorch(world, here):
    root, _ = world
    short = [word for word in SHORT if 'eval' not in word and 'train_steps' not in word] + [
        '--model_name=mobilenet_v1_025']
    for steps, script in enumerate(('train_full_1p', 'train_performance_1p', 'train_full_8p',
                                    'train_performance_8p', 'train_eval_8p'), 1):
        extra = short + [f'--train_steps={steps}']
        done = bash(f'mnasnet/test/{script}.sh', f'--data_path={root}/ImageNet', extra,
                    cwd=str(here))
        assert done.returncode == 0, done.stdout + done.stderr
        assert 'Final Train Accuracy : ' in done.stdout and ' * Acc@1 ' in done.stdout or (
            'performance' in script)
        assert re.search(r'^Epoch: .*\tFPS ', done.stdout, re.M) or 'eval' in script
        if 'eval' not in script:
            assert f'{here}/checkpoint.ckpt, a copy of ' in done.stdout
            assert tf.train.load_variable(str(here / 'checkpoint.ckpt'), 'global_step') == steps
        assert (here / 'model_best.ckpt.index').exists()        # of the full runs
    assert (here / 'output' / '0' / 'MnasNet_for_PyTorch_bs4_1p_eval.log').exists()
    assert run('mnasnet/train.py', f'{root}/ImageNet --device npu --device-list 0 --batch-size 4 '
               '--epochs 1 --lr 0.1 --momentum 0.9 --weight-decay 0.0001 --workers 2',
               ['--input_image_size=32', '--save_summary_steps=0']) == 0
    assert program.result_of(here / 'mnasnet1_0')['num_devices'] == 1
    assert run('mnasnet/train.py', f'{root}/ImageNet --evaluate --resume ./checkpoint.pth.tar',
               ['--input_image_size=32', '--model_dir=evaluated']) == 0
    assert program.result_of(here / 'evaluated', 'evaluation.json')['checkpoint'].endswith(
        'checkpoint.ckpt')


@pytest.mark.slow
def test_mobilenet_v1_imagenet(world, here):
    root, _ = world
    short = ['--width=32', '--height=32', '--save_summary_steps=0', '--batch_size=4',
             '--epoch_size=1', '--class_num=2', '--lr_max=0.001',
             '--model_name=mobilenet_v1_025']
    done = bash('mobilenet_v1/scripts/run_distribute_train.sh',
                f'imagenet2012 /root/hccl.json {root}/ImageNet_Original/', short, cwd=str(here))
    assert done.returncode == 0, done.stdout + done.stderr
    folder = here / 'train_parallel0'
    assert 'loss is' in (folder / 'log').read_text()
    checkpoint = folder / 'ckpt_0' / 'model.ckpt-4'
    assert os.path.exists(str(checkpoint) + '.index')
    done = bash('mobilenet_v1/scripts/run_eval.sh',
                f'imagenet2012 {root}/ImageNet_Original/ {folder}/ckpt_0/mobilenetv1-1_4.ckpt 0',
                short, cwd=str(here))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ckpt={checkpoint}" in (here / 'eval' / 'log').read_text()
    config = shlex.quote(
        os.path.join(COMPAT, 'mobilenet_v1', 'default_config_gpu_imagenet.yaml'))
    done = bash('mobilenet_v1/scripts/run_distribute_train_gpu.sh',
                f'imagenet2012 {config} {root}/ImageNet_Original {checkpoint}',
                short + ['--device=cpu', '--num_devices=1'], cwd=str(here))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'from {checkpoint}' in (here / 'train_parallel' / 'log.txt').read_text()
    lines = (here / 'eval' / 'acc.log').read_text().splitlines()
    assert lines[0].startswith("'top1 acc': ") and lines[1].startswith("'top5 acc': ")
    assert run('mobilenet_v1/export.py', f'--ckpt_file {checkpoint} --file_name mobile '
               '--file_format MINDIR', ['--model_name=mobilenet_v1_025']) == 0
    done = bash('mobilenet_v1/scripts/run_infer_cpp.sh', f'mobile {root}/ImageNet_Original/ CPU 0',
                short, cwd=str(here))
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'there is no MindSpore' in done.stdout
    assert (here / 'acc.log').read_text() == (here / 'eval' / 'acc.log').read_text()


@pytest.mark.slow
def test_mobilenet_v1_cifar(here):
    rows = np.random.RandomState(0).randint(0, 256, [20, 3073]).astype(np.uint8)
    rows[:, 0] %= 10
    for folder, name, part in (('cifar-10-batches-bin', 'data_batch_1.bin', rows),
                               ('cifar-10-verify-bin', 'test_batch.bin', rows[:5])):
        os.makedirs(f'cifar10/{folder}')
        part.tofile(f'cifar10/{folder}/{name}')
    short = ['--width=32', '--height=32', '--save_summary_steps=0', '--batch_size=4',
             '--epoch_size=1', '--model_name=mobilenet_v1_025']
    for script, words in (('run_train_cpu', []), ('run_standalone_train', ['0']),
                          ('run_standalone_train_gpu', ['--device=cpu'])):
        done = bash(f'mobilenet_v1/scripts/{script}.sh', 'cifar10 cifar10/cifar-10-batches-bin/',
                    words + short, cwd=str(here))
        assert done.returncode == 0, done.stdout + done.stderr
    assert program.result_of('train/ckpt_0')['global_step'] == 5
    done = bash('mobilenet_v1/scripts/run_eval_cpu.sh', 'cifar10 cifar10/cifar-10-verify-bin/ '
                'train/ckpt_0/model.ckpt-5', short, cwd=str(here))
    assert done.returncode == 0, done.stdout + done.stderr
    assert program.result_of('eval/eval_result', 'evaluation.json')['eval_examples'] == 5
    assert "result: {'top_5_accuracy': " in (here / 'eval' / 'log').read_text()
    assert (here / 'eval' / 'acc.log').read_text().startswith("'top1 acc': ")


def test_each_rank_has_its_log_where_the_readme_says(here, monkeypatch):
    rows = [ranks.Rank(str(number), {}) for number in range(2)]

    def run_ranks(command, processes, base):
        for rank in processes:
            os.makedirs(os.path.dirname(ranks.log_of(base, rank)), exist_ok=True)
            with open(ranks.log_of(base, rank), 'w') as stream:
                stream.write(f'rank {rank.device}')
        return 0
    monkeypatch.setattr(ranks, 'plan', lambda *words: rows)
    monkeypatch.setattr(ranks, 'run', run_ranks)
    monkeypatch.setattr(ranks, 'stop_at_once', lambda: None)
    assert shell.main(['', 'run_distribute_train', 'cifar10', 'table.json', 'data']) == 0
    for number in range(2):
        assert (here / f'train_parallel{number}' / 'log').read_text() == f'rank {number}'


def test_shell_arguments(here):
    done = bash('mobilenet_v1/scripts/run_eval.sh', 'mnist /data x 0')
    assert done.returncode == 2
    assert 'Usage: bash run_eval.sh [cifar10|imagenet2012] [DATASET_PATH]' in done.stderr
    done = bash('mobilenet_v1/scripts/run_infer_cpp.sh', 'm /data TPU')
    assert done.returncode == 2 and '[DATASET_PATH] [Ascend|GPU|CPU]' in done.stderr
    done = bash('mobilenet_v1/scripts/run_infer_cpp.sh', 'mobile.mindir /data Ascend')
    assert done.returncode == 2 and 'read by MindSpore only' in done.stderr


@pytest.mark.slow
def test_mobilenet_v1_on_modelarts(world, here):
    root, _ = world
    os.makedirs('store/data')
    shutil.make_archive('store/data/ImageNet_Original', 'zip', str(root), 'ImageNet_Original')
    config = dict(dataset='imagenet2012', enable_modelarts='True', data_url='store/data',
                  train_url='store/out', data_path='cache/data', output_path='cache/train',
                  dataset_path='/cache/data', epoch_size='1', need_modelarts_dataset_unzip='True',
                  modelarts_dataset_unzip_name='ImageNet_Original', batch_size='4', width='32',
                  height='32', class_num='2')
    words = [f'--{name}={text}' for name, text in config.items()]
    assert run('mobilenet_v1/train.py', '', words + ['--model_name=mobilenet_v1_025']) == 0
    with open('store/out/ckpt_0/result.json') as stream:
        assert json.load(stream)['global_step'] == 4
