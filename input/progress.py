"""Progress bars: tqdm's on a terminal, its plain line every ten seconds elsewhere."""

import sys
import threading


class _Lines:
    """A stream on which a rewritten line becomes a line of its own."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        """Drops the carriage returns that rewrite a line, and empty lines."""
        text = text.strip('\r\n ')
        if text:
            self._stream.write(text + '\n')

    def flush(self):
        """As of a stream."""
        self._stream.flush()


def bar(label, total, unit='images', stream=None):
    """A tqdm bar, for `with`; total None or 0: not known."""
    from tqdm import tqdm
    tqdm.monitor_interval = 0               # no thread: the converter forks
    tqdm.set_lock(threading.RLock())        # and no semaphore shared with other processes
    stream = stream or sys.stdout
    tty = stream.isatty()
    return tqdm(desc=label, total=total or None, unit=f' {unit}', leave=tty, smoothing=0,
                file=stream if tty else _Lines(stream), mininterval=0.3 if tty else 10,
                delay=0 if tty else 10, dynamic_ncols=tty, ncols=None if tty else 100)


def show(shown, done, skipped):
    """Moves a bar to `done`; what an earlier run had done does not count for the rate."""
    shown.initial = skipped
    shown.update(done - shown.n)


def rate(shown):
    """Units per second of a bar, without those that were skipped."""
    return (shown.n - shown.initial) / max(shown.format_dict['elapsed'], 1e-6)
