"""Evaluations in the pauses of a training: as with a session for each, and each image once."""

import csv
import glob
import os

import program
import pytest
import tensorflow.compat.v1 as tf

from common import signals
from estimator import model_fn
from estimator.checkpoints import best
from estimator.devices import strategies

pytestmark = pytest.mark.usefixtures('shallow')

PLAN = dict(train_steps=7, steps_per_eval=2, save_summary_steps=1, save_checkpoints_steps=3,
            keep_checkpoint_max=9)
TIMES = ('images_per_sec', 'seconds', 'input_wait')


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """{name: (folder, graphs built of each kind)} of the same training, in both ways."""
    done = {}
    for name, stays in (('pauses', True), ('sessions', False)):
        folder, built = tmp_path_factory.mktemp(name), []
        with pytest.MonkeyPatch.context() as patch:
            for part in ('_train', '_evaluate'):
                patch.setattr(model_fn, part, noting(built, part, getattr(model_fn, part)))
            patch.setattr(strategies, 'stays_open', lambda device, answer=stays: answer)
            with program.shallow(1):
                assert program.run(folder, **PLAN)[0] == 0
        done[name] = folder, built
    return done


def noting(notes, name, function):
    def call(*arguments):
        notes.append(name)
        return function(*arguments)
    return call


def test_one_graph_for_all_trainings_and_one_for_all_evaluations(runs):
    assert sorted(runs['pauses'][1]) == ['_evaluate', '_train']
    assert sorted(runs['sessions'][1]) == ['_evaluate'] * 4 + ['_train'] * 4


def rows(folder, name):
    with open(str(folder / name)) as stream:
        return [{key: value for key, value in row.items() if key not in TIMES}
                for row in csv.DictReader(stream)]


def test_the_numbers_are_those_of_an_estimator(runs):
    (pauses, _), (sessions, _) = runs['pauses'], runs['sessions']
    program.assert_same_variables(pauses, sessions)
    assert [row['step'] for row in rows(pauses, 'eval.csv')] == ['2', '4', '6', '7']
    assert rows(pauses, 'eval.csv') == rows(sessions, 'eval.csv')
    assert rows(pauses, 'log.csv') == rows(sessions, 'log.csv')
    assert best.BestKeeper(str(pauses)).best()[:2] == best.BestKeeper(str(sessions)).best()[:2]
    measured = [{name: value for name, value in program.result_of(folder).items()
                 if 'loss' in name or 'accuracy' in name or 'examples' in name}
                for folder in (pauses, sessions)]
    assert measured[0] == measured[1] and measured[0]['eval_examples'] == 10
    assert kept(pauses) == kept(sessions) == [0, 2, 4, 6, 7]


def kept(folder):
    return sorted(int(path[:-len('.index')].split('-')[-1])
                  for path in glob.glob(str(folder / 'model.ckpt-*.index')))


def test_tensorboard_finds_the_same(runs):
    found = [events(str(folder / 'eval')) for folder, _ in runs.values()]
    assert found[0] == found[1]
    assert sorted({step for step, _ in found[0]}) == [2, 4, 6, 7]
    assert {'loss', 'cross_entropy', 'top_1_accuracy', 'mistakes'} <= {tag for _, tag in found[0]}


def events(folder):
    """{(step, tag): number or picture} of a folder, without the paths of checkpoints."""
    found = {}
    for path in glob.glob(os.path.join(folder, 'events*')):
        for event in tf.train.summary_iterator(path):
            for value in event.summary.value:
                if value.tag != 'checkpoint_path' and not value.tag.startswith('model.ckpt'):
                    found[event.step, value.tag] = (
                        value.image.encoded_image_string or value.simple_value)
    return found


def test_seconds_are_those_of_the_training(tmp_path, monkeypatch):
    """An evaluation that takes an hour is not in log.csv's seconds."""
    from estimator import runner
    from estimator.hooks import pauses
    hour = iter(range(0, 1 << 20, 3600))
    monkeypatch.setattr(pauses, 'time', type('Clock', (), {'monotonic': lambda: next(hour)}))
    monkeypatch.setattr(runner, '_evaluate', lambda job, record: None)
    program.run(tmp_path, train_steps=4, steps_per_eval=2)
    with open(str(tmp_path / 'log.csv')) as stream:
        seconds = [float(row['seconds']) for row in csv.DictReader(stream)]
    assert seconds[2] - seconds[1] < -3000


def test_a_signal_just_before_a_pause_ends_the_run_there(tmp_path, monkeypatch):
    """It is saved, not evaluated; the same command evaluates it and goes on as if nothing was."""
    answers = iter([None] * 3 + ['SIGTERM'] * 9)
    with monkeypatch.context() as patch:
        patch.setattr(signals, 'received', lambda: next(answers, 'SIGTERM'))
        code, result = program.run(tmp_path, train_steps=4, steps_per_eval=2)
    assert (code, result['status'], result['global_step']) == (75, 'preempted', 2)
    assert not (tmp_path / 'eval.csv').exists()
    assert program.run(tmp_path, train_steps=4, steps_per_eval=2)[0] == 0
    assert [row['step'] for row in rows(tmp_path, 'eval.csv')] == ['2', '4']
