"""Real file systems that fill up, refuse or vanish: one message, and the checkpoints stay."""

import json
import os
import subprocess
import sys

import program
import pytest

SCRIPT = os.path.join(program.ROOT, 'test', 'small_disks.py')


def may_mount(folder):
    """Whether this user may mount a file system that only one process sees."""
    try:
        return not subprocess.run(
            ['unshare', '--mount', 'mount', '-t', 'tmpfs', 'probe', folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    except OSError:
        return False


@pytest.mark.slow
def test_disks_that_fill_up_refuse_or_vanish(tmp_path):
    (tmp_path / 'probe').mkdir()
    if not may_mount(str(tmp_path / 'probe')):
        pytest.skip('needs the right to mount (root, and unshare)')
    done = program.command('unshare', '--mount', sys.executable, SCRIPT, tmp_path,
                           'space', 'inodes', 'read_only', 'vanished')
    assert done.returncode == 0 and 'Traceback' not in done.stderr, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for name in ('space', 'inodes'):
        case = found[name]
        assert case['code'] == 1 and 'No space left on device' in case['message'], case
        assert 'type the same command again' in case['message'] and case['whole'], case
        assert case['resumed'] == max(case['whole']), case
        assert (case['afterwards'], case['last'], case['columns']) == (0, 12, [8]), case
    case = found['read_only']
    assert case['code'] == 1 and 'Read-only file system' in case['message'], case
    assert 2 in case['whole'] and case['evaluation'] == 'printed' and case['same'], case
    case = found['vanished']
    assert case['code'] == 1 and '/vanished' in case['message'], case
    assert 'has been removed' in case['message'] and 'intact' not in case['message'], case
