"""Tasks in several processes: the error of one, while others run or wait."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent import futures

import pytest

from common.errors import DataError
from input import progress
from input.convert import parallel


def work(task, advance):
    """Raises at once, or ends `task` seconds later whatever happens to the others."""
    if task == 'bad':
        raise DataError('this one')
    time.sleep(task)
    advance(1)
    return task


def run(tasks, workers):
    with progress.bar('testing', len(tasks), 'tasks') as bar:
        return parallel.run(work, tasks, workers, bar)


@pytest.mark.parametrize('workers', [1, 2, 3])
def test_the_error_of_a_task_is_told_while_others_wait(workers):
    with pytest.raises(DataError, match='this one'):
        run(['bad', .1, .3, .5, .7] + 15 * [.01], workers)


WAITING = multiprocessing.Value('i', 0)      # process that runs the task 'wait'


def doomed(task, advance):
    """Kills its worker; 'wait' ends when it is stopped, 'idle' at once."""
    if task == 'dies':
        os.kill(os.getpid(), signal.SIGKILL)
    while task == 'wait':
        WAITING.value = os.getpid()
        advance(0)
        time.sleep(.01)
    return os.getpid()


def stopped(tasks, workers):
    """Runs tasks whose worker is killed, within a time limit."""
    said = []

    def call():
        with progress.bar('testing', len(tasks), 'tasks') as bar:
            with pytest.raises(parallel.Stopped) as error:
                parallel.run(doomed, tasks, workers, bar)
        said.append(str(error.value))
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(60)
    return said


KILLED = ['a worker process was killed (out of memory?)']


def test_a_worker_that_is_killed_while_tasks_are_handed_in(monkeypatch):
    submit = futures.ProcessPoolExecutor.submit

    def slow(pool, *given):
        found = submit(pool, *given)
        time.sleep(.2)
        return found
    monkeypatch.setattr(futures.ProcessPoolExecutor, 'submit', slow)
    assert stopped(['dies', 'idle', 'idle', 'idle', 'idle'], 2) == KILLED


def test_a_worker_that_is_killed_while_others_wait_for_work():
    """It holds the lock of the queue that the other one asks next."""
    before = set(multiprocessing.active_children())

    def kill_idle():
        idle = set()
        while not (WAITING.value and idle):
            time.sleep(.05)
            idle = {child.pid for child in set(multiprocessing.active_children()) - before}
            idle.discard(WAITING.value)
        time.sleep(1)       # by now it asks for its next task
        os.kill(idle.pop(), signal.SIGKILL)
    threading.Thread(target=kill_idle, daemon=True).start()
    assert stopped(['wait', 'idle'], 2) == KILLED


def test_results_are_in_the_order_of_the_tasks():
    assert run([.3, .2, .1, 0], 2) == [.3, .2, .1, 0]
