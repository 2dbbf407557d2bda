"""Puts the root of the project on the path and selects graph mode on both runtimes."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

import tensorflow.compat.v1 as tf  # noqa: E402

tf.disable_v2_behavior()
tf.enable_resource_variables()


def pytest_configure(config):
    config.addinivalue_line('markers', 'slow: longer than about 15 seconds; run with `make test-slow`')
