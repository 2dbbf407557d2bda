"""MindSpore's MobileNetV1: its configuration files and options -> flags of a run.

Options are those of a YAML file (--config_path, by default that of --dataset) with the command line
over them, as there. Words that are none of MindSpore's options are main.py's own.
"""

import os
import re

import yaml

from common.errors import FlagError
from compat import modelarts
from flags import legacy, mindspore, overlay

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = {'cifar10': 'default_config.yaml', 'imagenet2012': 'default_config_imagenet.yaml'}
GPU_FILE = 'default_config_gpu_imagenet.yaml'
# Options that no file holds.
MEANT = (('dateset', 'dataset'), ('distribute', 'run_distribute'),
         ('checkpoint', 'checkpoint_path'))
OTHER_OPTIONS = ('rank_id',) + tuple(written for written, _ in MEANT)


def options(given):
    """The options of a command line; takes them out of `given`.

    NOTE: its README also writes dateset, distribute and checkpoint: see MEANT.
    """
    path = given.pop('config_path', None) or os.path.join(HERE, _file(given))
    tree = overlay.load_file(path)
    for name in [name for name in given if name in tree or name in OTHER_OPTIONS]:
        tree[name] = yaml.safe_load(given.pop(name))
    for written, meant in MEANT:
        if written in tree:
            tree[meant] = tree.pop(written)
    if tree.get('dataset') not in FILES:
        raise FlagError(f'--dataset={tree.get("dataset")}: expected cifar10 or imagenet2012.')
    return tree


def _file(given):
    name = given.get('dataset') or given.get('dateset') or 'cifar10'
    if name == 'imagenet2012' and given.get('device_target') == 'GPU':
        return GPU_FILE
    return FILES.get(name, FILES['cifar10'])


def training(tree):
    """Flags below the command line for train.py."""
    flags = mindspore.training_flags(tree)
    if flags.get('pre_trained'):
        flags['pre_trained'] = named_by_epoch(str(flags['pre_trained']))
    flags.update(mode='train', model_dir=os.path.join(
        tree.get('save_checkpoint_path') or './', 'ckpt_0'))
    return flags


def evaluation(tree):
    """Flags for eval.py: one checkpoint, or the newest that train.py left here."""
    flags = mindspore.training_flags(tree)
    flags.update(mode='eval', eval_batch_size=flags['batch_size'], model_dir=os.path.join(
        tree.get('save_checkpoint_path') or './', 'eval_result'))
    flags.update(checkpoint(tree, 'checkpoint_path'))
    return flags


def exporting(tree):
    """Flags for export.py: a SavedModel and a TFLite file in the folder --file_name."""
    found = checkpoint(tree, 'ckpt_file')
    print(f'NOTE: --file_format={tree.get("file_format")}: MindSpore formats are written by '
          'MindSpore only; this writes a SavedModel and a TFLite file.')
    return dict(found, model_name='mobilenet_v1', mode='export', export_dir=tree['file_name'],
                model_dir='./ckpt_0', recipe=mindspore.recipe(tree))


def checkpoint(tree, name):
    """{'init_checkpoint': path} of an option, or {} where the newest of ./ckpt_0 is meant."""
    path = str(tree.get(name) or '')
    if path and path not in legacy.MS_CHECKPOINTS:
        return {'init_checkpoint': named_by_epoch(path)}
    return {'init_checkpoint': './ckpt_0'} if os.path.isdir('./ckpt_0') else {}


def named_by_epoch(path):
    """MindSpore's .../mobilenetv1-EPOCHS_STEPS.ckpt as the checkpoint that stands for it here.

    It is model.ckpt-N beside it, after so many epochs of so many steps.
    """
    folder, name = os.path.split(path)
    epochs_steps = re.fullmatch(r'mobilenetv1-(\d+)_(\d+)\.ckpt', name)
    if not epochs_steps or os.path.exists(path):
        return path
    epochs, steps = map(int, epochs_steps.groups())
    return os.path.join(folder, f'model.ckpt-{epochs * steps}')


def around(tree_of):
    """entry.run's `around`: the options become flags; with enable_modelarts the store is used.

    tree_of: training, evaluation or exporting.
    """
    def run(given, defaults, start):
        tree = options(given)
        if not tree.get('enable_modelarts'):
            return start(given, dict(defaults, **tree_of(tree)))
        places = modelarts.Places(
            tree.get('data_url'), tree['data_path'], tree.get('train_url'), tree['output_path'],
            tree.get('checkpoint_url'), tree['load_path'],
            tree.get('modelarts_dataset_unzip_name')
            if tree.get('need_modelarts_dataset_unzip') else None)
        with modelarts.staged(places):
            flags = tree_of(on_modelarts(tree, places))
            for name in ('enable_modelarts', 'output_path', 'data_path'):
                flags.pop(name, None)
            return start(given, dict(defaults, **flags))
    return run


def on_modelarts(tree, places):
    """The options with the local folders of the store in their places."""
    tree = dict(tree, save_checkpoint_path=places.output_path, file_name=os.path.join(
        places.output_path, tree['file_name']))
    if places.unzip:
        tree['dataset_path'] = os.path.join(places.data_path, places.unzip)
    if places.checkpoint_url:
        for name in ('pre_trained', 'checkpoint_path', 'ckpt_file'):
            tree[name] = _fetched(tree.get(name), places)
    return tree


def _fetched(path, places):
    """A checkpoint below the folder of --checkpoint_url; the folder itself where none is named."""
    path = str(path or '')
    for below in (path, os.path.basename(path)):
        found = os.path.join(places.load_path, below)
        if os.path.exists(found) or os.path.exists(found + '.index'):
            return found
    return places.load_path
