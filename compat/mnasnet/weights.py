"""MnasNet for PyTorch leaves its weights in the working directory: here they are left there too.

checkpoint.pth.tar and model_best.pth.tar of the original are checkpoint.ckpt and model_best.ckpt,
the newest and the best checkpoint of the run.
NOTE: TensorFlow's checkpoints, an .index and a .data file each, not PyTorch's.
"""

import os
import re

from common import files, storage
from common.console import say

NEWEST, BEST = 'checkpoint', 'model_best'
THERE, HERE = '.pth.tar', '.ckpt'


def leave(model_dir):
    """Copies the newest and the best checkpoint of a finished run to the working directory."""
    for name, folder in ((NEWEST, model_dir), (BEST, os.path.join(model_dir, 'archive'))):
        indices = [found for found in storage.names_or_none(folder)
                   if re.match(r'model\.ckpt-\d+\.index$', found)]
        if indices:
            prefix = os.path.join(folder, max(indices, key=_step)[:-len('.index')])
            _copy(prefix, name + HERE)
            say(f'weights    {os.path.abspath(name + HERE)}, a copy of {prefix}')


def _step(path):
    return int(re.search(r'(\d+)\.index$', path).group(1))


def _copy(prefix, target):
    folder, base = os.path.split(prefix)
    for name in storage.names(folder):
        if not name.startswith(base + '.'):
            continue
        ending = name[len(base):]
        files.copy(os.path.join(folder, name), target + '.tmp' + ending)
        os.replace(target + '.tmp' + ending, target + ending)


def meant(path):
    """./checkpoint.pth.tar as the checkpoint that stands for it here, where no such file is."""
    ours = path[:-len(THERE)] + HERE if path.endswith(THERE) else path
    return ours if not os.path.exists(path) and os.path.exists(ours + '.index') else path
