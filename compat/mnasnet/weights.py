"""MnasNet for PyTorch leaves its weights in the working directory: here they are left there too.

checkpoint.pth.tar and model_best.pth.tar of the original are checkpoint.ckpt and model_best.ckpt,
the newest and the best checkpoint of the run.
NOTE: TensorFlow's checkpoints, an .index and a .data file each, not PyTorch's.
"""

import glob
import os
import re
import shutil

from common.console import say

NEWEST, BEST = 'checkpoint', 'model_best'
THERE, HERE = '.pth.tar', '.ckpt'


def leave(model_dir):
    """Copies the newest and the best checkpoint of a finished run to the working directory."""
    for name, folder in ((NEWEST, model_dir), (BEST, os.path.join(model_dir, 'archive'))):
        indices = glob.glob(os.path.join(glob.escape(folder), 'model.ckpt-*.index'))
        if indices:
            prefix = max(indices, key=_step)[:-len('.index')]
            _copy(prefix, name + HERE)
            say(f'weights    {os.path.abspath(name + HERE)}, a copy of {prefix}')


def _step(path):
    return int(re.search(r'(\d+)\.index$', path).group(1))


def _copy(prefix, target):
    for path in glob.glob(glob.escape(prefix) + '.*'):
        ending = path[len(prefix):]
        shutil.copyfile(path, target + '.tmp' + ending)
        os.replace(target + '.tmp' + ending, target + ending)


def meant(path):
    """./checkpoint.pth.tar as the checkpoint that stands for it here, where no such file is."""
    ours = path[:-len(THERE)] + HERE if path.endswith(THERE) else path
    return ours if not os.path.exists(path) and os.path.exists(ours + '.index') else path
