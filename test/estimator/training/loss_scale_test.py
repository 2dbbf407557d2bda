"""Runs whose steps are skipped by a dynamic loss scale: counting, resuming, changing precision."""

import csv

import program


def test_skipped_steps_count_and_resume_exactly(tmp_path):
    """From float32 to float16, in one go and in two, and back."""
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    changes = dict(mode='train', precision_mode='force_fp16')
    for folder in (whole, parts):
        folder.mkdir()
        program.trained(folder, mode='train', train_steps=2)
    _, result = program.run(whole, train_steps=11, **changes)
    program.run(parts, train_steps=6, **changes)
    program.run(parts, train_steps=11, **changes)
    program.assert_same_variables(whole, parts)
    held = program.variables(whole)
    assert held['skipped_steps'] > 0 and held['global_step'] == 11
    assert (result['global_step'], result['examples_seen']) == (11, 88)
    assert result['skipped_steps'] == held['skipped_steps']
    with open(str(parts / 'log.csv')) as stream:
        assert [int(row['step']) for row in csv.DictReader(stream)] == list(range(1, 12))
    _, result = program.run(whole, mode='train', train_steps=12)
    assert result['global_step'] == 12
