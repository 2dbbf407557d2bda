"""The allocator's setting: large blocks are used again, and the environment has the last word."""

import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Clears and frees 64 MiB a few times; prints the pages that came fresh from the system.
PROGRAM = '''
import resource
from common import allocator
done = allocator.keep_freed_blocks()
for turn in range(4):
    bytearray(64 << 20)
    if turn == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
'''


def run(**environment):
    clean = {key: value for key, value in os.environ.items() if not key.startswith('MALLOC_')}
    out = subprocess.check_output([sys.executable, '-c', PROGRAM], cwd=ROOT,
                                  env=dict(clean, **environment), universal_newlines=True).split()
    return out[0] == 'True', int(out[1])


@pytest.mark.skipif(os.cpu_count() > 8, reason='left alone on many cores')
def test_freed_blocks_are_used_again():
    done, fresh = run()
    assert done and fresh < 1000


def test_the_environment_decides():
    done, _ = run(MALLOC_ARENA_MAX='4')
    assert not done
