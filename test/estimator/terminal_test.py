"""What a plain run prints: lines of ours only, one kind of progress, nothing of TensorFlow's."""

import re

import program
import pytest

# The first words of every line, in the order in which they may come.
FIRST = re.compile(r'(network|data|training|optimizer|precision)  +\S|step \d+/\d+  epoch |'
                   r'evaluation at step \d+  |best so far: |top-1 [\d.]+ |'
                   r'(picture|report|result|next)  +\S')


@pytest.mark.slow
def test_lines_of_a_run_on_two_devices_in_a_process_of_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv('TF_CPP_MIN_LOG_LEVEL')      # the tests' own
    values = dict(program.SMALL, model_dir=tmp_path / 'model', train_steps=4, steps_per_eval=2,
                  num_devices=2, eval_weights='raw')
    done = program.main_command(*program.flags_of(values))
    assert done.returncode == 0 and done.stderr == ''
    lines = done.stdout.splitlines()
    assert [line for line in lines if not FIRST.match(line)] == []
    assert sum(line.startswith('step ') for line in lines) == 4
    assert sum(line.startswith('evaluation at') for line in lines) == 2
    assert lines[-1].startswith('next       python main.py ')
