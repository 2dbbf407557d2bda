"""Puts the root of the project and the tests' helpers on the path, selects graph mode."""

import os
import signal
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [ROOT, os.path.join(ROOT, 'test')]
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

import pytest
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.enable_resource_variables()
# The programs that tests start hear SIGHUP, also where the tests were started with nohup.
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)


# Their slow tests start many processes that train together: `make test-long`.
LONG = ('replicas_test.py',)


def pytest_configure(config):
    config.addinivalue_line('markers', 'slow: longer than about 15 seconds (make test-slow)')
    config.addinivalue_line('markers', 'long: slow, and of many processes (make test-long)')


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker('slow') and set(LONG) & set(str(item.fspath).split(os.sep)):
            item.add_marker('long')


@pytest.fixture(autouse=True)
def no_adapter_stays():
    """The stand-in for npu_bridge that a test imported is gone afterwards."""
    yield
    for name in [name for name in sys.modules if name.split('.')[0] == 'npu_bridge']:
        del sys.modules[name]
