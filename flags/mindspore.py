"""Configuration files of MindSpore's MobileNetV1: which recipe they mean, and what only it needs.

A file is one of them by its keys (`is_config`). It holds every option of three programs, so that
most lines say nothing about a given run: folders of ModelArts that count with enable_modelarts
only, a checkpoint to evaluate, names of files to export, devices that count with run_distribute
(without it there is one; with it device_num, or all of this machine where that is 1).
"""

KEYS = frozenset(['dataset', 'lr_decay_mode', 'epoch_size', 'device_target'])
RECIPES = {'imagenet2012': 'mindspore-imagenet', 'cifar10': 'mindspore-cifar10'}
# Of ModelArts: addresses of its store, and the folders that stand for them.
STORE = ('data_url', 'train_url', 'checkpoint_url', 'load_path', 'need_modelarts_dataset_unzip',
         'modelarts_dataset_unzip_name')
FOLDERS = ('enable_modelarts', 'data_path', 'output_path')
DISTRIBUTION = ('run_distribute', 'device_num', 'device_id', 'rank_id', 'parameter_server')
# Read by eval.py, export.py and the scripts after them, not by training.
OTHER_PROGRAMS = ('checkpoint_path', 'checkpoint_file', 'ckpt_file', 'file_name', 'file_format',
                  'result_dir', 'label_dir', 'dataset_name', 'result_path')
# NOTE: checkpoints come every ten minutes here, not every few epochs.
WITHOUT_MEANING = ('save_checkpoint', 'save_checkpoint_epochs', 'save_checkpoint_path',
                   'pretrain_epoch_size', 'only_create_dataset')


def is_config(tree):
    """Whether a file's dict is one of MindSpore's."""
    return KEYS <= set(tree)


def recipe(tree):
    """Name of the recipe these options mean; MindSpore trains otherwise off Ascend."""
    name = RECIPES.get(str(tree['dataset']), 'mindspore-imagenet')
    return name if tree['device_target'] == 'Ascend' else name + '-gpu'


def training_flags(tree):
    """The dict of a file as flags of a training run, with recipe and model_name.

    The device is left out where it is Ascend, the word every file holds: what is there is used.
    """
    left_out = OTHER_PROGRAMS + WITHOUT_MEANING + DISTRIBUTION + STORE
    left_out += () if tree.get('enable_modelarts') else FOLDERS
    left_out += () if tree['device_target'] == 'Ascend' else ('loss_scale',)
    found = {name: value for name, value in tree.items() if name not in left_out}
    if not tree.get('run_distribute'):
        found['num_devices'] = 1
    elif int(tree.get('device_num') or 1) > 1:
        found['num_devices'] = tree['device_num']
    if tree['device_target'] == 'Ascend':
        del found['device_target']
    if found.get('dataset_path') and found.get('data_path'):
        del found['data_path']              # the store's folder; dataset_path is what is read
    return dict({'model_name': 'mobilenet_v1', 'recipe': recipe(tree)}, **found)
