"""Signs of life between the processes of a run: who has died, hangs or has failed.

An all-reduce waits for ever for a process that is gone, and TensorFlow's runtimes do not say who it
is. So each process tells each other one once a second that it lives, by a UDP datagram to the port
whose TCP side TensorFlow uses; a thread sends and listens while the main thread waits in C++.
TensorFlow is imported only for the hook of a session.
"""

import collections
import functools
import json
import os
import signal
import socket
import threading
import time

from common import signals
from common.console import say, warn
from common.errors import PREEMPTED, FlagError, LostError

BEAT = 1.0              # seconds between signs of life
START = 600.0           # seconds to wait for processes that have never been heard of
REMIND = 15.0           # seconds between lines about whom it waits for
LOOK = 0.2              # seconds between two looks
FAREWELLS = 3           # datagrams can be lost
GRACE = 5.0             # seconds for this process to end with its own message after another's
SESSION = 10            # times the timeout: what a session may take to begin

Peer = collections.namedtuple('Peer', ['at', 'born', 'code', 'text'])
Peer.__doc__ = """What was last heard of a process.

at: when, by this one's clock; born: its start, by its own; code: the exit code it left with, None
while it runs; text: why.
"""


# What the processes of TensorFlow are up to when a session does not begin.
DEADLOCK = 'the processes wait for each other'


def wait_for(missing, advice):
    """Waits until missing() lists no names any more. LostError with the advice after START."""
    since = reminded = time.monotonic()
    while True:
        names = ', '.join(missing())
        if not names:
            return
        now = time.monotonic()
        if now - since > START:
            raise LostError(f'{names}: not heard of within {START:g} s. {advice}')
        if now - reminded > REMIND:
            reminded = now
            say(f'waiting for {names}')
        time.sleep(LOOK)


class Watch:
    """Sends and expects signs of life from start() until close().

    hosts: hosts.Hosts; timeout: seconds of silence after which a process is lost.
    on_lost: function(message) called in the thread before the program ends with LostError's code.
    """

    def __init__(self, hosts, timeout):
        self._hosts, self._timeout = hosts, timeout
        self.on_lost = None
        self._born, self._peers, self._told = time.time(), {}, False
        self._closing = threading.Event()
        self._code, self._text = None, ''
        self._socket = self._bind()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def start(self):
        """Begins, and waits until every process has been heard of. LostError after START."""
        self._thread.start()
        wait_for(lambda: [self._name(n) for n in self._others() if n not in self._peers],
                 'Start the same command there, with its own --host_index, and open its port for '
                 'TCP and UDP.')

    def close(self, code, text=''):
        """Says farewell with an exit code and, for a failure, the reason."""
        self._code, self._text = code, text
        self._closing.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(3 * BEAT)
        for _ in range(FAREWELLS):
            self._send()

    def _others(self):
        return [n for n in range(len(self._hosts.addresses)) if n != self._hosts.index]

    def _name(self, index):
        return f'process {index} ({self._hosts.addresses[index]})'

    def _address(self, index):
        name, _, port = self._hosts.addresses[index].rpartition(':')
        return socket.getaddrinfo(name, int(port), socket.AF_INET, socket.SOCK_DGRAM)[0][4]

    def _bind(self):
        port = int(self._hosts.addresses[self._hosts.index].rpartition(':')[2])
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            found.bind(('', port))
        except OSError as error:
            raise FlagError(f'{self._name(self._hosts.index)}: port {port} of this machine cannot '
                            f'be used ({error.strerror}). Is this process running already?')
        found.settimeout(BEAT / 2)
        return found

    def _live(self):
        sent = checked = float('-inf')
        while not self._closing.is_set():
            now = time.monotonic()
            if now - sent >= BEAT:
                if now - checked > self._timeout / 2:
                    # This process stood still itself: what it did not hear is no news.
                    self._peers = {n: peer._replace(at=now) for n, peer in self._peers.items()}
                sent = checked = now
                self._send()
                self._look(now)
            try:
                self._hear(*self._socket.recvfrom(65535))
            except (socket.timeout, OSError):
                pass

    def _send(self):
        word = {'run': self._hosts.addresses, 'index': self._hosts.index, 'born': self._born,
                'code': self._code, 'text': self._text}
        for n in self._others():
            try:
                self._socket.sendto(json.dumps(word).encode(), self._address(n))
            except OSError:
                pass        # its machine is not there yet, or no longer

    def _hear(self, data, _):
        try:
            word = json.loads(data.decode())
            index, born = int(word['index']), float(word['born'])
            ours = tuple(word['run']) == self._hosts.addresses and index in self._others()
        except (ValueError, KeyError, TypeError):
            return
        known = self._peers.get(index)
        if not ours or known and born < known.born:
            return
        if known and born > known.born and known.code is None:
            self._lose(f'{self._name(index)} has died and was started again')
        self._peers[index] = Peer(time.monotonic(), born, word.get('code'), word.get('text'))

    def _look(self, now):
        for n, peer in sorted(self._peers.items()):
            if peer.code == PREEMPTED and not self._told:
                self._told = True
                self._leave_too(self._name(n))
            elif peer.code not in (None, 0, PREEMPTED) and now - peer.at > GRACE:
                self._lose(f'{self._name(n)} ended with exit code {peer.code}: {peer.text}')
            elif peer.code is None and now - peer.at > self._timeout:
                self._lose(f'{self._name(n)} has given no sign of life for {now - peer.at:.0f} s: '
                           'it has died, hangs, or cannot be reached')

    def _leave_too(self, name):
        if signals.received() is None:
            warn(f'{name} was stopped by a signal')
            os.kill(os.getpid(), signal.SIGTERM)

    def session_limit(self):
        """Hook of a training that ends this process when its session does not begin.

        NOTE: seen once, under TensorFlow 1.15, in the training after an evaluation: the runtimes
        of both processes waited, one while it restored, one while it initialised.
        """
        from estimator.hooks.session_limit import SessionLimit
        return SessionLimit(SESSION * self._timeout, self._never_began)

    def _never_began(self, seconds):
        if not self._closing.is_set():      # else an error has ended the waiting
            self._lose(f'the session of {self._name(self._hosts.index)} has not begun within '
                       f'{seconds:.0f} s: {DEADLOCK}')

    def blame(self):
        """After an error that another's end may have caused: if one is silent, ends with that."""
        time.sleep(4 * BEAT)
        while any(peer.code is None and time.monotonic() - peer.at > 3 * BEAT
                  or peer.code not in (None, 0, PREEMPTED)
                  for peer in list(self._peers.values())):      # the thread may add one
            time.sleep(BEAT)

    def _lose(self, what):
        message = (f'{what}. The last checkpoint is intact: start the same command on all hosts '
                   'again, it goes on there.')
        try:
            self._code, self._text = LostError.exit_code, what
            self._send()
            if self.on_lost:
                self.on_lost(message)
        finally:
            warn(f'{message} (exit code {LostError.exit_code})')
            os._exit(LostError.exit_code)


def watched(hosts, timeout, work):
    """work(Watch), watched; returns what it returns, the exit code."""
    watch = Watch(hosts, timeout)
    signals.set_last_words(functools.partial(watch.close, PREEMPTED))
    code, text = 1, ''
    try:
        watch.start()
        code = work(watch)
    except Exception as error:
        code, text = getattr(error, 'exit_code', 1), (str(error).splitlines() or [''])[0]
        if not hasattr(error, 'exit_code'):
            watch.blame()
        raise
    finally:
        watch.close(code, text)
        signals.set_last_words(None)
    return code
