"""MnasNet for PyTorch: train.py DATA [flags], with its flags and defaults.

DATA is a folder with train/ and val/ class folders. --batch-size is the total of the devices in
--device-list; the network is always mnasnet1_0, whatever --arch says, as there. A finished training
leaves checkpoint.ckpt in the working directory, and the best one as model_best.ckpt.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry
from compat.mnasnet import weights

DEFAULTS = {
    'recipe': 'pytorch', 'model_name': 'mnasnet1_0', 'dataset': 'folder', 'device': 'npu',
    'model_dir': './mnasnet1_0', 'learning_rate': 0.1, 'weight_decay': 1e-4, 'train_epochs': 90,
    'lr_warmup_epochs': 0, 'log_step_count_steps': 10}
BATCH = 256


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS, positional=('data_dir',), without=('a', 'arch'),
                     rewrite=rewrite, around=around)


def rewrite(given, defaults):
    """What main.py cannot know of the command line."""
    per_device(given, defaults)
    if 'resume' in given:
        given['resume'] = weights.meant(given['resume'])


def around(given, defaults, start):
    """Runs, then leaves the weights of a training here."""
    code = start(given, defaults)
    if code == 0 and not {'e', 'evaluate', 'explain'} & set(given):
        weights.leave(given.get('model_dir', defaults['model_dir']))
    return code


def per_device(given, defaults):
    """Turns the total batch into that of a device.

    NOTE: there it is divided by the length of --device-list; here by the devices that are used,
    so that it stays the total.
    """
    total = int(given.pop('batch_size', given.pop('b', BATCH)))
    defaults['train_batch_size'] = max(1, total // entry.devices(given))


if __name__ == '__main__':
    sys.exit(run(sys.argv))
