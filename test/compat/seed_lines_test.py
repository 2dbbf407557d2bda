"""Each command line of the five READMEs means here what it says there.

The lines are the READMEs' own, word for word but for paths; what main.py would train is compared
with what the original documents. `seed_runs*_test.py` run them.
"""

import os
import runpy
import shlex

import program
import pytest

import flags
import main as program_main
import models
from compat import entry
from compat.mobilenet_v2 import group

COMPAT = os.path.join(program.ROOT, 'compat')


@pytest.fixture
def resolve(monkeypatch, tmp_path):
    """function(script, words) -> Params that main.py would run with, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ('CUDA_VISIBLE_DEVICES', 'ASCEND_DEVICE_ID'):       # a run may set them
        monkeypatch.setenv(name, '0')
    found = []

    def record(argv):
        given = flags.parse(argv)
        network = models.get_network(given.value('model_name'))
        found.append(flags.merge(given, program_main.recipes(network, given, None)))
        return 0
    monkeypatch.setattr(program_main, 'main', record)

    def run(script, words=''):
        del found[:]
        functions = runpy.run_path(os.path.join(COMPAT, script))
        assert functions['run']([script] + shlex.split(words)) == 0
        return found[-1] if found else None
    return run


def refused(capsys, resolve, script, words):
    functions = runpy.run_path(os.path.join(COMPAT, script))
    assert functions['run']([script] + shlex.split(words)) == 2
    return capsys.readouterr().err


def test_mixnet(resolve):
    made = resolve('mixnet/mnasnet_main.py', (
        "--data_dir=./ILSVRC2012 --train_steps=5 --mode=train --log_step_count_steps=1 "
        "--model_dir=./result --model_name='mixnet-s' --npu_dump_data=True --npu_profiling=True "
        "--npu_dump_graph=False --npu_auto_tune=False"))
    assert (made.data_dir, made.train_steps, made.mode) == ('./ILSVRC2012', 5, 'train')
    assert (made.model_dir, made.model_name, made.log_step_count_steps) == ('./result', 'mixnet-s',
                                                                            1)
    assert made.npu_dump_data and made.profiling
    assert not made.npu_dump_graph and not made.npu_auto_tune
    assert (made.train_batch_size, made.optimizer, made.precision_mode) == (
        64, 'rmsprop', 'allow_mix_precision')
    bare = resolve('mixnet/mnasnet_main.py', '--data_dir=/data')
    assert (bare.model_name, bare.train_epochs, bare.mode) == ('mixnet-s', 350, 'train_and_eval')
    bare = resolve('mixnet/mnasnet_main.py')        # `python3.7 mnasnet_main.py`, as printed
    assert (bare.model_name, bare.data_dir, bare.train_epochs) == ('mixnet-s', None, 10)


def test_condconv_feeds_one_batch_and_scales_by_another(resolve):
    words = ("--data_dir=/data --model_dir=./result --model_name='efficientnet-condconv-b0-8e' "
             '--batch_size=32 --obs_dir= --npu_dump_data=True --npu_profiling=True '
             '--npu_dump_graph=False --use_async_checkpointing=False --mode=train '
             '--log_step_count_steps=1 --train_steps=100 --npu_auto_tune=False')
    made = resolve('condconv/main.py', words)
    assert (made.train_batch_size, made.train_steps) == (32, 100)
    assert made.learning_rate == pytest.approx(0.016 * 128 / 256)
    # in steps the decay and the warm-up are those of batches of 128
    assert made.lr_decay_epoch / 32 == pytest.approx(2.4 / 128)
    assert made.lr_warmup_epochs / 32 == pytest.approx(5 / 128)
    bare = resolve('condconv/main.py', '--data_dir=/data')
    assert (bare.train_batch_size, bare.base_learning_rate, bare.train_steps) == (128, 0.016,
                                                                                  250000)


def test_condconv_helpers(resolve, capsys):
    made = resolve('condconv/inspect_model_architecture.py',
                   '--model_name=efficientnet-b1 --image_res=240 --output_tflite=/tmp/x')
    assert (made.mode, made.model_name, made.input_image_size) == ('inspect', 'efficientnet-b1',
                                                                   240)
    assert '--output_tflite' in refused(capsys, resolve, 'condconv/export_model.py', '--ckpt_dir=x')


def test_mobilenet_v2_defaults_are_the_readme_s(resolve):
    made = resolve('mobilenet_v2/train.py', '--dataset_dir=/opt/npu/slimImagenet')
    assert (made.model_name, made.train_batch_size, made.train_epochs) == ('mobilenet_v2_140', 256,
                                                                           300)
    assert (made.optimizer, made.momentum, made.learning_rate) == ('sgd', 0.9, 0.1)
    assert (made.lr_schedule, made.weight_decay, made.label_smoothing) == ('fixed', 0, 0.1)
    assert (made.moving_average_decay, made.lr_warmup_epochs) == (0, 5)
    assert made.data_dir == '/opt/npu/slimImagenet' and made.preprocessing_name != 'inception'


def test_mobilenet_v2_fine_tuning(resolve):
    made = resolve('mobilenet_v2/train.py', (
        '--dataset_dir=/data --restore_path=/code/ckpt/model.ckpt-187500 --num_classes=10 '
        "--restore_exclude=['MobilenetV2/Logits/'] --max_train_steps=100"))
    assert made.init_checkpoint == '/code/ckpt/model.ckpt-187500'
    assert (made.init_exclude, made.num_label_classes) == (('MobilenetV2/Logits/',), 10)
    assert (made.train_steps, made.train_epochs) == (100, None)


def test_mobilenet_v2_evaluation(resolve, tmp_path):
    script = 'mobilenet_v2/eval_image_classifier_mobilenet.py'
    made = resolve(script, '--checkpoint_path=path/to/checkpoint --dataset_dir=path/to/validaton')
    assert (made.mode, made.eval_weights, made.eval_batch_size) == ('eval', 'raw', 256)
    assert (made.init_checkpoint, made.data_dir, made.eval_all) == (
        'path/to/checkpoint', 'path/to/validaton', False)
    assert resolve(script).init_checkpoint == './result/8p/0/results'
    os.makedirs(str(tmp_path / 'many'))
    assert resolve(script, '--checkpoint_path=many --dataset_dir=x').eval_all


def test_mnasnet_batch_is_the_total(resolve):
    made = resolve('mnasnet/train.py', (
        "/data/ImageNet --device npu --device-list '0,1' --dist-url 'tcp://127.0.0.1:50000' "
        '--dist-backend hccl --multiprocessing-distributed --world-size 1 --rank 0 '
        '--momentum 0.9 --lr 1.4 --weight-decay 1e-5 --batch-size 512 --epochs 300 --warmup 5 '
        '--print-freq 10 --workers 16 -a resnet18'))
    assert (made.data_dir, made.dataset, made.model_name) == ('/data/ImageNet', 'folder',
                                                              'mnasnet1_0')
    assert (made.learning_rate, made.weight_decay, made.momentum) == (1.4, 1e-5, 0.9)
    assert (made.train_epochs, made.lr_warmup_epochs, made.nesterov) == (300, 5, True)
    assert made.device_ids == ('0', '1')
    assert made.train_batch_size == 512      # one device is here
    bare = resolve('mnasnet/train.py', '/data/ImageNet')
    assert (bare.learning_rate, bare.weight_decay, bare.train_epochs) == (0.1, 1e-4, 90)
    assert bare.train_batch_size == 256


def test_mnasnet_evaluation(resolve):
    made = resolve('mnasnet/train.py',
                   '/data --evaluate --resume ./checkpoint --batch-size 256 -j 8')
    assert (made.mode, made.init_checkpoint, made.num_parallel_calls) == ('eval', './checkpoint', 8)


def test_mindspore_chooses_recipe_by_data_and_device(resolve, capsys):
    made = resolve('mobilenet_v1/train.py', '--device_target Ascend --dataset_path /data/cifar')
    assert 'no Ascend here' in capsys.readouterr().err
    assert (made.mode, made.num_label_classes, made.train_batch_size) == ('train', 10, 32)
    assert (made.lr_schedule, made.learning_rate, made.train_epochs) == ('mindspore_poly', 0.1, 90)
    assert (made.data_dir, made.model_dir, made.input_image_size) == ('/data/cifar', './ckpt_0',
                                                                      224)
    made = resolve('mobilenet_v1/train.py', '--device_target CPU --dataset_path /data/cifar')
    assert (made.device, made.weight_decay_on, made.loss_scale) == ('cpu', 'all', None)
    made = resolve('mobilenet_v1/train.py', (
        '--device_target CPU --dateset imagenet2012 --dataset_path /data/ImageNet_Original '
        f'--config_path {shlex.quote(COMPAT)}/mobilenet_v1/default_config_gpu_imagenet.yaml'))
    assert (made.num_label_classes, made.train_batch_size, made.learning_rate) == (1001, 256, 0.8)
    assert (made.lr_schedule, made.label_smoothing, made.label_smoothing_style) == (
        'mindspore_linear', 0.1, 'mindspore')
    assert (made.dataset, made.num_devices, made.precision_mode) == ('folder', 1,
                                                                     'must_keep_origin_dtype')


def test_mindspore_distribution_and_mpirun(resolve, monkeypatch):
    words = ('--device_target CPU --dataset=cifar10 --run_distribute=True --device_num=4 '
             '--dataset_path=/data')
    assert resolve('mobilenet_v1/train.py', words).num_devices == 4
    all_of_them = resolve('mobilenet_v1/train.py', '--device_target CPU --distribute=True')
    assert all_of_them.num_devices is None
    monkeypatch.setenv('OMPI_COMM_WORLD_RANK', '1')
    assert resolve('mobilenet_v1/train.py', words) is None


def test_mindspore_evaluation_and_export(resolve):
    made = resolve('mobilenet_v1/eval.py', (
        '--dataset imagenet2012 --dataset_path /data/ImageNet_Original --checkpoint_path '
        './ckpt_0/model.ckpt-5 --device_target CPU'))
    assert (made.mode, made.init_checkpoint, made.eval_batch_size) == (
        'eval', './ckpt_0/model.ckpt-5', 256)
    made = resolve('mobilenet_v1/export.py',
                   '--ckpt_file ./ckpt_0/model.ckpt-5 --file_name mobile --file_format MINDIR')
    assert (made.mode, made.export_dir, made.init_checkpoint) == ('export', 'mobile',
                                                                  './ckpt_0/model.ckpt-5')


def test_main_py_reads_mindspore_files_itself():
    for name, recipe in (('default_config', 'mindspore-cifar10'),
                         ('default_config_imagenet', 'mindspore-imagenet'),
                         ('default_config_gpu_imagenet', 'mindspore-imagenet-gpu')):
        path = os.path.join(COMPAT, 'mobilenet_v1', name + '.yaml')
        given = flags.parse(['main.py', f'--config_path={path}', '--device=cpu'])
        assert given.value('recipe') == recipe and given.value('model_name') == 'mobilenet_v1'
        network = models.get_network('mobilenet_v1')
        made = flags.merge(given, [network.recipe_named(recipe)])
        assert made.model_dir is None and made.init_checkpoint is None
        assert made.data_dir == '/cache/data'       # dataset_path; data_path is ModelArts' own


def test_mistakes_are_said(resolve, capsys):
    assert '[DATA_DIR]' in refused(capsys, resolve, 'mnasnet/train.py', '/a /b')
    assert 'no positional' in refused(capsys, resolve, 'mixnet/mnasnet_main.py', 'extra')
    assert 'cifar10 or imagenet2012' in refused(capsys, resolve, 'mobilenet_v1/train.py',
                                                '--dataset mnist')
    assert '--train_steps' in refused(capsys, resolve, 'condconv/main.py', '--train_step=1')


def test_a_later_word_wins_under_any_name():
    given = entry.latest(['--batch_size=256', '--max_epoch=300', '3', '--train_batch_size=4',
                          '--max_train_steps', '9'], positional=('device_number',))
    assert dict(given) == {'device_number': '3', 'train_batch_size': '4', 'max_train_steps': '9'}


def test_mobilenet_v2_reads_the_rank_table_beside_its_scripts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('RANK_TABLE_FILE', raising=False)
    monkeypatch.setattr(group, 'HERE', str(tmp_path))
    monkeypatch.setattr(group.ranks, 'has_adapter', lambda: True)
    monkeypatch.setattr(group.ranks, 'stop_at_once', lambda: None)
    (tmp_path / '8p.json').write_text('{}')
    assert group.main(['-', '8', '--dataset_dir=x']) == 2
    assert f'{tmp_path}/8p.json is no rank table' in capsys.readouterr().err
