"""MindSpore's MobileNetV1: eval.py --dataset --dataset_path --checkpoint_path [options].

Prints "result: {...} ckpt=...". NOTE: there the last images were left out; here all count.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry
from compat.mobilenet_v1 import config


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, around=config.around(config.evaluation))


if __name__ == '__main__':
    sys.exit(run(sys.argv))
