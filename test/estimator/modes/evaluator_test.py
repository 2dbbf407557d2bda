"""An evaluator beside a trainer that works: both on one model_dir, each with its own files."""

import subprocess
import sys

import program
import pytest

from estimator import curves
from estimator.checkpoints import best

STEPS, EVERY = 10, 2
# The program, which is one checkpoint ahead of those that have been evaluated at the most.
TRAINER = '''
import os, sys, time
import main
from estimator import curves
from estimator.hooks import saver
save, saved = saver.Saver._save, [0]
def wait(self, session, step):
    save(self, session, step)
    rows = lambda: curves.read(os.path.join(self._model_dir, 'eval.csv'))
    while step > saved[-1] > max([-1.0] + [row['step'] for row in rows()]):
        time.sleep(.1)
    saved.append(step)
saver.Saver._save = wait
sys.exit(main.main(['main.py'] + sys.argv[1:]))
'''


@pytest.mark.slow
def test_an_evaluator_beside_a_live_trainer(tmp_path, capsys):
    folder = tmp_path / 'run'
    words = program.flags_of(dict(program.SMALL, mode='train', model_dir=folder, train_steps=STEPS,
                                  save_checkpoints_steps=EVERY, keep_checkpoint_max=3))
    with open(str(tmp_path / 'trainer.txt'), 'w+') as log:
        trainer = subprocess.Popen([sys.executable, '-c', TRAINER] + words, cwd=program.ROOT,
                                   stdout=log, stderr=subprocess.STDOUT)
        try:
            code, result = program.run(folder, mode='eval', eval_timeout=200)
            assert trainer.wait(timeout=100) == 0
        finally:
            trainer.kill()
        log.seek(0)
        assert 'Traceback' not in log.read()
    said = capsys.readouterr()
    assert code == 0 and result['global_step'] == STEPS and 'in use' not in said.err
    trained = program.result_of(folder)
    assert (trained['status'], trained['global_step']) == ('completed', STEPS)
    assert trained['top_1_accuracy'] is None        # measuring is the evaluator's
    logged = [row['step'] for row in curves.read(str(folder / 'log.csv'))]
    assert logged == list(range(1, STEPS + 1))
    rows = curves.read(str(folder / 'eval.csv'))
    steps = [row['step'] for row in rows]
    assert len(steps) >= 2 and steps == sorted(set(steps)) and steps[-1] == STEPS
    assert all(step % EVERY == 0 for step in steps)
    top = max(rows, key=lambda row: (row['top_1_accuracy'], -row['cross_entropy']))
    objective, _, kept = best.BestKeeper(str(folder)).best()
    assert (objective, kept) == (pytest.approx(top['top_1_accuracy']),
                                 str(folder / f'archive/model.ckpt-{int(top["step"])}'))
