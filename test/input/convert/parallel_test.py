"""Tasks in several processes: the error of one, while others run or wait."""

import time

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
def test_the_error_of_a_task_is_told_when_others_are_cancelled(workers):
    with pytest.raises(DataError, match='this one'):
        run(['bad', .1, .3, .5, .7] + 15 * [.01], workers)


def test_results_are_in_the_order_of_the_tasks():
    assert run([.3, .2, .1, 0], 2) == [.3, .2, .1, 0]
