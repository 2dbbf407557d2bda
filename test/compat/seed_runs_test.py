"""Command lines of the three TensorFlow READMEs run: MixNet, CondConv, MobileNetV2."""

import os
import re
import shutil
import zipfile

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf
from seed_tools import SHORT, SMALL, bash, run

from compat import modelarts


@program.shallow()
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
    assert run('mixnet/post_quantization.py', words + ' --require_int8=True',
               ['--model_name=mobilenet_v1_025']) == 0
    interpreter = tf.lite.Interpreter('small.tflite')
    assert interpreter.get_input_details()[0]['dtype'] == np.uint8
    assert run('mobilenet_v2/nets/post_training_quantization.py',
               f'--checkpoint_path=result --dataset_dir={records} --output_tflite=v2/slim.tflite '
               '--num_steps=10 --image_size=32', ['--model_name=mobilenet_v1_025']) == 0
    interpreter = tf.lite.Interpreter('v2/slim.tflite')
    assert interpreter.get_input_details()[0]['shape'].tolist() == [1, 32, 32, 3]


@program.shallow()
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
    assert run('condconv/main.py', words, [
        '--batch_size=2', '--train_steps=2', '--input_image_size=32', '--save_summary_steps=0',
        '--depth_coefficient=0.1']) == 0
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
    log = (base / '0' / 'train_0.log').read_text()
    assert log.endswith('turing train success\n') and '\nINFO:tensorflow:global_step...4\n' in log
    assert re.search(r'^I\d{4} \S+ +\d+ logger\.py:42\] step:4  epoch:', log, re.M)
    assert (base / '0' / 'results' / 'model.ckpt-4.index').exists()
    evaluation = [f'--dataset_dir={records}', '--model_name=mobilenet_v2_035',
                  '--input_image_size=32', '--batch_size=50']
    script = 'mobilenet_v2/eval_image_classifier_mobilenet.py'
    capfd.readouterr()
    assert run(script, '', evaluation) == 0         # the newest of result/8p/0/results
    captured = capfd.readouterr()
    lines = captured.out.splitlines()
    assert 'INFO:tensorflow:Restoring parameters from ' in captured.err
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
