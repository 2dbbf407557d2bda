"""Signals that ask the program to stop: SIGTERM, SIGINT, SIGUSR1 and SIGHUP.

While nothing would be lost (imports, the first step of a session, an evaluation) a signal ends the
program at once with PREEMPTED; while steps are taken that no checkpoint has yet it is remembered,
and whoever takes the steps asks `received`. A thread hears of a signal through the interpreter's
wake-up pipe, so that a long call into TensorFlow does not delay the answer.
"""

import os
import signal
import threading
import time

from common.errors import PREEMPTED

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)
# The same request may come twice, from a launcher and to its process group.
REPEAT_SECONDS = 3.0
LAST_WORDS_SECONDS = 5.0


class _State:
    name = None             # of the signal received
    at = 0.0                # when
    unsaved = False         # whether stopping at once would lose work
    hurried = None          # exit code of a stop at once all the same; None: the signal's
    last_words = None       # what to do before the end, a function without arguments
    pipe = None


def install():
    """Takes over the signals; call early, in the main thread."""
    if _State.pipe:
        return
    _State.pipe = reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in STOPPING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:    # nohup
            signal.signal(number, _heard_by_the_thread)
    os.register_at_fork(after_in_child=_leave)
    threading.Thread(target=_listen, args=(reading,), daemon=True).start()


def over():
    """The outcome is settled: a signal during the interpreter's own end does not change it."""
    signal.set_wakeup_fd(-1)
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def received():
    """Name of the signal that asked to stop, or None."""
    return _State.name


def set_unsaved(unsaved, hurried=None):
    """Says whether there is work that must be saved before the program may stop.

    hurried: exit code of a stop before that, where the same command makes up for it.
    """
    _State.unsaved, _State.hurried = unsaved, hurried


def set_last_words(function):
    """What to do before a stop at once, such as writing result.json; None for nothing."""
    _State.last_words = function


def _heard_by_the_thread(number, frame):
    """The handler the interpreter wants; the pipe has carried the number already."""


def _leave():
    """A forked worker belongs to its parent: no pipe of ours, the usual signals."""
    if _State.pipe:
        signal.set_wakeup_fd(-1)
        for number in STOPPING:
            if signal.getsignal(number) is _heard_by_the_thread:
                signal.signal(number, signal.SIG_DFL)


def _listen(reading):
    while True:
        for number in os.read(reading, 1):
            if number in STOPPING:
                _take(signal.Signals(number))


def _take(number):
    now = time.monotonic()
    if _State.name is None:
        _State.name, _State.at = number.name, now
        if not _State.unsaved:
            goes_on = '; the same command goes on' if _State.last_words else ''
            _stop(f'{number.name}: nothing to save, stopped at once{goes_on}', PREEMPTED)
        _write(f'{number.name}: saving what is done; a signal in more than '
               f'{REPEAT_SECONDS:g} seconds stops at once')
    elif now - _State.at > REPEAT_SECONDS:
        _stop(f'{number.name}: stopped at once', _State.hurried or 128 + number)


def _stop(message, code):
    timer = threading.Timer(LAST_WORDS_SECONDS, os._exit, [code])
    timer.daemon = True
    timer.start()
    _write(message)
    try:
        if code == PREEMPTED and _State.last_words:
            _State.last_words()
    finally:
        os._exit(code)


def _write(message):
    """To stderr without its lock, which the main thread may hold."""
    try:
        os.write(2, f'WARNING: {message}\n'.encode())
    except OSError:
        pass
