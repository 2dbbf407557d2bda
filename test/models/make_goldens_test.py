"""The script that makes goldens follows the rules the stored ones were made by."""

import sys

import golden_rules
import golden_tools
import pytest

sys.path.insert(0, golden_tools.ROOT)

import make_goldens


@pytest.mark.parametrize('model', sorted(make_goldens.ORIGINALS))
def test_its_gain_and_fan_in_are_the_stored_ones(model):
    stored = golden_tools.read_json(model, 'variables')
    original = make_goldens.ORIGINALS[model]
    assert original.gain == stored['kernel_gain'] and original.classes == stored['num_classes']
    for row in stored['variables']:
        if golden_tools.rule_of(row['name']) == 'kernel' and 'condconv' not in row['name']:
            assert make_goldens.fan_in(row['name'], row['shape']) == row['fan_in'], row['name']


def test_differences_are_found(tmp_path):
    files = {'a.json': {'numbers': [1.0, 2.0], 'names': ['x', 'y']}}
    golden_rules.write(str(tmp_path), files)
    assert list(golden_rules.differences(str(tmp_path), files)) == [
        'a.json numbers: 0.0e+00', 'a.json names: equal']
    changed = {'a.json': {'numbers': [1.0, 2.2], 'names': ['x', 'z']}}
    assert list(golden_rules.differences(str(tmp_path), changed)) == [
        'a.json numbers: 1.0e-01', 'a.json names: DIFFERENT']
