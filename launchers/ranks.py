"""The processes of a launch: which there are, how they are started, watched and ended.

On CPU and GPU one process drives all devices; on Ascend each device has one process, a rank. A
rank that fails leaves the others waiting in their next all-reduce, so they are ended with it.
"""

import collections
import contextlib
import fcntl
import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time

from common.errors import PREEMPTED, FlagError, ProgramError
from common.signals import STOPPING
from launchers import rank_table

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Where the originals keep their rank table when RANK_TABLE_FILE does not name one.
TABLES = ('8p.json', os.path.join('configs', 'rank_table_8p.json'))
# Seconds: between looks at the processes; for a rank to end itself once it is told to; for the
# others once one has ended in good order.
LOOK, GRACE, PATIENCE = 0.1, 10, 60

# What the originals' launchers set on Ascend, below the environment: errors only, in files.
LOGS = {'ASCEND_GLOBAL_LOG_LEVEL': '3', 'ASCEND_SLOG_PRINT_TO_STDOUT': '0',
        'SLOG_PRINT_TO_STDOUT': '0'}

Rank = collections.namedtuple('Rank', ['device', 'environment'])
Rank.__doc__ = """One process: the id of its device as text, which names its folder and log, and the
changes to its environment; None takes a variable away."""


def plan(size, device, environment, root=ROOT):
    """[Rank] to start for a launcher of `size` devices.

    device: --device, or None. On Ascend as many ranks as the rank table lists; FlagError without
    one for several devices. A table is taken away from a single device, where it would make the
    adapter wait for the others.
    """
    first = environment.get('ASCEND_DEVICE_ID') or '0'
    _require_numbers([first])
    common = {'JOB_ID': environment.get('JOB_ID', '10087')}
    table = find_table(environment, root)
    if not (device == 'npu' or device in (None, 'auto') and (size == 1 or table) and has_adapter()):
        return [Rank(first, dict(common, ASCEND_DEVICE_ID=first,
                                 RANK_SIZE=environment.get('RANK_SIZE', '1'),
                                 RANK_ID=environment.get('RANK_ID', '0')))]
    if size > 1 and not table:
        raise FlagError('Several Ascend devices need a rank table: set RANK_TABLE_FILE to one '
                        f'(docs/ascend.md shows it), or put it into {os.path.join(root, TABLES[0])}'
                        '. For one device use the launcher that ends in _1p.sh.')
    common.update((name, environment.get(name, value)) for name, value in LOGS.items())
    rows = rank_table.read(table) if size > 1 else []
    _require_numbers([number for number, _ in rows])
    if len(rows) < 2:
        first = rows[0][0] if rows else first
        return [Rank(first, dict(common, ASCEND_DEVICE_ID=first, RANK_SIZE='1', RANK_ID=None,
                                 DEVICE_INDEX=None, RANK_TABLE_FILE=None))]
    # NOTE: the originals also set ASCEND_DEVICE_ID, which names a logical device; the table's ids
    # are physical, and the adapter translates DEVICE_ID itself.
    return [Rank(number, dict(common, ASCEND_DEVICE_ID=None, DEVICE_ID=number,
                              DEVICE_INDEX=str(index), RANK_ID=rank, RANK_SIZE=str(len(rows)),
                              RANK_TABLE_FILE=table, HCCL_CONNECT_TIMEOUT=environment.get(
                                  'HCCL_CONNECT_TIMEOUT', '600')))
            for index, (number, rank) in enumerate(rows)]


def _require_numbers(devices):
    """A device's number names a folder of the output."""
    for device in devices:
        if not re.match(r'^[0-9]{1,9}\Z', device):
            raise FlagError(f'The device {device!r} is no number such as 0 or 1. Check '
                            'ASCEND_DEVICE_ID and the rank table.')


def find_table(environment, root=ROOT):
    """Path of the rank table, or None."""
    if environment.get('RANK_TABLE_FILE'):
        return os.path.abspath(environment['RANK_TABLE_FILE'])
    paths = [os.path.join(root, name) for name in TABLES]
    return next((path for path in paths if os.path.exists(path)), None)


def has_adapter():
    """Whether Ascend's TensorFlow adapter is installed for this Python."""
    return importlib.util.find_spec('npu_bridge') is not None


def log_of(base, rank):
    """Path of a rank's log."""
    return os.path.join(base, rank.device, f'train_{rank.device}.log')


def stop_at_once():
    """Until processes run a signal ends the launcher; nothing has been done that could be lost."""
    _on_signals(lambda number, _: sys.exit(PREEMPTED))


def _on_signals(handler):
    for number in STOPPING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:      # nohup
            signal.signal(number, handler)


@contextlib.contextmanager
def exclusive(output):
    """Keeps a second launcher out of a folder; the processes it starts keep the lock too."""
    handle = os.open(output, os.O_RDONLY)
    try:
        os.set_inheritable(handle, True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProgramError(f'{output} is being written by another launcher. Wait for it, or '
                               'give another --output_path.')
        except OSError:
            pass        # a file system without locks
        yield
    finally:
        os.close(handle)


def run(command, ranks, base):
    """Runs the command once a rank; the first rank's output also goes to the console.

    Signals are passed on to all. Returns the exit code of the rank that failed first, 75 when one
    was preempted, else 0; a rank killed by signal n counts as 128 + n, as the shell says it.

    From then on they are ignored: the outcome is settled.

    NOTE: SIGINT is passed on as SIGTERM. A Python that has only just started, and has no handler of
    ours yet, would answer it with a stack trace, and 3.7 with exit code 1.
    """
    running, received, copying = [], [], None

    def pass_on(number, _):
        received.append(signal.SIGTERM if number == signal.SIGINT else number)
        _signal(running, received[-1])
    _on_signals(pass_on)
    try:
        for rank in ranks:
            os.makedirs(os.path.dirname(log_of(base, rank)), exist_ok=True)
            running.append(_start(command, rank, log_of(base, rank), bool(running)))
            _signal(running[-1:], *received[:1])
        copying = threading.Thread(target=_copy, args=(running[0].stdout, log_of(base, ranks[0])))
        copying.start()
        return _watch(running, ranks, base, received)
    finally:
        _end(running)
        if copying:
            copying.join()
        _on_signals(signal.SIG_IGN)


def _start(command, rank, log, quiet):
    """The process of a rank, in a session of its own: a Ctrl-C comes through us, and once."""
    environment = dict(os.environ)
    for name, value in rank.environment.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    with open(log, 'wb') as stream:
        return subprocess.Popen(command, stdout=stream if quiet else subprocess.PIPE,
                                stderr=subprocess.STDOUT, env=environment, close_fds=False,
                                start_new_session=True)


def _copy(stream, log):
    """Copies a process's output to its log and to the console, line by line.

    A console that goes away, or a full disk, must not hold up the process.
    """
    with open(log, 'ab', buffering=0) as kept:
        for line in iter(stream.readline, b''):
            with contextlib.suppress(OSError):
                kept.write(line)
            with contextlib.suppress(OSError):
                os.write(1, line)


def _watch(running, ranks, base, received):
    """Waits until all ranks have ended or one has failed; returns the exit code of the launch.

    received: the signals passed on, a list that grows; one that ended a rank before it could
    listen has preempted it.
    """
    code, waiting_since = 0, None
    while True:
        codes = [process.poll() for process in running]
        codes = [PREEMPTED if got is not None and -got in received else got for got in codes]
        failed = [n for n, got in enumerate(codes) if got not in (None, 0, PREEMPTED)]
        if failed:
            return _failure(failed[0], codes, ranks, base)
        code = PREEMPTED if PREEMPTED in codes else 0
        if None not in codes:
            return code
        # Ranks above 0 may be done while rank 0 still evaluates, but not the other way round.
        if codes[0] is not None or PREEMPTED in codes:
            waiting_since = waiting_since or time.monotonic()
            if time.monotonic() - waiting_since > PATIENCE:
                late = [str(n) for n, got in enumerate(codes) if got is None]
                print(f'[Error] rank {", ".join(late)} did not end within {PATIENCE} s of the '
                      'others; ended', file=sys.stderr)
                return code or 1
        time.sleep(LOOK)


def _failure(first, codes, ranks, base):
    """Says which rank failed; returns its exit code in the shell's way."""
    code = codes[first] if codes[first] > 0 else 128 - codes[first]
    if len(ranks) > 1:
        others = sum(got is None for got in codes)
        rest = f'; the {others} that wait for it are ended too' if others else ''
        print(f'[Error] rank {first} of {len(ranks)} (device {ranks[first].device}) ended with '
              f'exit code {code}, see {log_of(base, ranks[first])}{rest}', file=sys.stderr)
    return code


def _signal(running, *numbers):
    for process in running:
        for number in numbers:
            # poll() knows nothing while the main thread, which a signal has interrupted, is in it.
            with contextlib.suppress(ProcessLookupError):
                if process.poll() is None:
                    process.send_signal(number)


def _end(running):
    """Ends what still runs: asked first, killed after GRACE seconds."""
    _signal(running, signal.SIGTERM)
    limit = time.monotonic() + GRACE
    while any(process.poll() is None for process in running) and time.monotonic() < limit:
        time.sleep(LOOK)
    _signal(running, signal.SIGKILL)
    for process in running:
        process.wait()
