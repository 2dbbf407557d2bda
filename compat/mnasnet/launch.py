"""MnasNet for PyTorch: its test/train_*.sh, `python -m compat.mnasnet.launch CASE SIZE WORDS...`.

Logs and results in output/ below the working directory, the weights in the working directory.
"""

import os
import sys

from compat.mnasnet import weights
from launchers import launch

NETWORK = 'MnasNet_for_PyTorch'
DEFAULTS = {'model_name': 'mnasnet1_0', 'dataset': 'folder', 'log_style': 'pytorch'}
CASES = {'full': {}, 'performance': {'train_epochs': 6}, 'eval': {'eval_batch_size': 256}}


def main(argv):
    """argv: -, a key of CASES, the number of devices, a user's words. Returns the exit code."""
    case, size = argv[1], int(argv[2])
    defaults = dict(DEFAULTS, **CASES[case])
    after = None if case == 'eval' else weights.leave
    base = os.path.join(os.getcwd(), 'output')
    return launch.run(launch.Launch(case, size, defaults, NETWORK, base, after), argv[3:])


if __name__ == '__main__':
    sys.exit(main(sys.argv))
