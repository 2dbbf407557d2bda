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


def pytest_configure(config):
    config.addinivalue_line('markers', 'slow: longer than about 15 seconds (make test-slow)')


@pytest.fixture(autouse=True)
def no_adapter_stays():
    """The stand-in for npu_bridge that a test imported is gone afterwards."""
    yield
    for name in [name for name in sys.modules if name.split('.')[0] == 'npu_bridge']:
        del sys.modules[name]
