"""MindSpore's MobileNetV1: train.py --config_path=FILE [options of that file].

Trains only; checkpoints go to ckpt_0 below --save_checkpoint_path, by default here.
NOTE: under mpirun the first process drives all GPUs, the others end at once.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry
from compat.mobilenet_v1 import config


def run(argv):
    """argv as sys.argv; returns the exit code."""
    if os.environ.get('OMPI_COMM_WORLD_RANK', '0') != '0':
        return 0
    return entry.run(argv, around=config.around(config.training))


if __name__ == '__main__':
    sys.exit(run(sys.argv))
