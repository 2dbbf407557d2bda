"""--mode=lr_find."""

import csv
import os

import program
import pytest

from estimator.modes import lr_find

pytestmark = pytest.mark.usefixtures('shallow')


def test_the_suggestion_is_a_tenth_of_the_best_rate():
    rates = [10 ** (power / 4) for power in range(-20, 4)]
    losses = [2.0 if rate < 1e-3 else 1.0 if rate < 0.1 else 5.0 for rate in rates]
    rows = lr_find.smoothed(list(zip(rates, losses)))
    best = min(rows[lr_find.SKIPPED:], key=lambda row: row[2])
    assert 0.03 < best[0] < 0.1 and lr_find.suggestion(rows) == best[0] / 10
    assert max(row[0] for row in rows) < 2      # what has diverged is left out
    assert lr_find.suggestion(lr_find.smoothed([(rate, 1.0) for rate in rates])) is None
    assert lr_find.smoothed([(1e-6, 1.0), (1e-5, float('nan')), (1e-4, 1.0)]) == [(1e-6, 1.0, 1.0)]


def test_a_table_a_picture_and_a_rate(tmp_path, capsys):
    import main
    values = dict(program.SMALL, mode='lr_find', model_dir=tmp_path, train_steps=12,
                  learning_rate=None, num_eval_images=None, log_step_count_steps=None)
    assert main.main(['main.py'] + program.flags_of(values)) == 0
    said = capsys.readouterr().out
    assert '--learning_rate=' in said or 'no learning rate made the loss fall' in said
    assert 1 <= sum(line.startswith('step ') for line in said.splitlines()) <= 6      # every other
    with open(str(tmp_path / 'lr_find.csv')) as stream:
        rows = list(csv.DictReader(stream))
    rates = [float(row['learning_rate']) for row in rows]
    assert 6 <= len(rows) <= 12 and rates == sorted(rates) and rates[0] == lr_find.LOWEST
    assert sorted(os.listdir(str(tmp_path))) == ['lr_find.csv', 'lr_find.png']
