"""Ranks that start in any order, where a killed run has left its files."""

import collections
import os
import threading
import time

import program
import pytest

from common.errors import LostError
from estimator import runner
from estimator.checkpoints import reading
from estimator.devices import watch
from estimator.hooks import together

LIMIT = 60      # seconds; a quiet machine needs less than one
LEFT = {'turn': '9', 'met': '1 old', 'here-1': '1 old', 'stop': '', 'ask': ''}
Flags = collections.namedtuple('Flags', ['mode', 'model_dir'])


@pytest.fixture
def folder(tmp_path):
    """A model_dir as a run of two ranks leaves it that was killed while it trained to step 9."""
    (tmp_path / '.ranks').mkdir()
    for name, text in LEFT.items():
        (tmp_path / '.ranks' / name).write_text(text)
    return tmp_path


def started(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def wait_for(happened, thread):
    """Until something has happened or the thread has ended."""
    while not happened() and thread.is_alive():
        time.sleep(.01)


@pytest.mark.usefixtures('shallow')
@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_all_take_the_checkpoint_that_rank_0_has_found_good(folder, order, monkeypatch):
    """Not the newest one, which is damaged, however early they look."""
    program.trained(folder, mode='train', train_steps=2, save_checkpoints_steps=1)
    newest = str(folder / 'model.ckpt-2.data-00000-of-00001')
    os.truncate(newest, os.path.getsize(newest) // 2)
    taken, ranks = {}, {}
    monkeypatch.setattr(runner.session, 'place_of', lambda params: (
        ranks[threading.get_ident()], 2))
    monkeypatch.setattr(runner, 'Job', lambda *given, watching: given[-1])
    monkeypatch.setattr(runner, '_follow', lambda resumed: taken.update({1: resumed}))
    monkeypatch.setattr(runner, '_train', lambda job, resumed, watching: taken.update({0: resumed}))

    def work(rank):
        ranks[threading.get_ident()] = rank
        runner._work(None, Flags('train', str(folder)), lambda: None, None)

    first = started(work, order[0])
    # The first has got as far as it can without the other.
    wait_for(lambda: (folder / '.ranks' / 'here-1').read_text() != LEFT['here-1'], first)
    second = started(work, order[1])
    for thread in first, second:
        thread.join(LIMIT)
    assert {rank: reading.step_of(prefix) for rank, prefix in taken.items()} == {0: 1, 1: 1}


def test_nobody_begins_by_the_word_of_a_killed_run(folder):
    begun = []

    def follow():
        together.meet(str(folder), 1, 2)
        together.Together(str(folder), 1).begin(9)
        begun.append(True)

    follower = started(follow)
    together.meet(str(folder), 0, 2)
    follower.join(3 * watch.LOOK)
    assert follower.is_alive() and not begun
    together.Together(str(folder), 0).begin(9)
    follower.join(LIMIT)
    assert begun


def test_a_rank_that_does_not_come_is_named(folder, monkeypatch):
    monkeypatch.setattr(watch, 'START', 0)
    with pytest.raises(LostError, match='rank 1, rank 2: not heard of'):
        together.meet(str(folder), 0, 3)
    with pytest.raises(LostError, match='rank 0: not heard of'):
        together.meet(str(folder), 1, 3)
    together.meet(str(folder / 'alone'), 0, 1)
    assert not (folder / 'alone').exists()


def test_an_evaluation_beside_a_training_leaves_its_files(folder, monkeypatch):
    monkeypatch.setattr(runner.evaluate, 'run', lambda *given: 0)
    for rank in 0, 1:
        monkeypatch.setattr(runner.session, 'place_of', lambda params, rank=rank: (rank, 2))
        assert runner._work(None, Flags('eval', str(folder)), lambda: None, None) == 0
        together.Together(str(folder), rank)
    assert {path.name: path.read_text() for path in (folder / '.ranks').iterdir()} == LEFT
