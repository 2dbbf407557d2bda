"""MobileNetV2_ID0074: train_1p.sh and train_8p.sh, `python -m compat.mobilenet_v2.group SIZE ...`.

Everything lies in result/{1,8}p/ below the working directory: main.log, and for device N its log
N/train_N.log with the end marker; checkpoints in 0/results. A word that is a number is the device.
NOTE: there the end marker always said success, and folders outside were made and chowned.
"""

import os
import sys
import time

from common.errors import ProgramError
from compat import entry
from launchers import ranks

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = '8p.json'       # the rank table, beside this file as there, or at the top


def main(argv):
    """argv: -, number of devices, flags of train.py. Returns the exit code."""
    try:
        size = int(argv[1])
        given = entry.latest(argv[2:], positional=('device_number',))
        environment = dict(os.environ)
        if 'device_number' in given:
            environment['ASCEND_DEVICE_ID'] = given.pop('device_number')
        return train(size, given, environment)
    except ProgramError as error:
        print(f'[Error] {error}', file=sys.stderr)
        return error.exit_code


def train(size, given, environment):
    """Runs train.py on so many devices, or on those there are; returns the exit code."""
    base = os.path.abspath(os.path.join('result', f'{size}p'))
    os.makedirs(base, exist_ok=True)
    ranks.stop_at_once()
    with ranks.exclusive(base):
        root = HERE if os.path.exists(os.path.join(HERE, TABLE)) else ranks.ROOT
        processes = ranks.plan(size, given.get('device'), environment, root)
        given.setdefault('model_dir', os.path.join(base, processes[0].device, 'results'))
        if len(processes) < size:
            print(f'NOTE: {size} devices are meant; one process drives the GPUs or the CPU there '
                  'are.', flush=True)
        for rank in processes:
            _note(base, f'start: train.sh {rank.device} & ')
        code = ranks.run([sys.executable, os.path.join(HERE, 'train.py')] + entry.words(given),
                         processes, base)
        for rank in processes:
            with open(ranks.log_of(base, rank), 'a') as stream:
                stream.write(f'turing train {"fail" if code else "success"}\n')
        _note(base, 'all train.sh exit ')
    print(f'checkpoints and logs in {base}')
    return code


def _note(base, text):
    with open(os.path.join(base, 'main.log'), 'a') as stream:
        stream.write(time.strftime(f'[%Y%m%d-%H:%M:%S] [INFO] {text}\n'))


if __name__ == '__main__':
    sys.exit(main(sys.argv))
