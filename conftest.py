"""Puts the root of the project and the tests' helpers on the path, selects graph mode."""

import gc
import os
import signal
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [ROOT, os.path.join(ROOT, 'test')]
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

import pytest

# The programs that tests start hear SIGHUP, also where the tests were started with nohup.
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)


def pytest_configure(config):
    config.addinivalue_line('markers', 'slow: longer than about 15 seconds (make test-slow)')
    if hasattr(config, 'workerinput') or not config.getoption('numprocesses', None):
        _prepare_tensorflow()       # not in the process that only hands the tests out


def _prepare_tensorflow():
    import tensorflow.compat.v1 as tf
    tf.disable_v2_behavior()
    tf.enable_resource_variables()


def pytest_collection_finish():
    """What the imports left is not looked through again each time the graphs of tests are."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='module')
def shallow():
    """A small MobileNetV1 for a file whose tests are about all that is around a network."""
    import program
    with program.shallow():
        yield


@pytest.fixture(autouse=True)
def no_adapter_stays():
    """The stand-in for npu_bridge that a test imported is gone afterwards."""
    yield
    for name in [name for name in sys.modules if name.split('.')[0] == 'npu_bridge']:
        del sys.modules[name]
