"""Runs whose steps are skipped by a dynamic loss scale: counting, resuming, changing precision."""

import csv

import program


def test_skipped_steps_count_and_resume_exactly(tmp_path):
    changes = dict(mode='train', precision_mode='force_fp16')
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    _, result = program.run(whole, train_steps=9, **changes)
    program.run(parts, train_steps=4, **changes)
    program.run(parts, train_steps=9, **changes)
    program.assert_same_variables(whole, parts)
    held = program.variables(whole)
    assert held['skipped_steps'] > 0 and held['global_step'] == 9
    assert (result['global_step'], result['examples_seen']) == (9, 72)
    assert result['skipped_steps'] == held['skipped_steps']
    with open(str(parts / 'log.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == list(range(1, 10))


def test_float16_continues_from_float32_and_back(tmp_path):
    program.run(tmp_path, mode='train', train_steps=2)
    program.run(tmp_path, mode='train', train_steps=4, precision_mode='force_fp16')
    assert program.variables(tmp_path)['skipped_steps'] > 0
    _, result = program.run(tmp_path, mode='train', train_steps=5)
    assert result['global_step'] == 5
