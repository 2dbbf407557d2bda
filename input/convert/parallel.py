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
        while os.getppid() == shared['parent']:
            time.sleep(1.0)
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


def _call(function, task):
    return function(task, _advance)


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
              'stop': context.RawValue('b', 0), 'parent': os.getpid()}
    signals.set_unsaved(True, hurried=PREEMPTED)
    try:
        if workers <= 1:
            return _run_here(function, tasks, shared, bar)
        return _run_processes(function, tasks, workers, context, shared, bar)
    finally:
        signals.set_unsaved(False)


def _run_here(function, tasks, shared, bar):
    _SHARED.update(shared)

    def advance(count, skipped=0):
        shared['stop'].value = bool(signals.received())
        _advance(count, skipped)
        progress.show(bar, shared['done'].value, shared['skipped'].value)
    results = [function(task, advance) for task in tasks]
    progress.show(bar, shared['done'].value, shared['skipped'].value)
    return results


def _run_processes(function, tasks, workers, context, shared, bar):
    with futures.ProcessPoolExecutor(workers, context, _start_worker, (shared,)) as pool:
        waiting = [pool.submit(_call, function, task) for task in tasks]
        pending = set(waiting)
        while pending:
            done, pending = futures.wait(pending, 0.2, futures.FIRST_EXCEPTION)
            progress.show(bar, shared['done'].value, shared['skipped'].value)
            if signals.received() or any(_error(future) for future in done):
                shared['stop'].value = 1
                for future in pending:
                    future.cancel()
        progress.show(bar, shared['done'].value, shared['skipped'].value)
    return _collect(waiting)


def _error(future):
    """What a finished task raised; None of one that was cancelled, which would raise here."""
    return None if future.cancelled() else future.exception()


def _collect(waiting):
    """Results of all futures, or the error that says most."""
    errors = [error for error in map(_error, waiting) if error]
    if any(isinstance(error, BrokenProcessPool) for error in errors):
        raise Stopped('a worker process was killed (out of memory?)')
    for error in sorted(errors, key=lambda error: isinstance(error, Stopped)):
        raise error
    if any(future.cancelled() for future in waiting):
        raise Stopped('interrupted')
    return [future.result() for future in waiting]
