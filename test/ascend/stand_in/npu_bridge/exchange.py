"""All-reduce and broadcast between processes of this machine: what HCCL does between devices.

Rank 0 keeps a meeting point. In each round every rank sends (operation, arrays) and all get the
same answer, summed in the order of the ranks. A rank that stays away makes the others fail after
the time limit, as a rank that has left training does on devices.
"""

import os
import pickle
import socket
import struct
import threading
import time
import uuid

import numpy as np

from npu_bridge import records


class Error(RuntimeError):
    """The ranks did not meet."""


def limit():
    """Seconds a rank waits for the others."""
    return float(os.environ.get('NPU_STAND_IN_TIMEOUT', '200'))


class Exchange:
    """This process's connection; one round at a time."""

    def __init__(self, size):
        self._size, self._lock = size, threading.Lock()
        self._path = os.path.join(os.environ['NPU_STAND_IN_DIR'], 'meeting_point')
        if records.rank() == 0:
            self._open()
        self._connection = self._connect()

    def _open(self):
        server = socket.socket()
        server.bind(('127.0.0.1', 0))
        server.listen(self._size)
        token = uuid.uuid4().hex
        threading.Thread(target=_serve, args=(server, token, self._size), daemon=True).start()
        with open(self._path + '.new', 'w') as stream:
            stream.write(f'{server.getsockname()[1]} {token}')
        os.replace(self._path + '.new', self._path)

    def _connect(self):
        """A connection to the meeting point of this launch; an earlier one's is passed over."""
        end = time.time() + limit()
        while time.time() < end:
            try:
                with open(self._path) as stream:
                    port, token = stream.read().split()
                connection = socket.create_connection(('127.0.0.1', int(port)), limit())
                connection.settimeout(2 * limit())
                _send(connection, (records.rank(), token))
                if _receive(connection) == 'welcome':
                    return connection
            except (OSError, ValueError, EOFError):
                pass
            time.sleep(0.1)
        raise Error(f'rank {records.rank()}: no meeting point within {limit():g} s')

    def __call__(self, operation, arrays):
        with self._lock:
            _send(self._connection, (operation, arrays))
            try:
                answer = _receive(self._connection)
            except (OSError, EOFError):
                raise Error(f'rank {records.rank()}: rank 0 is gone')
        if isinstance(answer, str):
            raise Error(f'rank {records.rank()}: {answer}')
        return answer


def _serve(server, token, size):
    """Lets all ranks in, then answers round after round until one has gone."""
    connections = {}
    while len(connections) < size:
        connection, _ = server.accept()
        try:
            rank, given = _receive(connection)
        except (OSError, EOFError):
            continue
        _send(connection, 'welcome' if given == token else 'stranger')
        if given == token:
            connections[rank] = connection
    ranks = [connections[rank] for rank in sorted(connections)]
    while _round(ranks):
        pass


def _round(ranks):
    """One operation; False when there will be no other."""
    messages, absent = {}, []
    lock = threading.Condition()

    def wait_for(rank, connection):
        try:
            message = _receive(connection)
        except (OSError, EOFError):
            message = None
        with lock:
            absent.append(rank) if message is None else messages.update({rank: message})
            lock.notify()

    for rank, connection in enumerate(ranks):
        connection.settimeout(None)
        threading.Thread(target=wait_for, args=(rank, connection), daemon=True).start()
    with lock:
        lock.wait_for(lambda: messages or len(absent) == len(ranks))
        lock.wait_for(lambda: len(messages) == len(ranks), limit())
    answer = _answer(messages, len(ranks))
    for rank in list(messages):
        try:
            _send(ranks[rank], answer)
        except OSError:
            pass
    return not isinstance(answer, str)


def _answer(messages, size):
    missing = [rank for rank in range(size) if rank not in messages]
    if missing:
        return f'rank {missing} did not take part within {limit():g} s'
    operations = {message[0] for message in messages.values()}
    if len(operations) != 1:
        return f'the ranks are not at the same operation: {sorted(operations)}'
    operation, = operations
    if operation.startswith('broadcast'):
        return messages[0][1]
    columns = zip(*[messages[rank][1] for rank in range(size)])
    return [sum(column[1:], np.array(column[0])) for column in columns]


def _send(connection, value):
    data = pickle.dumps(value, protocol=4)
    connection.sendall(struct.pack('>Q', len(data)) + data)


def _receive(connection):
    return pickle.loads(_read(connection, struct.unpack('>Q', _read(connection, 8))[0]))


def _read(connection, count):
    parts = b''
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return parts


_ONE = []


def exchange():
    """The Exchange of this process, or None when it is the only rank."""
    size = int(os.environ.get('RANK_SIZE', '1'))
    if size > 1 and not _ONE:
        _ONE.append(Exchange(size))
    return _ONE[0] if size > 1 else None
