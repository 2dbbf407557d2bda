"""The two commands of an installed copy (`pip install .`): classifiers and classifiers-convert.

The packages of this tree are installed below one name, `small_classifiers`, so that nobody's
site-packages gets an `input` or `flags` of ours; these functions put that folder on the path of
their own process.
"""

import os
import runpy
import sys

HOME = os.path.dirname(os.path.abspath(__file__))


def train():
    """main.py."""
    _run('main.py')


def convert():
    """convert_tfrecord.py."""
    _run('convert_tfrecord.py')


def _run(name):
    sys.path.insert(0, HOME)
    runpy.run_path(os.path.join(HOME, name), run_name='__main__')
