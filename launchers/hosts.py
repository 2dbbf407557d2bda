"""A hosts file: the processes of a run on CPU or GPU, one `name:port` a line, the first one writes.

The same command is typed on every host; each launcher starts the lines that are its machine's.
"""

import json
import os
import socket

from common.errors import FlagError


def read(path):
    """The addresses of a hosts file; blank lines and what follows a # do not count."""
    try:
        with open(path, encoding='utf-8', errors='backslashreplace') as stream:
            rows = [line.partition('#')[0].strip() for line in stream]
    except OSError as error:
        raise FlagError(f'--hosts_file={path}: {error.strerror}. Write one name:port a line.')
    rows = [row for row in rows if row]
    for row in rows:
        name, _, port = row.rpartition(':')
        if not (name and port.isdigit()):
            raise FlagError(f'--hosts_file={path}: {row!r} is no name:port such as 10.0.0.1:2222.')
    if len(set(rows)) < max(2, len(rows)):
        raise FlagError(f'--hosts_file={path} names a process twice, or fewer than two.')
    return rows


def environments(path):
    """[(number, environment)] of the processes of this machine; FlagError when it has none."""
    rows = read(path)
    found = [(number, {'TF_CONFIG': json.dumps({
        'cluster': {'worker': rows}, 'task': {'type': 'worker', 'index': number}})})
        for number, row in enumerate(rows) if is_here(row.rpartition(':')[0])]
    if not found:
        raise FlagError(f'--hosts_file={path}: none of {", ".join(rows)} is an address of this '
                        f'machine ({socket.gethostname()}).')
    return found


def is_here(name):
    """Whether a name or an address is this machine's: only then a socket can be bound to it."""
    try:
        address = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
            found.bind((address, 0))
        return True
    except OSError:
        return False


def shared_by(base):
    """Folder of the checkpoints' parent, the same for every process of the run."""
    return os.path.join(base, '0')
