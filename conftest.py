"""Puts the root of the project and the tests' helpers on the path, selects graph mode."""

import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [ROOT, os.path.join(ROOT, 'test')]
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.enable_resource_variables()


def pytest_configure(config):
    config.addinivalue_line('markers', 'slow: longer than about 15 seconds (make test-slow)')
