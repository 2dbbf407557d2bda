"""Each command line of the five READMEs runs: shortened in steps and sizes, on data of this test.

What stands behind a path of the README is made in `world`; SHORT is what makes a run short.
"""

import json
import os
import re
import runpy
import shlex
import shutil
import zipfile

import numpy as np
import program
import pytest
from PIL import Image

from compat import modelarts
from input.sources import digits

COMPAT = os.path.join(program.ROOT, 'compat')
SHORT = ['--input_image_size=32', '--save_summary_steps=0', '--train_steps=2',
         '--train_batch_size=4', '--eval_batch_size=50', '--log_step_count_steps=1']
SMALL = SHORT + ['--model_name=mobilenet_v1_025', '--recipe=slim']


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    """Folders that stand for those of the READMEs: TFRecords, class folders."""
    root = tmp_path_factory.mktemp('world')
    records = digits.prepare(str(root / 'ILSVRC2012'))
    for folder in ('ImageNet', 'ImageNet_Original'):
        for split in ('train', 'val' if folder == 'ImageNet' else 'validation_preprocess'):
            for index, name in enumerate(('n01', 'n02')):
                where = root / folder / split / name
                os.makedirs(str(where))
                for number in range(8):
                    image = np.full([40, 40, 3], 80 * index + number, np.uint8)
                    Image.fromarray(image).save(str(where / f'{number}.JPEG'))
    return root, records


def run(script, words, extra=()):
    """Runs a Python entry point in this process; returns its exit code."""
    functions = runpy.run_path(os.path.join(COMPAT, script))
    return functions['run']([script] + shlex.split(words) + list(extra))


def bash(script, words, extra=(), **keywords):
    return program.command('bash', os.path.join(COMPAT, script), *shlex.split(words), *extra,
                           **keywords)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('CUDA_VISIBLE_DEVICES', 'ASCEND_DEVICE_ID'):
        monkeypatch.setenv(name, '0')
    return tmp_path


def test_modelarts_boot(world, here):
    """boot_modelarts.py: data in, training, results out; a second job continues."""
    root, _ = world
    store = here / 'obs'
    shutil.copytree(str(root / 'ILSVRC2012'), str(store / 'data' / 'ILSVRC2012'))
    words = (f'--data_url={store}/data --train_url={store}/out '
             f'--modelarts_data_dir={here}/cache --mode=train')
    assert run('mixnet/boot_modelarts.py', words, SMALL) == 0
    assert program.result_of(store / 'out')['global_step'] == 2
    shutil.rmtree(str(here / 'cache'))
    assert run('mixnet/boot_modelarts.py', words,
               [w for w in SMALL if 'train_steps' not in w] + ['--train_steps=3']) == 0
    assert program.result_of(store / 'out')['global_step'] == 3
    assert (store / 'out' / 'model.ckpt-3.index').exists()


@pytest.mark.slow
def test_export_model(world, here):
    _, records = world
    assert run('condconv/main.py', f'--data_dir={records} --model_dir=result --mode=train',
               SMALL) == 0
    assert run('condconv/export_model.py', '--ckpt_dir=result --output_tflite=out/mine.tflite '
               '--quantize=False --num_steps=10', ['--model_name=mobilenet_v1_025']) == 0
    with open('out/mine.tflite', 'rb') as stream:
        assert stream.read(8)[4:] == b'TFL3'
    words = f'--saved_model_dir=out/saved_model --output_tflite=small.tflite --data_dir={records}'
    assert run('mixnet/post_quantization.py', words, ['--model_name=mobilenet_v1_025']) == 0
    assert os.path.getsize('small.tflite') < os.path.getsize('out/mine.tflite') / 2
    assert run('mixnet/post_quantization.py', words + ' --require_int8=True') == 2


def test_modelarts_copies_out_of_a_failed_run(here, world, capsys):
    _, records = world
    words = f'--data_dir={records} --model_dir=result --obs_dir={here}/obs --mode=train'
    assert run('condconv/main.py', words, SMALL + ['--learning_rate=1e30']) == 4
    assert (here / 'obs' / 'params.json').exists()
    assert run('mixnet/boot_modelarts.py', f'--data_url={here}/none --modelarts_data_dir=c') == 3
    assert 'nothing is there' in capsys.readouterr().err


def test_unzip(here):
    with zipfile.ZipFile('data.zip', 'w') as archive:
        archive.writestr('data/train/a.txt', 'x')
    modelarts.unzip('.', 'data')
    assert os.listdir('data') == ['train']
    os.remove('data.zip')
    modelarts.unzip('.', 'data')        # a job started again finds it unpacked
    with pytest.raises(modelarts.DataError, match='need_modelarts_dataset_unzip'):
        modelarts.unzip('.', 'other')
    with open('bad.zip', 'w') as stream:
        stream.write('no zip')
    with pytest.raises(modelarts.DataError, match='cannot be unpacked'):
        modelarts.unzip('.', 'bad')
    assert not os.path.exists('bad')


@pytest.mark.slow
def test_mixnet_readme(world, here):
    _, records = world
    words = (f"--data_dir={records} --train_steps=5 --mode=train --log_step_count_steps=1 "
             "--model_dir=./result --model_name='mixnet-s' --npu_dump_data=True "
             '--npu_profiling=True --npu_dump_graph=False --npu_auto_tune=False')
    assert run('mixnet/mnasnet_main.py', words, [
        '--input_image_size=32', '--train_batch_size=2', '--save_summary_steps=0']) == 0
    assert program.result_of(here / 'result')['global_step'] == 5
    assert os.listdir(str(here / 'dump_dir')) and os.listdir(str(here / 'profiling_dir'))


@pytest.mark.slow
def test_condconv_readme(world, here):
    _, records = world
    words = (f"--data_dir={records} --model_dir=./result "
             "--model_name='efficientnet-condconv-b0-8e' --obs_dir= --npu_dump_data=True "
             '--npu_profiling=True --npu_dump_graph=False --use_async_checkpointing=False '
             '--mode=train --log_step_count_steps=1 --npu_auto_tune=False')
    assert run('condconv/main.py', words, ['--batch_size=2', '--train_steps=2',
                                           '--input_image_size=32', '--save_summary_steps=0']) == 0
    assert program.result_of(here / 'result')['params']['train_batch_size'] == 2


@pytest.mark.slow
@pytest.mark.parametrize('project, script', [
    (project, f'train_{case}_{size}p.sh') for case in ('full', 'performance')
    for project, size in (('mixnet', 1), ('condconv', 1), ('mobilenet_v2', 1),
                          ('mobilenet_v2', 8))])
def test_tensorflow_launchers(world, here, project, script):
    _, records = world
    done = bash(f'{project}/test/{script}', f'--data_path={records} --output_path={here}/out '
                '--precision_mode=allow_mix_precision', SMALL[:-1])
    assert done.returncode == 0, done.stdout + done.stderr
    names = os.listdir(str(here / 'out' / '0'))
    logs = [name for name in names if '_for_TensorFlow_bs4_1p_' in name and name.endswith('.log')]
    assert len(logs) == 1 and 'ckpt' in names and 'train_0.log' in names
    assert 'Final Train Accuracy : ' in done.stdout


@pytest.mark.slow
def test_mobilenet_v2_groups_and_evaluation(world, here, capfd):
    _, records = world
    short = [word for word in SHORT if 'train_steps' not in word and 'eval' not in word]
    done = bash('mobilenet_v2/run_8p.sh', '', short + [
        f'--dataset_dir={records}', '--max_train_steps=4', '--save_checkpoints_steps=2',
        '--model_name=mobilenet_v2_035'], cwd=str(here))
    assert done.returncode == 0, done.stdout + done.stderr
    base = here / 'result' / '8p'
    assert '[INFO] start: train.sh 0 & ' in (base / 'main.log').read_text()
    assert (base / '0' / 'train_0.log').read_text().endswith('turing train success\n')
    assert (base / '0' / 'results' / 'model.ckpt-4.index').exists()
    evaluation = [f'--dataset_dir={records}', '--model_name=mobilenet_v2_035',
                  '--input_image_size=32', '--batch_size=50']
    script = 'mobilenet_v2/eval_image_classifier_mobilenet.py'
    capfd.readouterr()
    assert run(script, '', evaluation) == 0         # the newest of result/8p/0/results
    lines = capfd.readouterr().out.splitlines()
    running = [line for line in lines if '_metric_update_op' in line]
    assert len(running) == 8 and re.match(r'7, _metric_update_op: \[[01]\.\d*\]$', running[-1])
    assert running[-1].split()[-1] == next(line for line in lines if line[:5] == 'acc: ').split()[1]
    found = program.result_of(here / 'eval_results', 'evaluation.json')
    assert found['checkpoint'].endswith('model.ckpt-4')
    assert run(script, f'--checkpoint_path={base}/0/results', evaluation + [
        '--eval_dir=x', '--model_dir=all']) == 0
    steps = [row['global_step'] for row in program.result_of(
        here / 'all', 'evaluation.json')['evaluations']]
    assert steps[-2:] == [2, 4]


@pytest.mark.slow
def test_mobilenet_v2_fine_tuning_and_one_device(world, here):
    _, records = world
    short = [word for word in SHORT if 'train_steps' not in word and 'eval' not in word] + [
        '--model_name=mobilenet_v2_035']
    for data, code, ending in ((records, 0, 'success'), (f'{here}/none', 3, 'fail')):
        done = bash('mobilenet_v2/run_1p.sh', '', short + [
            f'--dataset_dir={data}', '--max_train_steps=2'], cwd=str(here))
        assert done.returncode == code, done.stdout + done.stderr
        log = (here / 'result' / '1p' / '0' / 'train_0.log').read_text()
        assert log.endswith(f'turing train {ending}\n')
    checkpoint = here / 'result' / '1p' / '0' / 'results' / 'model.ckpt-2'
    assert run('mobilenet_v2/train.py', f'--dataset_dir={records} --restore_path={checkpoint} '
               '--restore_exclude=MobilenetV2/Logits/ --max_train_steps=1', short) == 0
    assert program.result_of(here / 'results')['global_step'] == 1


@pytest.mark.slow
def test_mnasnet_pytorch(world, here):
    root, _ = world
    short = [word for word in SHORT if 'eval' not in word and 'train_steps' not in word] + [
        '--model_name=mnasnet0_5']
    for steps, script in enumerate(('train_full_1p', 'train_performance_1p', 'train_full_8p',
                                    'train_performance_8p', 'train_eval_8p'), 1):
        extra = short + [f'--train_steps={steps}']
        done = bash(f'mnasnet/test/{script}.sh', f'--data_path={root}/ImageNet', extra,
                    cwd=str(here))
        assert done.returncode == 0, done.stdout + done.stderr
        assert 'Final Train Accuracy : ' in done.stdout and ' * Acc@1 ' in done.stdout or (
            'performance' in script)
        assert re.search(r'^Epoch: .*\tFPS ', done.stdout, re.M) or 'eval' in script
    assert (here / 'output' / '0' / 'MnasNet_for_PyTorch_bs4_1p_eval.log').exists()
    assert run('mnasnet/train.py', f'{root}/ImageNet --device npu --device-list 0 --batch-size 4 '
               '--epochs 1 --lr 0.1 --momentum 0.9 --weight-decay 0.0001 --workers 2',
               ['--input_image_size=32', '--save_summary_steps=0']) == 0
    assert program.result_of(here / 'mnasnet1_0')['num_devices'] == 1


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
                f'imagenet2012 {root}/ImageNet_Original/ {checkpoint} 0', short, cwd=str(here))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ckpt={checkpoint}" in (here / 'eval' / 'log').read_text()
    config = os.path.join(COMPAT, 'mobilenet_v1', 'default_config_gpu_imagenet.yaml')
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
