"""Several processes that train together on the loopback, for the tests; none outlives its limit."""

import os
import random
import re
import socket
import subprocess
import sys
import threading

import program

# Seconds after which everything that still runs is killed; a quiet machine needs a tenth.
LIMIT = 200
NOTING = os.path.join(program.ROOT, 'test', 'noting.py')


# Sockets that this process keeps: each stands for the port below its own.
_KEPT = []


def free_addresses(number):
    """Addresses on the loopback whose ports nobody uses for TCP or UDP.

    No port is given away twice while this process runs, here or to another process of the tests.
    Systems give higher ones to those who ask for any.
    """
    found = []
    while len(found) < number:
        port = random.SystemRandom().randrange(10000, 32000, 2)
        kept = socket.socket()
        try:
            kept.bind(('127.0.0.1', port + 1))
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as one:
                    one.bind(('', port))
        except OSError:
            kept.close()
            continue
        _KEPT.append(kept)
        found.append(f'127.0.0.1:{port}')
    return found


class Group:
    """Commands that run at the same time.

    commands: lists of words; folder: where their output goes.
    """

    def __init__(self, commands, folder):
        os.makedirs(str(folder), exist_ok=True)
        self._logs = [os.path.join(str(folder), f'said.{index}') for index in range(len(commands))]
        self._running = []
        environment = dict(os.environ, PYTHON=sys.executable)
        for words, log in zip(commands, self._logs):
            with open(log, 'w') as stream:
                self._running.append(subprocess.Popen(
                    [str(word) for word in words], cwd=program.ROOT, stdout=stream,
                    stderr=subprocess.STDOUT, env=environment))
        self._timer = threading.Timer(LIMIT, self.kill)
        self._timer.start()

    def kill(self):
        """Ends all at once."""
        for process in self._running:
            process.kill()

    def runs(self):
        """Whether any of them runs."""
        return any(process.poll() is None for process in self._running)

    def ended(self):
        """(exit codes, texts) of all processes, once they have ended."""
        codes = [process.wait() for process in self._running]
        self._timer.cancel()
        texts = []
        for log in self._logs:
            with open(log, errors='replace') as stream:
                texts.append(stream.read())
        return codes, texts


def train(number, model_dir, faults=None, **changes):
    """`number` processes of main.py with one model_dir, see noting.py.

    faults: {index: 'SIGNAL@RUN'}, the signal that a process sends itself after a run.
    Returns (addresses, exit codes, texts). Process k leaves notes in model_dir + '.notes/k.npz'.
    """
    listed, notes = free_addresses(number), f'{model_dir}.notes'
    commands = [[sys.executable, NOTING, os.path.join(notes, str(index)),
                 (faults or {}).get(index, '')] + program.flags_of(dict(
                     program.SMALL, model_dir=model_dir, hosts=','.join(listed), host_index=index,
                     **changes)) for index in range(number)]
    return (listed,) + Group(commands, notes).ended()


def trainers(model_dir):
    """{index: pid} of the processes of a hosts file that train a model_dir."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline') as words, open(f'/proc/{pid}/environ') as variables:
                place = re.search(r'TF_CONFIG=[^\0]*"index": (\d+)', variables.read())
                if place and f'--model_dir={model_dir}' in words.read():
                    found[int(place.group(1))] = int(pid)
        except OSError:
            pass        # it has ended meanwhile
    return found
