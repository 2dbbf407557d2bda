"""Trains on file systems that fill up, refuse or vanish; prints JSON, one object a case.

    unshare --mount python test/small_disks.py FOLDER CASE...      # as root

The mounts are seen by this process alone and go with it.
"""

import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import program
import tensorflow.compat.v1 as tf

from common.errors import ProgramError
from estimator.checkpoints import finding, reading


def mount(folder, options):
    """A small file system in memory at a folder."""
    os.makedirs(folder)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'small', folder], check=True)


def remount(folder, options):
    """Changes the options of the file system at a folder."""
    subprocess.run(['mount', '-o', f'remount,{options}', folder], check=True)


def train(folder, **changes):
    """(exit code, message) of a training."""
    values = dict(dict(mode='train', train_steps=12, save_checkpoints_steps=2,
                       keep_checkpoint_max=3), **changes)
    try:
        return program.run(folder, **values)[0], ''
    except ProgramError as error:
        return error.exit_code, str(error)
    finally:
        tf.summary.FileWriterCache.clear()      # closes its files, as the end of a process does


def whole(folder):
    """Steps of the checkpoints that can be read."""
    return [reading.step_of(prefix) for prefix in reading.indexed(folder)
            if reading.damage(prefix) is None]


def filled(folder, options, larger):
    """A disk that fills up in the middle, then has room."""
    mount(folder, options)
    code, message = train(folder)
    found = {'code': code, 'message': message, 'whole': whole(folder)}
    remount(folder, larger)
    found['resumed'] = reading.step_of(finding.latest_good(folder))
    found['afterwards'] = train(folder)[0]
    found['last'] = whole(folder)[0]
    with open(os.path.join(folder, 'log.csv')) as stream:
        found['columns'] = sorted({line.count(',') for line in stream})
    return found


def space(folder):
    """No room for three checkpoints."""
    return filled(folder, 'size=3m', 'size=100m')


def inodes(folder):
    """No room for another file."""
    return filled(folder, 'nr_inodes=13', 'nr_inodes=1000')


def read_only(folder):
    """A file system that may no longer be written: training is refused, evaluation prints."""
    mount(folder, 'size=50m')
    train(folder, train_steps=2)
    before = sorted(os.listdir(folder))
    remount(folder, 'ro')
    code, message = train(folder)
    try:
        evaluation = program.run(folder, mode='eval')
    except FileNotFoundError:               # it has no file to give back
        evaluation = 'printed'
    except ProgramError as error:
        evaluation = str(error)
    return {'code': code, 'message': message, 'whole': whole(folder), 'evaluation': evaluation,
            'same': sorted(os.listdir(folder)) == before}


def vanished(folder):
    """The folder is moved away in the middle."""
    def remove():
        while len(reading.indexed(folder)) < 2:
            time.sleep(0.01)
        os.rename(folder, folder + '.gone')     # at once, where files would go one by one
    thread = threading.Thread(target=remove)
    thread.start()
    code, message = train(folder, train_steps=5000)
    thread.join()
    return {'code': code, 'message': message}


CASES = {'space': space, 'inodes': inodes, 'read_only': read_only, 'vanished': vanished}


if __name__ == '__main__':
    found = {name: CASES[name](os.path.join(sys.argv[1], name)) for name in sys.argv[2:]}
    print('\n' + json.dumps(found))
