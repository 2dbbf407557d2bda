"""Runs tasks in this process or in several, moves a bar, and stops cleanly on a signal.

A task function is called as `function(task, advance)` and calls `advance(n)` after every n images;
`advance` raises Stopped once a signal arrived (common.signals) or another task failed. A task thus
always ends by itself and can clean up.
"""

import multiprocessing
import os
import signal
import threading
import time
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool

from common import signals
from common.errors import PREEMPTED
from input import progress


class Stopped(Exception):
    """Interrupted; the same command goes on from here."""

    exit_code = PREEMPTED


# Values of `stop`. A worker that was killed may have held a lock of the pool, for which the others
# would wait for ever: then they go by themselves.
_STOPPED, _BROKEN = 1, 2
LOOK = 0.5      # seconds
_SHARED = {}


def _advance(count, skipped=0):
    with _SHARED['done'].get_lock():
        _SHARED['done'].value += count + skipped
        _SHARED['skipped'].value += skipped
    if _SHARED['stop'].value:
        raise Stopped('interrupted')


def _start_worker(shared):
    """A worker leaves signals to its parent and goes when the parent is gone.

    Whose number is the parent's word: it may be gone before this worker comes to ask.
    """
    _SHARED.update(shared)
    for number in signals.STOPPING:
        signal.signal(number, signal.SIG_IGN)

    def watch():
        while os.getppid() == shared['parent'] and shared['stop'].value != _BROKEN:
            time.sleep(LOOK)
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


def _call(number):
    """Runs a task that came with the fork: nothing is pickled but its result."""
    _advance(0)     # after a stop what waits its turn ends before it begins
    return _SHARED['function'](_SHARED['tasks'][number], _advance)


def run(function, tasks, workers, bar):
    """List of the results of `function(task, advance)` in the order of the tasks.

    bar: of input.progress, shown at every step.

    Raises:
        Stopped: a signal came, or a worker process died.
        Exception: the first one that a task raised.
    """
    workers = min(workers, len(tasks))
    context = multiprocessing.get_context('fork')
    shared = {'done': context.Value('q', 0), 'skipped': context.Value('q', 0),
              'stop': context.RawValue('b', 0), 'parent': os.getpid(),
              'function': function, 'tasks': tasks}
    signals.set_unsaved(True, hurried=PREEMPTED)
    try:
        if workers <= 1:
            return _run_here(shared, bar)
        return _run_processes(workers, context, shared, bar)
    finally:
        signals.set_unsaved(False)


def _run_here(shared, bar):
    _SHARED.update(shared)

    def advance(count, skipped=0):
        shared['stop'].value = bool(signals.received())
        _advance(count, skipped)
        progress.show(bar, shared['done'].value, shared['skipped'].value)
    results = [shared['function'](task, advance) for task in shared['tasks']]
    progress.show(bar, shared['done'].value, shared['skipped'].value)
    return results


def _run_processes(workers, context, shared, bar):
    """NOTE: no future is cancelled: then 3.11's pool stands still when a worker is killed."""
    with futures.ProcessPoolExecutor(workers, context, _start_worker, (shared,)) as pool:
        try:
            # Raises like a future when a worker is killed before all tasks are handed in.
            waiting = [pool.submit(_call, number) for number in range(len(shared['tasks']))]
            pending = set(waiting)
            while pending:
                done, pending = futures.wait(pending, 0.2, futures.FIRST_EXCEPTION)
                progress.show(bar, shared['done'].value, shared['skipped'].value)
                errors = [future.exception() for future in done]
                if any(isinstance(error, BrokenProcessPool) for error in errors):
                    raise BrokenProcessPool
                if signals.received() or any(errors):
                    shared['stop'].value = _STOPPED
        except BrokenProcessPool:
            shared['stop'].value = _BROKEN
            raise Stopped('a worker process was killed (out of memory?)') from None
        progress.show(bar, shared['done'].value, shared['skipped'].value)
    return _collect(waiting)


def _collect(waiting):
    """Results of all futures, or the error that says most."""
    errors = [future.exception() for future in waiting if future.exception()]
    for error in sorted(errors, key=lambda error: isinstance(error, Stopped)):
        raise error
    return [future.result() for future in waiting]
