"""MIXNET_ID2072_for_TensorFlow: mnasnet_main.py with its flags, for MixNet and MnasNet.

NOTE: there the length of a run had no default and a run without --train_steps failed; here it is
the recipe's 350 epochs. Dumps are on when asked for, not by default, as they never were.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))

from compat import entry

DEFAULTS = {'model_name': 'mixnet-s', 'recipe': 'ascend', 'log_step_count_steps': 64,
            'steps_per_eval': 6255}


def run(argv):
    """argv as sys.argv; returns the exit code."""
    return entry.run(argv, DEFAULTS)


if __name__ == '__main__':
    sys.exit(run(sys.argv))
