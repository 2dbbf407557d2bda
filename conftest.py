"""Puts the root of the project and the tests' helpers on the path, selects graph mode."""

import atexit
import gc
import os
import shutil
import signal
import sys
import tempfile

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [ROOT, os.path.join(ROOT, 'test')]
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

import pytest
from long_files import LONG

# The programs that tests start hear SIGHUP, also where the tests were started with nohup.
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)


# Each worker of xdist keeps to its share of the cores, before TensorFlow counts them: as many
# threads as there are cores, and not that many in each worker.
_, _, WORKER = os.environ.get('PYTEST_XDIST_WORKER', '').partition('gw')
if WORKER and hasattr(os, 'sched_setaffinity'):
    CORES = sorted(os.sched_getaffinity(0))
    SHARE = CORES[int(WORKER)::int(os.environ['PYTEST_XDIST_WORKER_COUNT'])]
    os.sched_setaffinity(0, SHARE or CORES)
if not WORKER:      # whose caches the workers share: nothing of the user's is read or written
    os.environ['XDG_CACHE_HOME'] = tempfile.mkdtemp(prefix='tests-cache-')
    atexit.register(shutil.rmtree, os.environ['XDG_CACHE_HOME'], ignore_errors=True)


def pytest_configure(config):
    config.addinivalue_line('markers', 'slow: longer than about 15 seconds (make test-slow)')
    if hasattr(config, 'workerinput') or not config.getoption('numprocesses', None):
        _prepare_tensorflow()       # not in the process that only hands the tests out


def _prepare_tensorflow():
    import tensorflow.compat.v1 as tf
    from tensorflow.python.util import deprecation
    deprecation._PRINT_DEPRECATION_WARNINGS = False
    tf.disable_v2_behavior()
    tf.enable_resource_variables()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """--dist loadfile, but the files that take longest first: then all workers end together."""
    from xdist.scheduler import LoadFileScheduling

    class LongestFirst(LoadFileScheduling):
        def _assign_work_unit(self, node):
            for name in LONG:
                if name in self.workqueue:
                    self.workqueue.move_to_end(name, last=False)
                    break
            super()._assign_work_unit(node)
    return LongestFirst(config, log) if config.getvalue('dist') == 'loadfile' else None


def pytest_collection_finish():
    """What the imports left is not looked through again each time the graphs of tests are."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20000)     # a graph's objects live as long as the test


@pytest.fixture(scope='module')
def shallow():
    """A small MobileNetV1 for a file whose tests are about all that is around a network."""
    import program
    with program.shallow():
        yield


@pytest.fixture(scope='module')
def wide():
    """The same with its widest layers, for a file about the files of a network."""
    import program
    with program.shallow(1, wide=2):
        yield


@pytest.fixture(autouse=True)
def no_adapter_stays():
    """The stand-in for npu_bridge that a test imported is gone afterwards."""
    yield
    for name in [name for name in sys.modules if name.split('.')[0] == 'npu_bridge']:
        del sys.modules[name]
